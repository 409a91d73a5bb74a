"""Promise 12: what a patient or clinician wrote is in PostgreSQL, encrypted, and nowhere else.

Marked patients go through every way that a request can take, well and badly, through real
processes. Then everything that these processes have written is searched for the marks: each
command that went through Redis, its keys and its append-only file, Flower's API, every log, the
metrics, the alarms' mails, webhooks and who received them, command lines and environments,
temporary files, and PostgreSQL's own files, tables and log.
"""

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis

from backend.clients import keys
from backend.stack.ports import HOST
from tests.drills.words import KILLS, RAISES
from tests.eventually import eventually
from tests.integration.conftest import CARDIAC_ARREST, SORE_THROAT
from tests.integration.processes import ROOT, Processes
from tests.integration.test_flower import flower
from tests.receivers import webhook_receiver

Sql = Callable[..., list[Any]]
TRIAGE = "/api/v1/triage/"
# In every text that a patient or clinician writes here, and in no other.
# Long enough that no piece of it occurs by chance.
MARK = "qzxmarkedpatientqzx"


def marked(complaint: str, patient: str, **more: Any) -> dict[str, Any]:
    return {
        **SORE_THROAT,
        "patient_id": f"{MARK}-{patient}",
        "symptoms_data": {
            "chief_complaint": f"{complaint} {MARK}words",
            "symptoms": [{"symptom_name": f"{MARK}name", "duration": f"{MARK}long"}],
        },
        "medical_history": [f"{MARK}history"],
        **more,
    }


class Monitor:
    """Every command that anybody sends to Redis while this is entered."""

    def __init__(self) -> None:
        self._store = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=None)
        self.seen: list[str] = []

    def __enter__(self) -> "Monitor":
        started = threading.Event()

        def listen() -> None:
            over = contextlib.suppress(redis.RedisError, ValueError, OSError)
            with over, self._store.monitor() as monitor:
                started.set()
                for command in monitor.listen():
                    self.seen.append(json.dumps(command, default=repr))

        self._thread = threading.Thread(target=listen, daemon=True)
        self._thread.start()
        assert started.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._store.client_list():
            if one["cmd"] == "monitor":
                self._store.client_kill_filter(_id=one["id"])
        self._thread.join(10)

    def kept(self) -> Iterator[bytes]:
        """What Redis holds: its keys, and its files."""
        for key in self._store.keys("*"):
            yield key + (self._store.dump(key) or b"")
        yield from files(Path(str(self._store.config_get("dir")["dir"])))


def files(directory: Path) -> Iterator[bytes]:
    for path in directory.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file():
                yield path.read_bytes()


@pytest.fixture
def database_files(sql: Sql) -> Path:
    found = Path(str(sql("SHOW data_directory")[0][0]))
    if not found.exists():
        pytest.skip("PostgreSQL's files are on another machine")
    return found


