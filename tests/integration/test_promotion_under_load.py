"""A promotion reaches running children: no restart, no failed, doubled or unnamed answer."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from backend.monitoring import registry
from backend.monitoring.registry import Change
from ml.cohort import generate
from ml.training import train
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import Processes
from workers import registry as bundles

Sql = Callable[..., list[Any]]
LOAD_SECONDS = 5
CALLERS = 3
OTHER = "tests-under-load"
SERVING = "SELECT count(*) FROM monitoring_workerstate WHERE model_digest = %s"


class Load:
    """Callers that submit one request after the other and wait for each answer."""

    def __init__(self, web: httpx.Client) -> None:
        self._web = web
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=[n]) for n in range(CALLERS)]
        self.answers: list[dict[str, Any]] = []
        self.failures: list[str] = []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, caller: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            body = SORE_THROAT | {"patient_id": f"{caller}-{number}"}
            response = self._web.post("/api/v1/triage/", json=body, headers={"Prefer": "wait=8"})
            if response.status_code == 200:
                self.answers.append(response.json()["answer"])
            else:
                self.failures.append(f"{response.status_code}")
            # Patients keep coming, and the machine is not so full that an operator's command
            # takes half a minute.
            self._stop.wait(0.05)


def promote(version: str) -> str:
    """The digest that serves from now on."""
    bundles.candidate(version)
    now = registry.roles().serving
    registry.promote(version, Change("tests", "load"), now.digest if now else None)
    found = registry.roles().serving
    assert found is not None
    return found.digest


def test_promotions_back_and_forth_under_load_cost_no_answer(
    processes: Processes, owner_key: str, sql: Sql
) -> None:
    train(list(generate(900, seed=8)), source="synthetic-tests", seed=8, name=OTHER)
    processes.environment["EXPERIMENT_ML_SHARE"] = "1.0"
    web, _ = processes.web_and_worker(owner_key, children=2)
    eventually(lambda: registry.roles().serving, what="the first child made the serving row")
    first = registry.roles().serving
    assert first is not None
    children = "SELECT pid FROM monitoring_workerstate WHERE kind = 'triage' ORDER BY pid"
    eventually(lambda: len(sql(children)) == 2, what="both children reported")
    pids = sql(children)
    digests = {first.digest}
    with Load(web) as load:
        until = time.monotonic() + LOAD_SECONDS
        versions = [OTHER, first.version]
        while time.monotonic() < until:
            digest = promote(versions[0])
            digests.add(digest)
            versions.reverse()
            eventually(lambda digest=digest: sql(SERVING, digest) == [(2,)], what="both follow")
        # The same from an operator's terminal, while patients keep coming.
        done = processes.run("manage.py", "models", "rollback", "--reason", "drill", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"done": True, "version": versions[0]}
        back = registry.roles().serving
        assert back is not None
        eventually(lambda: sql(SERVING, back.digest) == [(2,)], what="both follow the rollback")
    assert load.failures == []
    assert len(load.answers) > 100
    assert len(digests) == 2
    named = {(one["model_version"], one["model_digest"]) for one in load.answers}
    assert {version for version, _ in named} == {first.version, OTHER}
    assert {digest for _, digest in named} == digests
    assert len(named) == 2, "an answer names one model whole, never a mixture"
    assert not any(one["fallback"] or one["amended"] for one in load.answers)
    requests = sql("SELECT count(*) FROM triage_triagerequest")
    assert sql("SELECT count(*) FROM triage_triageanswer") == requests == [(len(load.answers),)]
    assert sql("SELECT max(attempt) FROM triage_triagerequest") == [(1,)]
    assert sql("SELECT count(*) FROM triage_predictionlog WHERE served") == requests
    assert sql(children) == pids, "no child was restarted"
