"""A real Prometheus scrapes a running system, knows its numbers, and its rules fire and rest."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from backend.stack import ports
from backend.stack.ports import HOST
from tests.eventually import eventually
from tests.integration.conftest import SORE_THROAT
from tests.integration.processes import ROOT, Processes
from tests.integration.test_path import all_answered, submit_all

PROMETHEUS = shutil.which("prometheus")


def configuration(directory: Path, targets: list[str]) -> Path:
    """Ours, with addresses instead of names, and faster: every second, and no alert waits."""
    ours = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    (directory / "rules.yml").write_text(yaml.safe_dump(rules))
    ours["global"] = {
        "scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"
    }  # fmt: skip
    ours["rule_files"] = [str(directory / "rules.yml")]
    jobs = {job["job_name"]: job for job in ours["scrape_configs"]}
    for name, target in zip(("triage-web", "triage-processes"), targets, strict=True):
        jobs[name].pop("dns_sd_configs", None)
        token = str(Path(os.environ["SECRETS_DIR"]) / "metrics_token")
        jobs[name]["authorization"]["credentials_file"] = token
        jobs[name]["static_configs"] = [{"targets": [target]}]
    ours["scrape_configs"] = [jobs["triage-web"], jobs["triage-processes"]]
    path = directory / "prometheus.yml"
    path.write_text(yaml.safe_dump(ours))
    return path


@pytest.mark.slow
@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed")
def test_prometheus_reads_the_running_system_and_its_rules_fire(
    processes: Processes, owner_key: str, sql: Callable[..., list[Any]], tmp_path: Path
) -> None:
    chosen = ports.choose({}, {})
    web, _ = processes.web_and_worker(owner_key, METRICS_PORT=str(chosen["flower"]))
    eventually(lambda: "model.loaded" in processes.logs(), 60, what="the child has a model")
    address = f"{HOST}:{chosen['web']}"
    targets = [f"{web.base_url.host}:{web.base_url.port}", f"{HOST}:{chosen['flower']}"]
    assert PROMETHEUS is not None
    processes.start_program(
        PROMETHEUS,
        f"--config.file={configuration(tmp_path, targets)}",
        f"--storage.tsdb.path={tmp_path / 'series'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    )
    with httpx.Client(base_url=f"http://{address}/api/v1") as prometheus:

        def ask(query: str) -> list[Any]:
            try:
                found = prometheus.get("/query", params={"query": query}).json()
            except httpx.TransportError:
                return []
            result: list[Any] = found["data"]["result"]
            return result

        def value(query: str) -> float:
            return sum(float(one["value"][1]) for one in ask(query))

        all_answered(web, submit_all(web, [SORE_THROAT] * 3), wait=10)
        eventually(lambda: value("sum(up)") == 2, 30, what="both targets are scraped")
        # The worker's own port shows the same machine's counters as the web: take one.
        for job in ("triage-web", "triage-processes"):
            answered = f'sum(triage_answers_total{{job="{job}"}})'
            eventually(lambda q=answered: value(q) == 3, 20, what=f"the answers by {job}")
        assert value("max(triage_database_up)") == 1

        def firing() -> set[str]:
            return {one["metric"]["alertname"] for one in ask('ALERTS{alertstate="firing"}')}

        # Nobody runs a keeper or a background worker here, and the rules say so.
        eventually(lambda: {"NoKeeper", "NoBackgroundWorker"} <= firing(), 20, what="alerts fire")
        quiet = {"DatabaseIsDown", "BrokerIsDown", "ScrapeFails", "NoTriageWorker"}
        eventually(lambda: not firing() & quiet, 20, what="nothing else is wrong")
        processes.keeper()
        eventually(lambda: "NoKeeper" not in firing(), 20, what="the alert rests again")
