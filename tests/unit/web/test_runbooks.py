"""Every alarm has a runbook: those that the code raises and those of Prometheus."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text()
ANCHORS = {title.lower() for title in re.findall(r"^### (\w+)$", RUNBOOKS, re.MULTILINE)}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


class Module:
    """One source file, in which the kinds of alarms are constants, literals or parameters."""

    def __init__(self, path: Path) -> None:
        self._tree = ast.parse(path.read_text())
        self._constants: dict[str, str] = {}
        for node in self._tree.body:
            target = node.target if isinstance(node, ast.AnnAssign) else None
            if isinstance(node, ast.Assign):
                target = node.targets[0]
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
                self._constants[target.id] = value.value

    def kinds(self) -> set[str]:
        """The kinds that this file raises. Fails on one that cannot be read from the file."""
        return set(self._first_arguments("raise_alert", 0))

    def _first_arguments(self, function: str, place: int) -> Iterator[str]:
        for around, call in self._calls(function):
            if len(call.args) > place:
                yield from self._value(around, call.args[place])

    def _calls(self, function: str) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.FunctionDef):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Call) and _name(inner.func) == function:
                        yield node, inner

    def _value(self, around: ast.FunctionDef | None, node: ast.expr) -> Iterator[str]:
        if isinstance(node, ast.Constant):
            yield node.value
            return
        if isinstance(node, ast.IfExp):
            yield from self._value(around, node.body)
            yield from self._value(around, node.orelse)
            return
        name = _name(node)
        if name in self._constants:
            yield self._constants[name]
            return
        parameters = [one.arg for one in around.args.args if one.arg != "self"] if around else []
        if around is not None and name in parameters:
            yield from self._first_arguments(around.name, parameters.index(name))
            return
        pytest.fail(f"line {node.lineno}: give the kind of an alarm as a literal or a constant")


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def raised() -> set[str]:
    kinds: set[str] = set()
    for package in ("backend", "workers"):
        for path in (ROOT / package).rglob("*.py"):
            if "raise_alert(" in path.read_text() and path.name != "alerts.py":
                kinds |= Module(path).kinds()
    return kinds


def test_every_alarm_that_the_code_raises_has_a_runbook() -> None:
    kinds = raised()
    assert {"no_model", "silent_process", "low_accuracy", "rules_failed"} <= kinds
    assert kinds - ANCHORS == set(), "add a section `### kind` to docs/runbooks.md"


def test_every_rule_of_prometheus_names_its_runbook() -> None:
    for rule in rules():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/runbooks.md"
        assert anchor in ANCHORS or anchor == "{{ $labels.kind }}", rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_every_rule_is_shown_to_fire() -> None:
    tests = yaml.safe_load((PROMETHEUS / "rules_test.yml").read_text())["tests"]
    fired = {
        one["alertname"]
        for test in tests
        for one in test["alert_rule_test"]
        if one.get("exp_alerts")
    }
    assert fired == {rule["alert"] for rule in rules()}


def test_every_metric_that_a_rule_or_the_board_reads_exists() -> None:
    known = set(re.findall(r"`(triage_\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    boards = [path.read_text() for path in (ROOT / "deploy" / "grafana").rglob("*.json")]
    for text in [(PROMETHEUS / "rules.yml").read_text(), *boards]:
        used = set(re.findall(r"\b(triage_\w+)", text)) - {"triage_web"}
        used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
        assert used - known == set()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize(
    "command", [("check", "rules", "rules.yml"), ("test", "rules", "rules_test.yml")]
)
def test_promtool_agrees(command: tuple[str, ...]) -> None:
    ran = subprocess.run(
        ["promtool", *command], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_board_opens_on_the_three_questions_and_its_data_source_is_provisioned() -> None:
    grafana = ROOT / "deploy" / "grafana"
    (board,) = [json.loads(path.read_text()) for path in (grafana / "boards").glob("*.json")]
    panels = sorted(board["panels"], key=lambda panel: panel["gridPos"]["y"])
    titles = [panel["title"] for panel in panels if panel["type"] == "row"]
    questions = ["Are patients waiting?", "Is the model right?", "Is anything broken?"]
    assert titles[:3] == questions
    (source,) = yaml.safe_load((grafana / "provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    assert {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"} == {
        source["uid"]
    }
    assert len({panel["id"] for panel in panels}) == len(panels)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_every_query_of_the_board_is_one(tmp_path: Path) -> None:
    """Each as a recording rule, which promtool parses."""
    board = json.loads((ROOT / "deploy/grafana/boards/triage.json").read_text())
    queries = [one["expr"] for panel in board["panels"] for one in panel.get("targets", ())]
    assert len(queries) > 20
    rules = [{"record": f"board:{n}", "expr": query} for n, query in enumerate(queries)]
    path = tmp_path / "board.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    ran = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
