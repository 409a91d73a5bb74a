"""The whole path with real processes: web, worker, keeper, PostgreSQL, Valkey."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from backend.triage.queue import TRIAGE_PREDICT
from ml import bundle
from ml.cohort import generate
from ml.records import body_of, read_records
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import ROOT, Processes

Sql = Callable[..., list[Any]]
TRIAGE = "/api/v1/triage/"
FLAG = "red_flag_override"
REAL_RECORDS = ROOT.parent / "shared" / "data" / "ktas.csv"


def bodies(count: int) -> list[dict[str, Any]]:
    """Real patients' records where they are at hand, else the synthetic cohort."""
    found = read_records(REAL_RECORDS) if REAL_RECORDS.exists() else generate(count, seed=11)
    return [
        body_of(record.case) | {"patient_id": f"p{number}"}
        for number, record in zip(range(count), found, strict=False)
    ]


def in_arm(sql: Sql, arm: str) -> None:
    """Puts every request into one arm, whatever the salt of this run is."""
    sql(
        "CREATE OR REPLACE FUNCTION one_arm() RETURNS trigger AS"
        f" $$ BEGIN NEW.arm := '{arm}'; RETURN NEW; END $$ LANGUAGE plpgsql"
    )
    sql(
        "CREATE OR REPLACE TRIGGER one_arm BEFORE INSERT ON triage_triagerequest"
        " FOR EACH ROW EXECUTE FUNCTION one_arm()"
    )


@pytest.fixture
def ml_arm(sql: Sql) -> Any:
    in_arm(sql, "ml")
    yield
    sql("DROP TRIGGER one_arm ON triage_triagerequest")


def broker() -> Any:
    return redis.Redis.from_url(os.environ["REDIS_URL"])


def submit_all(web: httpx.Client, requests: list[dict[str, Any]]) -> list[str]:
    with ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(lambda body: web.post(TRIAGE, json=body), requests))
    assert {response.status_code for response in responses} == {202}
    return [response.json()["id"] for response in responses]


def all_answered(web: httpx.Client, ids: list[str], wait: int = 10) -> list[dict[str, Any]]:
    """The answers, waited for as a web app does: call by call. Without `wait` they are there."""

    def read(one: str) -> Any:
        found = web.get(f"{TRIAGE}{one}/?wait={wait}").json()
        return found["answer"] if found["done"] else None

    def answer(one: str) -> Any:
        return eventually(lambda: read(one), 40 if wait else 0, what="every request is answered")

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(answer, ids))


def test_twenty_records_go_the_whole_way(
    processes: Processes, owner_key: str, sql: Sql, ml_arm: None
) -> None:
    web, _ = processes.web_and_worker(owner_key, children=2)
    ids = submit_all(web, bodies(20))
    answers = all_answered(web, ids)
    by_model = [one for one in answers if one["method"] != "red_flag_override"]
    version = bundle.latest_version()
    assert by_model
    assert {one["model_version"] for one in by_model} == {version}
    assert not any(one["fallback"] for one in answers)
    done = "SELECT count(*) FROM triage_triagerequest WHERE work = 'done'"
    eventually(lambda: sql(done) == [(20,)], what="red flags too get the model's opinion logged")
    assert sql("SELECT count(*), count(DISTINCT request_id) FROM triage_triageanswer") == [(20, 20)]
    logs = sql("SELECT predictor, count(*) FROM triage_predictionlog GROUP BY 1 ORDER BY 1")
    assert logs == [("model", 20), ("rules", 20)]
    assert sql("SELECT count(*) FROM triage_predictionlog WHERE served") == [(20,)]


def test_a_served_answer_equals_the_offline_decision(
    processes: Processes, owner_key: str, ml_arm: None, tmp_path: Path
) -> None:
    import json

    web, _ = processes.web_and_worker(owner_key)
    # In the trial's terms everybody here is in the model's arm; infants and pregnant are not.
    requests = [body | {"patient_age": 40} for body in bodies(10)]
    answers = all_answered(web, submit_all(web, requests))
    lines = tmp_path / "requests.jsonl"
    lines.write_text("\n".join(json.dumps(body) for body in requests))
    offline = processes.run("-m", "ml", "decide", str(lines))
    assert offline.returncode == 0, offline.stderr
    for served, line in zip(answers, offline.stdout.splitlines(), strict=True):
        decided = json.loads(line)
        assert decided["prediction"] == served["prediction"]
        assert decided["confidence"] == pytest.approx(served["confidence"], abs=1e-12)
        assert decided["method"] == served["method"]
        assert decided["trace"] == served["trace"]
        assert decided["explanation"] == served["explanation"]


