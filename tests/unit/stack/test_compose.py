"""docker-compose.yml and .env.example say the same as the code."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.stack.services import PYTHON, Service, Sizes, services

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = ROOT / "docker-compose.yml"
# Names where Compose says it in the words of its users.
NAMES = {"triage": "worker"}
SIZES = Sizes(
    web="0.0.0.0:8000",
    flower="0.0.0.0:5555",
    demo_key="/srv/secrets/demo_api_key",
    demo_login="/srv/secrets/console_password",
)
# Set by manage.py for one command, not by an operator.
INTERNAL = {"DATABASE_BOUNDED"}
TABLE = {NAMES.get(service.name, service.name): service for service in services(SIZES)}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", COMPOSE.read_text())
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def _argv(service: Service) -> list[str]:
    argv = ["python" if word == PYTHON else word for word in service.argv]
    if service.unless:
        check = ["python" if word == PYTHON else word for word in service.unless]
        return ["sh", "-c", f"{' '.join(check)} || exec {' '.join(argv)}"]
    return argv


def test_the_file_is_valid_compose():
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec", str(COMPOSE)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_same_services_as_make_run(compose: dict[str, Any]):
    services = compose["services"]
    watchers = {name for name, service in services.items() if service.get("profiles")}
    assert set(services) - watchers == {*TABLE, "secrets", "postgres", "redis"}
    assert watchers == {"prometheus", "grafana"}


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_same_commands_as_make_run(compose: dict[str, Any], name: str):
    assert compose["services"][name]["command"] == _argv(TABLE[name])


@pytest.mark.parametrize("name", sorted(TABLE))
def test_containers_are_locked_down_and_get_their_time_to_stop(compose: dict[str, Any], name: str):
    service, ours = compose["services"][name], TABLE[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["init"] is True
    assert service["restart"] == ("no" if ours.once else "unless-stopped")
    if not ours.once:
        assert int(service["stop_grace_period"].removesuffix("s")) > ours.grace


def test_nothing_is_published_beyond_loopback_and_no_store_at_all(compose: dict[str, Any]):
    published = {name: each.get("ports", []) for name, each in compose["services"].items()}
    reachable = {name for name, ports in published.items() if ports}
    assert reachable == {"web", "flower", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_no_password_is_written_down(compose: dict[str, Any]):
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if "PASSWORD" in variable:
                assert variable.endswith("_FILE") or value == "", f"{name}: {variable}"
            assert not re.search(r"://[^@/]*:[^@/]+@", str(value)), f"{name}: {variable}"


def test_every_variable_of_compose_and_settings_is_in_the_example():
    example = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    named = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    settings = (ROOT / "backend" / "settings.py").read_text()
    read = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", settings))
    assert len(read) > 10
    assert example >= (named | read) - INTERNAL


def test_every_setting_of_an_operator_reaches_the_containers(compose: dict[str, Any]):
    """A variable in `.env` that the containers never see would be a silent surprise."""
    settings = (ROOT / "backend" / "settings.py").read_text()
    read = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", settings))
    # Where things lie is the image's business, not the operator's.
    read -= INTERNAL | {"STATE_DIR", "SECRETS_DIR", "METRICS_PORT"}
    assert read - set(compose["services"]["web"]["environment"]) == set()


def test_watchers_see_their_two_secrets_and_no_patients_key(compose: dict[str, Any]):
    for name in ("prometheus", "grafana"):
        mounted = {volume.split(":")[0] for volume in compose["services"][name]["volumes"]}
        assert "watching" in mounted
        assert not mounted & {"secrets", "state", "postgres", "models"}


def test_somebody_waits_for_every_program_that_ends(compose: dict[str, Any]):
    """`docker compose up --wait` fails on a container that exits with 0 and has no dependant."""
    services = compose["services"]
    waited_for = {
        name
        for service in services.values()
        for name, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    assert {name for name, one in services.items() if one.get("restart") == "no"} == waited_for


def test_every_container_has_a_memory_limit(compose: dict[str, Any]):
    for name, service in compose["services"].items():
        assert service.get("mem_limit"), name


def test_each_metrics_port_is_scraped(compose: dict[str, Any]):
    """Prometheus asks exactly the services that show metrics, under their names here."""
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    (processes,) = jobs["triage-processes"]["dns_sd_configs"]
    services = compose["services"]
    shown = {name for name in services if "METRICS_PORT" in services[name].get("environment", {})}
    assert set(processes["names"]) == shown
    assert services["worker"]["environment"]["METRICS_PORT"] == str(processes["port"])
    assert jobs["triage-web"]["static_configs"][0]["targets"] == ["web:8000"]
    assert "web" in services["web"]["environment"]["ALLOWED_HOSTS"].split(",")


def test_compose_defaults_are_the_defaults_of_the_example():
    example = dict(
        re.findall(r"^#([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    )
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE.read_text()))
    assert defaults == {name: example[name] for name in defaults}