def test_a_marked_patient_is_found_nowhere_but_sealed(
    processes: Processes,
    owner_id: int,
    owner_key: str,
    sql: Sql,
    tmp_path: Path,
    database_files: Path,
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    processes.environment |= {"TMPDIR": str(temporary), "REVIEW_SHARES": "random=1"}
    processes.environment["WEBHOOK_ALLOWED_NETWORKS"] = "127.0.0.0/8"
    with Monitor() as monitor, flower(processes) as dashboard, webhook_receiver() as receiver:
        web = processes.web(owner_key)
        followed(web, keys.create_key(owner_id, "operator", ("operate",)), receiver.url)
        ids = every_way_through_the_web(web, sql)
        processes.keeper()
        worker = processes.start(
            *("-m", "celery", "-A", "tests.drills.faulty_worker", "worker", "-Q", "triage"),
            *("-n", "marked@%h", "--concurrency", "1", "-E", "--without-gossip"),
        )
        background = processes.worker("background")
        tried = "SELECT attempt > 0 FROM triage_triagerequest WHERE id = %s"
        eventually(lambda: sql(tried, ids[5])[0][0], 60, what="a child was killed")
        # Then that input has used up its attempts at once: their pace is not of interest here.
        sql("UPDATE triage_triagerequest SET attempt = 3, due_at = now() WHERE id = %s", ids[5])
        for request_id in ids:
            eventually(
                lambda one=request_id: web.get(f"{TRIAGE}{one}/").json()["done"],
                60,
                what="every marked request is answered",
            )
        eventually(lambda: sql(_ALL_WORKED) == [(0,)], 60, what="the model's opinions are logged")
        eventually(
            lambda: (
                sql("SELECT count(*) FROM monitoring_alert WHERE kind = 'payload_unreadable'")
                == [(1,)]
            ),
            what="the payload that does not open is an alarm",
        )
        judged(web, ids[0])
        eventually(lambda: sql(_SENT) >= [(2 * len(ids),)], 30, what="webhooks were tried")
        assert {("answered",), ("cancelled",)} <= {*sql(_SENT_KINDS)}
        without_a_database(processes, owner_key)
        processes.run("-c", _SEND_MAILS)
        eventually(lambda: _tasks(dashboard), 30, what="Flower shows tasks")
        token = (Path(os.environ["SECRETS_DIR"]) / "metrics_token").read_text().strip()
        metrics = web.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert metrics.status_code == 200
        places: dict[str, Iterator[bytes] | list[bytes]] = {
            "metrics": [metrics.content],
            "statusz": [web.get("/statusz").content],
            "flower": [*_flower_says(dashboard)],
            "command lines": [*command_lines([processes.pid_of_web(), worker.pid, background.pid])],
        }
        assert len(places["flower"]) >= 3
        assert len(places["command lines"]) >= 3
    assert len(monitor.seen) > 50
    assert len(receiver.got) >= len(ids)
    places |= {
        "what went through redis": [line.encode() for line in monitor.seen],
        "what redis keeps": monitor.kept(),
        "webhooks": [json.dumps(headers).encode() + body for headers, body in receiver.got],
        "logs": [processes.logs().encode()],
        "files of the processes": files(tmp_path),
        "tables": [*tables(sql)],
    }
    mails = [*(tmp_path / "state" / "mail").glob("*")]
    assert mails, "an alarm was mailed"
    for place, contents in places.items():
        for content in contents:
            assert not shows(content), f"the mark is in: {place}"
    sql("CHECKPOINT")
    for content in files(database_files.parent):
        assert not shows(content), "the mark is in a file of PostgreSQL"
    assert (
        sql("SELECT count(*) FROM triage_clinicianlabel WHERE sealed_note IS NOT NULL")[0][0] >= 1
    )


_ALL_WORKED = "SELECT count(*) FROM triage_triagerequest WHERE work IN ('due', 'leased')"
# One endpoint takes them, the other is not there.
_SENT = "SELECT count(*) FROM triage_delivery WHERE attempts <> '[]'"
_SENT_KINDS = "SELECT DISTINCT kind FROM triage_delivery WHERE state = 'delivered'"
_SEND_MAILS = (
    "import os, django; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'backend.settings');"
    "django.setup(); from workers import surveillance; surveillance.pulse()"
)


def shows(content: bytes) -> bool:
    """Whether the mark can be read in it, in any of the forms in which text is carried."""
    low = content.lower()
    forms = (MARK.encode(), MARK.encode().hex().encode(), MARK.encode("utf-16-le"))
    # Base64 of the mark at each of its three offsets, without the ends that depend on neighbours.
    shifted = tuple(base64.b64encode(b" " * n + MARK.encode())[4:-4].lower() for n in range(3))
    return any(form in low for form in (*forms, *shifted))


def every_way_through_the_web(web: httpx.Client, sql: Sql) -> list[str]:
    """Posts that are accepted (their ids), and every kind of refusal."""

    def accepted(body: Any, path: str = TRIAGE) -> str:
        response = web.post(path, json=body)
        assert response.status_code in {200, 202}, response.status_code
        return str(response.json()["id"])

    ids = [
        accepted(marked("sore throat for two days", "ok")),
        accepted(CARDIAC_ARREST | marked("he is not breathing and has no pulse", "flag")),
        accepted(marked("cough", "late")),
        accepted(marked("cough", "unreadable")),
        accepted(marked(f"cough {RAISES}", "raises")),
        accepted(marked(f"cough {KILLS}", "kills")),
        accepted(marked("cough", "one-call"), "/api/ml/predict/"),
    ]
    sql("UPDATE triage_triagerequest SET deadline_at = now() WHERE id = %s", ids[2])
    sql(
        "UPDATE triage_triagepayload SET sealed = overlay(sealed placing '\\x00' from 40)"
        " WHERE request_id = %s",
        ids[3],
    )
    good = marked("cough", "batch")
    batch = web.post(
        f"{TRIAGE}batch/", json={"requests": [good, good | {f"{MARK} field": MARK}, MARK]}
    )
    assert [item["status"] for item in batch.json()["items"]] == [202, 400, 400]
    assert not shows(batch.content)
    cancelled = accepted(marked("cough", "cancelled"))
    web.post(f"{TRIAGE}{cancelled}/cancel/", json={})
    refusals = [
        web.post(TRIAGE, json=good | {"patient_age": f"{MARK}"}),
        web.post(TRIAGE, json=good | {"urgency": MARK}),
        web.post(TRIAGE, json=good | {f"my {MARK}": 1}),
        web.post(TRIAGE, json=good | {"patient_id": f"{MARK}\u202e"}),
        web.post(TRIAGE, content=b'{"a": "' + MARK.encode()),
        web.post(TRIAGE, content=f'{{"{MARK} x": 1, "{MARK} x": 2}}'.encode(), headers=_JSON),
        web.post(TRIAGE, content=MARK.encode() * 6_000, headers=_JSON | _LAST),
        web.post(TRIAGE, data={"complaint": MARK}),
        web.post(TRIAGE, json=good, headers={"Idempotency-Key": f"{MARK} {MARK}"}),
        web.post(TRIAGE, json=good, headers={"Authorization": f"Bearer {MARK}"}),
        web.get(f"{TRIAGE}{MARK}/"),
        web.get(f"/{MARK}?{MARK}={MARK}"),
        web.get(f"{TRIAGE}{ids[0]}/?wait={MARK}"),
        web.get("/api/v1/models/", headers={"X-Request-ID": f"{MARK} {MARK}", "Referer": MARK}),
        web.post("/api/ml/feedback/", json={"triage_log_id": MARK, "feedback_note": MARK}),
    ]
    assert [one.status_code for one in refusals].count(200) == 1
    assert all(one.status_code < 500 for one in refusals)
    for response in refusals:
        assert not shows(response.content)
    return [*ids, batch.json()["items"][0]["request"]["id"]]


def followed(web: httpx.Client, key: str, url: str) -> None:
    """A webhook to this address, and one to where nobody listens."""
    for one in (url, f"http://{HOST}:1/hook"):
        headers = {"Authorization": f"Bearer {key}"}
        made = web.post("/api/v1/webhooks/", json={"url": one}, headers=headers)
        assert made.status_code == 201


_JSON = {"Content-Type": "application/json"}
# A server need not read a body to its end that is too large: no second call on this connection.
_LAST = {"Connection": "close"}


def judged(web: httpx.Client, request_id: str) -> None:
    """A clinician's notes, by both ways."""
    note = f"{MARK}note of a clinician"
    feedback = {"triage_log_id": request_id, "doctor_correction": "soon", "feedback_note": note}
    assert web.post("/api/ml/feedback/", json=feedback).status_code == 201
    label = {"level": "urgent", "note": note}
    assert web.post(f"{TRIAGE}{request_id}/label/", json=label).status_code == 201


def without_a_database(processes: Processes, key: str) -> None:
    """The same web with a PostgreSQL that is away: 503, and nothing of the body in its log."""
    program = (
        "import os, django; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'backend.settings');"
        "django.setup(); from django.test import Client; import sys, json;"
        "c = Client(raise_request_exception=False, SERVER_NAME='localhost');"
        "r = c.post('/api/v1/triage/', sys.stdin.read(),"
        " content_type='application/json', headers={'Authorization': 'Bearer ' + sys.argv[1]});"
        "print(r.status_code, r.content.decode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, key],
        cwd=ROOT,
        env=processes.environment | {"DATABASE_URL": f"postgres://nobody:x@{HOST}:1/none"},
        input=json.dumps(marked("cough", "away")),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith("503 "), done.stderr
    assert not shows((done.stdout + done.stderr).encode())


def command_lines(pids: list[int]) -> Iterator[bytes]:
    """Command lines and environments of these processes and their children."""
    for pid in pids:
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                environment = json.dumps(dict(process.environ()))
                yield " ".join(process.cmdline()).encode() + environment.encode()


def tables(sql: Sql) -> Iterator[bytes]:
    """Every row of every table as text."""
    for (table,) in sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        for (row,) in sql(f'SELECT t::text FROM "{table}" AS t'):
            yield row.encode()


def _tasks(dashboard: httpx.Client) -> Any:
    try:
        return dashboard.get("/api/tasks").json()
    except (httpx.TransportError, ValueError):
        return None


def _flower_says(dashboard: httpx.Client) -> Iterator[bytes]:
    for path in ("/api/tasks", "/api/workers?refresh=1", "/metrics", "/tasks", "/broker"):
        response = dashboard.get(path)
        if response.status_code == 200:
            yield response.content
