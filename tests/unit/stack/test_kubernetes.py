"""The manifests are valid, run what `make run` runs, and are as locked down as the containers."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from backend.stack.services import PYTHON, Sizes, services

ROOT = Path(__file__).resolve().parents[3]
DIRECTORY = ROOT / "deploy" / "kubernetes"
TABLE = {service.name: service for service in services(Sizes("0.0.0.0:8000", "0.0.0.0:5555"))}
# The service of each Deployment.
DEPLOYMENTS = {"web", "worker", "keeper", "background", "beat", "flower"}
# Of KEDA, whose schema the library does not hold.
FOREIGN = {"ScaledObject"}


def manifests() -> list[dict[str, Any]]:
    found = [yaml.safe_load_all(path.read_text()) for path in sorted(DIRECTORY.glob("*.yaml"))]
    return [one for documents in found for one in documents]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in manifests() if one["kind"] == kind}


def pods() -> dict[str, dict[str, Any]]:
    owners = of_kind("Deployment") | of_kind("Job")
    return {name: one["spec"]["template"]["spec"] for name, one in owners.items()}


@pytest.mark.parametrize("version", ["1.33", "1.37"])
def test_every_manifest_is_valid(version: str) -> None:
    for one in manifests():
        if one["kind"] not in FOREIGN:
            kubernetes_validate.validate(one, version, strict=True)


def test_every_deployment_runs_what_make_run_runs() -> None:
    deployments = of_kind("Deployment")
    assert set(deployments) == {f"triage-{name}" for name in DEPLOYMENTS}
    for name in DEPLOYMENTS:
        service = TABLE["triage" if name == "worker" else name]
        pod = deployments[f"triage-{name}"]["spec"]["template"]["spec"]
        argv = ["python" if word == PYTHON else word for word in service.argv]
        assert pod["containers"][0]["args"] == argv
        assert pod["terminationGracePeriodSeconds"] > service.grace


def test_pods_are_locked_down() -> None:
    for pod in pods().values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]


def test_no_password_is_in_a_manifest() -> None:
    for path in DIRECTORY.glob("*.yaml"):
        assert "kind: Secret\n" not in path.read_text()
        assert "password:" not in path.read_text().lower()


def test_who_must_not_vanish_has_a_budget_and_workers_follow_the_oldest_request() -> None:
    assert set(of_kind("PodDisruptionBudget")) == {"triage-web", "triage-worker"}
    scaled = of_kind("ScaledObject")["triage-worker"]["spec"]
    assert scaled["scaleTargetRef"]["name"] in of_kind("Deployment")
    (trigger,) = scaled["triggers"]
    assert trigger["metadata"]["query"] == "max(triage_oldest_open_seconds)"
    assert "triage_oldest_open_seconds" in (ROOT / "docs" / "metrics.md").read_text()


def test_only_who_trains_may_write_models() -> None:
    writers = {
        name
        for name, pod in pods().items()
        for mount in pod["containers"][0]["volumeMounts"]
        if mount["name"] == "models" and not mount.get("readOnly")
    }
    assert writers == {"triage-background", "triage-prepare"}
