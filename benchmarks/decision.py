"""One decision in this process: rules, features, prediction, guard, explanation; no store.

Twice: without attributions, which is what the design bounds, and with them, as a worker serves.
What the pandas pipeline does holds neither guard nor explanation nor attributions.
"""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from benchmarks.naive import pipeline
from benchmarks.report import Report
from benchmarks.rows import bodies
from ml.bundle import Bundle, load_latest
from ml.case import TriageCase, parse_case
from ml.decision import decide, explain
from ml.rules.engine import assess

# Batch size and the most microseconds a row that the design allows.
BATCHES = ((1, 300.0), (32, 120.0), (256, 80.0))
ROUNDS = 5


def measure(scale: float) -> Report:
    report = Report("decision", "one decision in process; processor time a row")
    rows = max(512, int(2_048 * scale))
    records = bodies(rows)
    cases = [parse_case(body) for body in records]
    bundle, served = load_latest(), pipeline.load()
    with _as_a_worker():
        steps = _steps(bundle, cases)
        for size, bar in BATCHES:
            # A frame of one row costs milliseconds: fewer rows say as much.
            few = cases[: rows if size > 1 else rows // 2]
            slow = records[: max(size, 128 if size == 1 else 512)]
            apart, ours, naive = [], [], []
            for _ in range(ROUNDS):
                apart.append(_per_row(partial(_decide_all, bundle, few, size, False), len(few)))
                ours.append(_per_row(partial(_decide_all, bundle, few, size, True), len(few)))
                naive.append(_per_row(partial(_naive_all, served, slow, size), len(slow)))
            report.tell(f"attributions apart, batch {size}", "µs/row", apart, at_most=bar)
            report.tell(f"with attributions, as served, batch {size}", "µs/row", ours)
            report.compare(
                f"… apart, against the pandas pipeline, batch {size}",
                "µs/row",
                apart,
                naive,
                cost=True,
            )
        for name, work in steps:
            spent = [_per_row(work, rows) for _ in range(ROUNDS)]
            report.tell(f"  of it {name}", "µs/row", spent)
        report.notes.append(_agreement(bundle, served, cases, records))
    return report


@contextmanager
def _as_a_worker() -> Iterator[None]:
    """What is loaded is kept from the garbage collector, as a worker's child does
    (`workers.model_process`); for both ways alike."""
    gc.collect()
    gc.freeze()
    before = gc.get_threshold()
    gc.set_threshold(50_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _decide_all(bundle: Bundle, cases: list[TriageCase], size: int, attributed: bool) -> None:
    for start in range(0, len(cases), size):
        batch = [(case, assess(case)) for case in cases[start : start + size]]
        predictions = bundle.predictor.predict_many(batch, explain=attributed)
        for (_, rules), prediction in zip(batch, predictions, strict=True):
            decide(rules, prediction, "ml", bundle.policy)
            explain(rules, prediction)


def _naive_all(served: pipeline.Served, records: list[dict[str, Any]], size: int) -> None:
    for start in range(0, len(records), size):
        served.predict_proba(pipeline.frame(_clinical(records[start : start + size])))


def _clinical(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key != "patient_id"} for one in records]


def _steps(bundle: Bundle, cases: list[TriageCase]) -> list[tuple[str, Callable[[], object]]]:
    """The parts of a decision by themselves, at batch 256."""
    batch = [(case, assess(case)) for case in cases]
    predictor = bundle.predictor
    predictions = predictor.predict_many(batch)
    said = [(rules, one) for (_, rules), one in zip(batch, predictions, strict=True)]
    slices = [batch[start : start + 256] for start in range(0, len(batch), 256)]
    return [
        ("rules", lambda: [assess(case) for case in cases]),
        (
            "features and prediction",
            lambda: [predictor.predict_many(s, explain=False) for s in slices],
        ),
        ("… with attributions", lambda: [predictor.predict_many(s) for s in slices]),
        ("guard", lambda: [decide(rules, one, "ml", bundle.policy) for rules, one in said]),
        ("explanation", lambda: [explain(rules, one) for rules, one in said]),
    ]


def _per_row(work: Callable[[], object], rows: int) -> float:
    """Microseconds of processor time a row: neighbours on the machine do not count."""
    started = time.process_time()
    work()
    return (time.process_time() - started) / rows * 1e6


def _agreement(
    bundle: Bundle, served: pipeline.Served, cases: list[TriageCase], records: list[dict[str, Any]]
) -> str:
    few = cases[:512]
    ours = bundle.predictor.predict_many([(case, assess(case)) for case in few], explain=False)
    theirs = served.predict_proba(pipeline.frame(_clinical(records[:512])))
    apart = max(
        abs(a - b)
        for one, other in zip(ours, theirs.tolist(), strict=True)
        for a, b in zip(one.probabilities, other, strict=True)
    )
    return (
        f"Both give the same probabilities: greatest difference {apart:.1e} over {len(few)} rows."
    )