def test_one_id_rung_ten_times_gives_one_result(
    processes: Processes, owner_key: str, sql: Sql
) -> None:
    from backend.celery import app

    web = processes.web(owner_key)
    ids = submit_all(web, [SORE_THROAT])
    for _ in range(10):
        app.send_task(TRIAGE_PREDICT, args=[ids], retry=False)
    processes.worker(children=2)
    processes.worker(children=2)
    all_answered(web, ids)
    eventually(lambda: broker().llen("triage") == 0, what="every hint is taken")
    assert sql("SELECT count(*) FROM triage_triageanswer") == [(1,)]
    assert sql("SELECT attempt, work FROM triage_triagerequest") == [(1, "done")]
    served = sql("SELECT count(*) FROM triage_predictionlog WHERE served")
    assert served == [(1,)]


def test_a_worker_killed_in_the_middle_of_a_batch_loses_nothing(
    processes: Processes, owner_key: str, sql: Sql
) -> None:
    web = processes.web(owner_key)
    ids = submit_all(web, bodies(12))
    # Whoever commits a result now waits for this lock: the batch is claimed and not finished.
    with subprocess_holding_lock(processes):
        worker = processes.worker()
        claimed = "SELECT count(*) FROM triage_triagerequest WHERE work = 'leased'"
        eventually(lambda: sql(claimed)[0][0] > 0, what="a batch is claimed")
        processes.kill(worker)
        # The commit that it had already sent dies with it, as when the whole machine goes.
        sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
    assert sql("SELECT count(*) FROM triage_triageanswer WHERE method <> %s", FLAG) == [(0,)]
    processes.keeper()
    processes.worker()
    answers = all_answered(web, ids, wait=10)
    assert len(answers) == 12
    assert sql("SELECT count(*), count(DISTINCT request_id) FROM triage_triageanswer") == [(12, 12)]
    again = "SELECT min(attempt) FROM triage_triagerequest"
    eventually(lambda: sql(again) == [(2,)], what="each was taken again, answered ones last")


def test_redis_flushed_after_accept_loses_nothing(
    processes: Processes, owner_key: str, sql: Sql
) -> None:
    web = processes.web(owner_key)
    ids = submit_all(web, bodies(8))
    eventually(lambda: broker().llen("triage") > 0, what="the hints have arrived")
    broker().flushall()
    processes.keeper()
    processes.worker()
    assert len(all_answered(web, ids, wait=10)) == 8
    assert sql("SELECT count(*) FROM triage_triageanswer") == [(8,)]


def test_without_redis_a_post_is_accepted_at_once_and_answered_by_the_deadline(
    processes: Processes, owner_key: str, sql: Sql
) -> None:
    processes.environment["REDIS_URL"] = "redis://127.0.0.1:1/0"
    web = processes.web(owner_key)
    submit_all(web, [SORE_THROAT])
    started = time.monotonic()
    ids = submit_all(web, bodies(20))
    assert time.monotonic() - started < 5, "twenty posts must not wait for a dead broker"
    sql("UPDATE triage_triagerequest SET deadline_at = now() WHERE answer = 'open'")
    assert len(all_answered(web, ids, wait=0)) == 20


def test_one_corrupt_byte_refuses_the_bundle_and_the_rules_answer(
    processes: Processes, owner_key: str, sql: Sql, ml_arm: None, models_dir: Path, tmp_path: Path
) -> None:
    import shutil

    broken = tmp_path / "models"
    shutil.copytree(models_dir, broken)
    version = bundle.latest_version(broken)
    assert version is not None
    file = broken / version / "model.joblib"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)
    web, _ = processes.web_and_worker(owner_key, TRIAGE_MODELS_DIR=str(broken))
    answer = all_answered(web, submit_all(web, [SORE_THROAT]))[0]
    assert answer["method"] == "rules"
    assert answer["ab_group"] == "rules_fallback"
    assert answer["fallback"] is True
    assert answer["reason"] == "no_model"
    status = web.get("/statusz").json()
    assert status["parts"]["model"]["state"] == "no_model"
    assert status["parts"]["model"]["reasons"] == ["digest"]
    assert "no_model" in {alert["kind"] for alert in status["alerts"]}
    # Repaired, it serves again without a restart.
    file.write_bytes((models_dir / version / "model.joblib").read_bytes())
    ready = "SELECT count(*) FROM monitoring_workerstate WHERE state = 'ready'"
    eventually(lambda: sql(ready) == [(1,)], what="the repaired bundle is loaded")
    assert all_answered(web, submit_all(web, [SORE_THROAT]))[0]["model_version"] == version


