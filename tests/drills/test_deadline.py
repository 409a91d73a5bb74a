"""Scenario 10: with all workers, keepers, beat and the broker dead, every read answers."""

from pathlib import Path
from typing import Any

from ml.schema import Level
from tests.drills.harness import KEEPERS, OTHERS, TRIAGE, WORKERS, System
from tests.drills.load import Load, bodies
from tests.drills.oracle import judge


def level(resource: dict[str, Any]) -> Level:
    return Level.parse(resource["answer"]["prediction"])


def test_with_everything_but_the_web_dead_every_read_past_the_deadline_answers(
    system: System, tmp_path: Path
) -> None:
    system.kill(*WORKERS, *KEEPERS, *OTHERS, "valkey")
    batch = {"requests": bodies(13, 30)}
    key = {"Idempotency-Key": "batch"}
    with Load(system, tmp_path / "dead.jsonl", seed=12) as load:
        web, other = load.clients
        ids = [load.submit(f"k{n}", body) for n, body in enumerate(bodies(12, 20))]
        tags = {one: web.get(f"{TRIAGE}{one}/").headers["ETag"] for one in ids}
        first = web.post(f"{TRIAGE}batch/", json=batch, headers=key).json()
        assert first["accepted"] == 30
        system.sql("UPDATE triage_triagerequest SET deadline_at = now() WHERE answer = 'open'")
        half = len(ids) // 2
        seen = {one: web.get(f"{TRIAGE}{one}/").json() for one in ids[:half]}
        # A conditional read must not be told "not modified" about a request that is due.
        for one in ids[half:]:
            found = other.get(f"{TRIAGE}{one}/", headers={"If-None-Match": tags[one]})
            red_flag = "answered" in tags[one]
            assert found.status_code == (304 if red_flag else 200)
            seen[one] = other.get(f"{TRIAGE}{one}/").json()
        again = other.post(f"{TRIAGE}batch/", json=batch, headers=key).json()
        shown = [item["request"] for item in again["items"]]
        assert [one["id"] for one in shown] == [one["request"]["id"] for one in first["items"]]
        assert all(one["done"] for one in [*seen.values(), *shown])
        assert {one["answer"]["method"] for one in seen.values()} <= {"rules", "red_flag_override"}
        assert "rules" in {one["answer"]["method"] for one in seen.values()}

        system.heal()
        system.wait_for_quiet(30)
        late = system.sql(
            "SELECT count(DISTINCT request_id) FROM triage_predictionlog WHERE predictor = 'model'"
        )
        assert late == [(50,)], "the late model's opinion is logged for each"
        for one, before in seen.items():
            after = web.get(f"{TRIAGE}{one}/").json()
            assert level(after) >= level(before)
            assert after["answer"]["amended"] == (level(after) > level(before))
    # The batch's items are not in the load's file; only what is, is judged one by one.
    wrong = [text for text in judge(system, [load.path]).wrong if "nobody sent it" not in text]
    assert not wrong, wrong
