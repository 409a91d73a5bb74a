"""Records through the front door: submit over HTTP, wait for the answers, score them."""

import csv
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from ml.errors import InvalidRecord
from ml.records import Record, body_of
from ml.schema import Level

THREADS: Final = 8
_WAIT_SECONDS: Final = 10
_GIVE_UP_SECONDS: Final = 120
_RETRIES: Final = 20
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Replayed:
    """One record and its answer; `seconds` from the first try to submit until it was seen."""

    record: Record
    answer: dict[str, Any] | None
    seconds: float

    @property
    def level(self) -> Level | None:
        return None if self.answer is None else Level.parse(self.answer["prediction"])


def at_fixed_rate(per_second: float) -> Iterator[float]:
    """Seconds after the start at which each record is due; 0 for ever when the rate is 0."""
    number = 0
    while True:
        yield number / per_second if per_second else 0.0
        number += 1


def at_profile(path: Path, speedup: float, seed: int) -> Iterator[float]:
    """Arrivals of a real emergency department: Poisson with the mean of each weekday and hour,
    from Monday 00:00 on, `speedup` times as fast. Raises `InvalidRecord` naming the column."""
    try:
        with path.open(newline="") as lines:
            means = {
                (row["Weekday"], int(float(row["Hour"]))): float(row["mean"])
                for row in csv.DictReader(lines)
            }
        hourly = [means[day, hour] for day in _WEEKDAYS for hour in range(24)]
    except (KeyError, ValueError, UnicodeDecodeError):
        raise InvalidRecord("profile: expected columns Weekday, Hour, mean of 168 hours") from None
    chance = random.Random(seed)  # noqa: S311  (arrival times are no secret)
    most, now = max(hourly), 0.0
    if most <= 0:
        raise InvalidRecord("profile: expected at least one hour with arrivals")
    while True:
        # Thinning (Lewis and Shedler 1979): draw at the highest rate, keep each hour's share.
        now += chance.expovariate(most)
        if chance.random() < hourly[int(now) % len(hourly)] / most:
            yield now * 3600 / speedup


def replay(
    client: httpx.Client, records: Sequence[Record], due: Iterator[float], run: str
) -> Iterator[Replayed]:
    """Submit every record when it is due and yield it with its answer, as answers come."""
    started = time.monotonic()

    def one(pair: tuple[Record, float]) -> Replayed:
        record, offset = pair
        time.sleep(max(0.0, started + offset - time.monotonic()))
        begin = time.monotonic()
        body = body_of(record.case) | {"patient_id": f"{run}-{record.line}"}
        answer = _answer(client, body, f"{run}-{record.line}", begin + _GIVE_UP_SECONDS)
        return Replayed(record, answer, time.monotonic() - begin)

    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(one, zip(records, due, strict=False))


def _answer(
    client: httpx.Client, body: dict[str, Any], key: str, until: float
) -> dict[str, Any] | None:
    """Submit (again, under one key, while the service says "later") and wait for the answer."""
    for _ in range(_RETRIES):
        response = client.post("/api/v1/triage/", json=body, headers={"Idempotency-Key": key})
        if response.status_code not in {429, 503}:
            break
        time.sleep(float(response.headers.get("Retry-After", "1")))
    response.raise_for_status()
    resource = response.json()
    while not resource["done"] and time.monotonic() < until:
        read = client.get(
            response.headers["Location"] + f"?wait={_WAIT_SECONDS}",
        )
        if read.status_code == 200:
            resource = read.json()
    answer: dict[str, Any] | None = resource["answer"]
    return answer


def summary(replayed: Sequence[Replayed], seconds: float) -> dict[str, Any]:
    """What was answered, by whom, how well and how fast; JSON. Scores need labelled records."""
    from ml.evaluation import score

    answered = [one for one in replayed if one.answer is not None]
    labelled = [(one.record.level, one.level) for one in answered if one.record.level is not None]
    found: dict[str, Any] = {
        "records": len(replayed),
        "answered": len(answered),
        "seconds": round(seconds, 2),
        "requests_per_second": round(len(replayed) / seconds, 1),
        "by_method": dict(Counter(one.answer["method"] for one in answered if one.answer)),
        "by_ab_group": dict(Counter(one.answer["ab_group"] for one in answered if one.answer)),
        "fallback": sum(bool(one.answer and one.answer["fallback"]) for one in answered),
        "needs_review": sum(bool(one.answer and one.answer["needs_review"]) for one in answered),
        "model_versions": sorted(
            {one.answer["model_version"] for one in answered if one.answer} - {None}
        ),
        "latency_ms": _latency([one.seconds for one in answered]),
        "scores": {},
    }
    if labelled:
        found["scores"]["all"] = _scores(score, labelled)
        for group in sorted(found["by_ab_group"]):
            pairs = [
                (one.record.level, one.level)
                for one in answered
                if one.record.level is not None and one.answer and one.answer["ab_group"] == group
            ]
            found["scores"][group] = _scores(score, pairs)
    return found


def _scores(score: Any, pairs: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
    scores: dict[str, Any] = score(
        [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    ).to_json()
    return scores


def _latency(seconds: Sequence[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {}
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {f"p{n}": round(cuts[n - 1] * 1000, 1) for n in (50, 95, 99)}