def test_with_every_worker_stopped_a_read_past_the_deadline_answers(
    processes: Processes, owner_key: str, sql: Sql, ml_arm: None
) -> None:
    web, worker = processes.web_and_worker(owner_key, children=2)
    for pid in _family(worker.pid):
        os.kill(pid, signal.SIGSTOP)
    requests = [body | {"patient_id": "p"} for body in [SORE_THROAT] * 5]
    ids = submit_all(web, requests)
    sql("UPDATE triage_triagerequest SET deadline_at = now()")
    answers = all_answered(web, ids, wait=0)
    # Of the rules' arm by that arm, of the model's because nobody else answered in time.
    assert {one["method"] for one in answers} == {"rules"}
    assert {one["reason"] for one in answers} <= {"deadline", "arm"}
    for pid in _family(worker.pid):
        os.kill(pid, signal.SIGCONT)
    done = "SELECT count(*) FROM triage_triagerequest WHERE work = 'done'"
    eventually(lambda: sql(done) == [(5,)], what="the late opinion is logged")
    later = all_answered(web, ids, wait=0)
    order = ["routine", "soon", "urgent", "emergency"]
    for before, after in zip(answers, later, strict=True):
        assert order.index(after["prediction"]) >= order.index(before["prediction"])


def test_waiting_ends_when_the_answer_is_committed(processes: Processes, owner_key: str) -> None:
    web, _ = processes.web_and_worker(owner_key)
    all_answered(web, submit_all(web, [SORE_THROAT]))
    started = time.monotonic()
    response = web.post(TRIAGE, json=SORE_THROAT, headers={"Prefer": "wait=8"})
    assert response.status_code == 200
    assert response.headers["Preference-Applied"] == "wait=8"
    assert response.json()["done"] is True
    assert time.monotonic() - started < 7, "it did not wait to the end"
    classic = web.post("/api/ml/predict/", json=SORE_THROAT).json()
    assert classic["fallback"] is False
    assert classic["prediction"] in {"routine", "soon", "urgent"}


def test_a_web_process_never_imports_numpy(processes: Processes, owner_key: str) -> None:
    """Not at import, and not after it has served every route either."""
    web = processes.web(owner_key)
    web.post(TRIAGE, json=SORE_THROAT)
    web.post("/api/ml/predict/", json=SORE_THROAT)
    for path in ("/statusz", "/api/schema/", "/readyz", "/admin/login/"):
        web.get(path)
    for pid in _family(processes.pid_of_web()):
        assert heavy_libraries(pid) == []


def test_the_parent_of_the_children_never_imports_numpy(processes: Processes) -> None:
    """A numeric library used before the fork can hang every child."""
    worker = processes.worker()
    parent, child = _family(worker.pid)
    assert heavy_libraries(parent) == []
    eventually(lambda: "numpy" in heavy_libraries(child), what="the child has loaded the model")


def heavy_libraries(pid: int) -> list[str]:
    mapped = Path(f"/proc/{pid}/maps").read_text()
    heavy = ("numpy", "scipy", "sklearn", "joblib")
    return [name for name in heavy if f"/{name}/" in mapped or f"/{name}.libs/" in mapped]


def test_patients_words_are_in_no_log_message_or_queue(
    processes: Processes, owner_key: str, sql: Sql
) -> None:
    web = processes.web(owner_key)
    marked = SORE_THROAT | {
        "patient_id": "zebra-7781",
        "symptoms_data": {"chief_complaint": "zebramarker pain in my throat"},
        "medical_history": ["zebrahistory"],
    }
    ids = submit_all(web, [marked])
    eventually(lambda: broker().llen("triage") > 0, what="the hint has arrived")
    store = broker()
    dumped = b"".join(store.dump(key) or b"" for key in store.keys("*"))
    processes.keeper()
    processes.worker()
    all_answered(web, ids)
    web.post(TRIAGE, json=marked | {"patient_age": "zebraage"})
    sql("UPDATE triage_triagepayload SET sealed = 'zz'")
    assert "zebra" not in processes.logs()
    assert b"zebra" not in dumped
    assert ids[0].encode() in dumped or len(dumped) > 0


class subprocess_holding_lock:
    """Another session that locks the answers against writing until it is told to let go."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    def __enter__(self) -> None:
        code = (
            "import os, psycopg, sys, time\n"
            "c = psycopg.connect(os.environ['DATABASE_URL'])\n"
            "c.execute('LOCK TABLE triage_predictionlog IN EXCLUSIVE MODE')\n"
            "print('locked', flush=True)\n"
            "time.sleep(60)\n"
        )
        self._process = self._processes.start("-c", code)
        log = self._processes.log_of(self._process)
        eventually(lambda: "locked" in log.read_text(), what="the lock is held")

    def __exit__(self, *_: object) -> None:
        self._processes.kill(self._process)


def _family(pid: int) -> list[int]:
    """A process and its children."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [pid, *(int(one) for one in found.stdout.split())]
