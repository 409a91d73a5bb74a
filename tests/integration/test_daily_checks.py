"""What the daily checks measure, on days that a rehearsal made: real answers of a real bundle."""

import datetime as dt
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backend.clients import keys
from backend.clients.models import Scope
from backend.monitoring import alerts, reports
from backend.monitoring.liveness import CHECK_MISSED, Liveness
from backend.monitoring.reports import Listed
from backend.triage import lifecycle
from backend.triage.values import Author, Submission
from ml import bundle
from ml.bundle import Bundle
from ml.case import parse_case
from ml.cohort import generate
from ml.records import Record, body_of
from ml.schema import Level
from tests.integration.conftest import SORE_THROAT, Api
from tests.integration.processes import Processes
from workers import accuracy, rehearsal, surveillance
from workers import registry as bundles
from workers.model_process import process

Sql = Callable[..., list[Any]]
DAY = dt.timedelta(days=1)
FIRST = dt.date(2026, 3, 9)


def midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


@pytest.fixture
def proven(models_dir: Path, settings: Any) -> Iterator[Bundle]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    yield bundle.load_latest(models_dir)
    process.current = None


@pytest.fixture
def author(owner_key: str) -> Author:
    caller = keys.find_caller(owner_key)
    assert caller is not None
    return Author(key_id=caller.key_id)


@pytest.fixture
def rehearse(owner_id: int, author: Author, proven: Bundle) -> Callable[..., None]:
    def run(*days: tuple[dt.date, list[Record]]) -> None:
        rehearsal.rehearse(owner_id, author, proven, days)

    return run


@pytest.fixture(scope="module")
def patients() -> list[Record]:
    return list(generate(160, seed=21))


def the_report(kind: reports.Kind, day: dt.date) -> Listed:
    [found] = [one for one in reports.listed(kind) if one.day == day]
    return found


def test_a_day_is_measured_by_method_arm_part_and_window(
    rehearse: Callable[..., None], patients: list[Record], proven: Bundle, sql: Sql
) -> None:
    rehearse((FIRST, patients[:80]), (FIRST + DAY, patients[80:]))
    assert surveillance.check_accuracy(midnight(FIRST + 2 * DAY)) == {"reports": 2}
    second = the_report("accuracy", FIRST + DAY)
    measured = second.measures
    assert second.model_digest == proven.digest
    groups = {(one["method"], one["arm"]): one["n"] for one in measured["groups"]}
    assert sum(groups.values()) == 80
    assert {"rules", "ml"} <= {arm for _, arm in groups}
    assert second.count == sum(
        n for (method, _), n in groups.items() if method in {"ml", "low_confidence"}
    )
    assert measured["n"] == second.count
    assert sum(map(sum, measured["confusion"])) == second.count
    # Every labelled request has the model's opinion, whoever answered it.
    assert measured["opinions"]["n"] == 80
    assert measured["opinions"]["brier"] is not None
    windows = measured["windows"]
    first = the_report("accuracy", FIRST)
    assert windows["week"]["labels"] == windows["month"]["labels"] == first.count + second.count
    parts = measured["slices"]["parts"]
    for kind in ("age", "sex", "site"):
        assert sum(one["n"] for one in parts if one["kind"] == kind) == windows["month"]["labels"]
    served = measured["service"]
    assert (served["answers"], served["label_coverage"], served["fallback"]) == (80, 1.0, 0.0)
    assert 0 <= served["label_delay_hours"][0] < 1
    low, share, high = (measured["estimate"][name] for name in ("low", "accuracy", "high"))
    assert 0 < low < share < high <= 1
    wrong = sql(
        "SELECT count(*) FILTER (WHERE l.level <> a.level), count(*) FROM triage_clinicianlabel l"
        " JOIN triage_triageanswer a USING (request_id) JOIN triage_triagerequest r"
        " ON r.id = l.request_id WHERE r.accepted_at >= %s",
        midnight(FIRST + DAY),
    )
    assert served["overridden"] == pytest.approx(wrong[0][0] / wrong[0][1])


def test_what_is_reported_is_not_measured_again(
    rehearse: Callable[..., None], patients: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearse((FIRST, patients[:40]))
    assert surveillance.check_accuracy(midnight(FIRST + DAY)) == {"reports": 1}

    def refuse(*_: Any) -> None:
        raise AssertionError("measured twice")

    monkeypatch.setattr(accuracy, "assess", refuse)
    assert surveillance.check_accuracy(midnight(FIRST + DAY)) == {"reports": 0}


def test_evidence_adds_up_from_report_to_report_until_the_alarm(
    rehearse: Callable[..., None], patients: list[Record]
) -> None:
    """Every patient turns out an emergency: the charts see it, and remember the days before."""
    sicker = [Record(one.case, Level.EMERGENCY, None, one.line) for one in patients]
    days = (patients[:40], sicker[40:60], sicker[60:80])
    rehearse(*((FIRST + n * DAY, records) for n, records in enumerate(days)))
    kinds: list[set[str]] = []
    for number in range(1, 4):
        surveillance.check_accuracy(midnight(FIRST + number * DAY))
        kinds.append({one["kind"] for one in alerts.open_alerts()})
    urgency = [
        the_report("accuracy", FIRST + n * DAY).measures["cumulative"]["urgency"] for n in range(3)
    ]
    assert urgency[0]["value"] < 100 <= urgency[1]["value"] < urgency[2]["value"]
    assert "urgency_underestimated" not in kinds[0]
    assert "urgency_underestimated" in kinds[1]
    assert "accuracy_drop" in kinds[2]


def test_labels_that_come_late_change_the_cohort_and_not_the_report(
    rehearse: Callable[..., None], patients: list[Record], proven: Bundle, sql: Sql
) -> None:
    rehearse((FIRST, patients[:60]))
    sql("UPDATE triage_clinicianlabel SET created_at = created_at + interval '1 day'")
    surveillance.check_accuracy(midnight(FIRST + DAY))
    report = the_report("accuracy", FIRST)
    assert (report.state, report.count) == ("insufficient_labels", 0)
    [before] = reports.cohorts(proven.digest, FIRST, FIRST + DAY)
    assert before.labels == 0
    assert before.measures["estimate"]["n"] > 0
    assert before.measures["estimate_error"] is None
    surveillance.check_accuracy(midnight(FIRST + 2 * DAY))
    assert the_report("accuracy", FIRST) == report
    [after] = reports.cohorts(proven.digest, FIRST, FIRST + DAY)
    assert after.labels == the_report("accuracy", FIRST + DAY).count > 20
    assert after.accuracy is not None
    assert after.measures["estimate_error"] == pytest.approx(
        after.measures["estimate"]["accuracy"] - after.accuracy
    )


def test_only_labels_of_known_probability_decide_once_there_are_enough(
    rehearse: Callable[..., None], patients: list[Record], owner_id: int, sql: Sql
) -> None:
    rehearse((FIRST, patients))
    # Wrong answers were drawn for certain, right ones with a chance of one in five: plain
    # accuracy of the drawn ones lies, the weighted one does not.
    sql(
        "INSERT INTO triage_reviewsample"
        " (request_id, client_id, stratum, random_share, probability)"
        " SELECT a.request_id, %s, 'risky', FALSE,"
        " CASE WHEN a.level = l.level THEN 0.2 ELSE 1 END"
        " FROM triage_triageanswer a JOIN triage_clinicianlabel l USING (request_id)"
        " WHERE a.level <> l.level OR right(md5(a.request_id::text), 1) IN ('0', '1', '2')",
        owner_id,
    )
    surveillance.check_accuracy(midnight(FIRST + DAY))
    day = the_report("accuracy", FIRST).measures["windows"]["day"]
    assert day["basis"] == "sampled"
    drawn = day["weighted"]
    assert drawn["n"] < day["labels"]
    assert day["share"] == drawn["share"]
    assert drawn["low"] < day["accuracy"]["share"] < drawn["high"]
    assert drawn["effective_n"] < drawn["n"]
    # Emergencies that were missed were drawn more often too.
    assert "effective_n" in day["emergency_recall"]


def test_the_day_ends_at_midnight_utc(
    rehearse: Callable[..., None], patients: list[Record], sql: Sql
) -> None:
    rehearse((FIRST, patients[:20]))
    last = midnight(FIRST + DAY) - dt.timedelta(microseconds=1)
    sql("UPDATE triage_clinicianlabel SET created_at = %s", last)
    sql(
        "UPDATE triage_clinicianlabel SET created_at = %s"
        " WHERE id = (SELECT max(id) FROM triage_clinicianlabel)",
        midnight(FIRST + DAY),
    )
    assert surveillance.check_accuracy(last) == {"reports": 0}
    assert surveillance.check_accuracy(midnight(FIRST + DAY)) == {"reports": 1}
    assert surveillance.check_accuracy(midnight(FIRST + 2 * DAY)) == {"reports": 1}
    days = sql(
        "SELECT (measures->'opinions'->>'n')::int FROM monitoring_accuracyreport ORDER BY day"
    )
    assert days == [(19,), (1,)]


def test_a_clock_that_runs_ahead_reports_no_day_that_has_not_ended(
    rehearse: Callable[..., None], patients: list[Record]
) -> None:
    today = dt.datetime.now(dt.UTC).date()
    rehearse((today - DAY, patients[:10]), (today, patients[10:20]))
    for as_of in (None, dt.datetime.now(dt.UTC) + 3 * DAY):
        surveillance.check_accuracy(as_of)
        surveillance.check_drift(as_of)
    assert {one.day for one in reports.listed("accuracy")} == {today - DAY}
    assert {one.day for one in reports.listed("drift")} == {today - DAY}


def test_alarms_about_a_model_that_answers_nobody_any_more_are_closed(
    rehearse: Callable[..., None], patients: list[Record], proven: Bundle
) -> None:
    alerts.raise_alert("low_accuracy", "a-model-of-last-year", "tests")
    rehearse((FIRST, patients[:10]))
    surveillance.check_accuracy(midnight(FIRST + DAY))
    found = {(one["kind"], one["subject"]) for one in alerts.open_alerts()}
    assert ("low_accuracy", "a-model-of-last-year") not in found
    assert ("insufficient_labels", proven.version) in found


@pytest.mark.parametrize("night", [dt.date(2026, 3, 29), dt.date(2026, 10, 25)])
def test_days_are_utc_days_in_both_nights_when_clocks_change(
    rehearse: Callable[..., None],
    patients: list[Record],
    processes: Processes,
    sql: Sql,
    night: dt.date,
) -> None:
    """A process in Berlin, whose day of the change has 23 or 25 hours, makes the same reports."""
    rehearse((night - DAY, patients[:10]), (night, patients[10:30]), (night + DAY, patients[30:34]))
    hours = [0.0, 0.5, 1.5, 22.5, 23.5, 23.99]  # 22:30 UTC is the next day in Berlin
    rows = sql("SELECT id FROM triage_clinicianlabel ORDER BY created_at, id")
    for number, (label,) in enumerate(rows[10:30]):
        at = midnight(night) + dt.timedelta(hours=hours[number % len(hours)])
        sql("UPDATE triage_clinicianlabel SET created_at = %s WHERE id = %s", at, label)
    arguments = ["manage.py", "check_accuracy", "--json", "--as-of"]
    # 22:30 UTC is tomorrow in Berlin, where the day after the change would have ended.
    done = processes.run(*arguments, f"{night + DAY}T22:30:00Z", TZ="Europe/Berlin")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"reports": 2}
    # Half past midnight UTC, as a clock two hours east says it.
    later = dt.datetime.fromisoformat(f"{night + 2 * DAY}T02:30:00+02:00")
    assert surveillance.check_accuracy(later) == {"reports": 1}
    found = sql(
        "SELECT day, (measures->'opinions'->>'n')::int FROM monitoring_accuracyreport ORDER BY day"
    )
    assert found == [(night - DAY, 10), (night, 20), (night + DAY, 4)]


def test_drift_is_quiet_for_the_patients_of_the_training_and_loud_for_others(
    rehearse: Callable[..., None], patients: list[Record], proven: Bundle
) -> None:
    alike = list(generate(120, seed=77))
    old = [
        Record(parse_case(SORE_THROAT | {"patient_age": 95.0}), Level.SOON, None, n)
        for n in range(60)
    ]
    rehearse((FIRST, alike), (FIRST + DAY, old), (FIRST + 2 * DAY, patients[:10]))
    assert surveillance.check_drift(midnight(FIRST + 3 * DAY)) == {"reports": 3}
    assert surveillance.check_drift(midnight(FIRST + 3 * DAY)) == {"reports": 0}
    states = [the_report("drift", FIRST + n * DAY).state for n in range(3)]
    assert states == ["stable", "large", "insufficient_requests"]
    measured = the_report("drift", FIRST + DAY).measures
    moved = {(one["field"], one["kind"]) for one in measured["shifts"] if one["state"] == "large"}
    assert ("patient_age", "value") in moved
    assert ("answers", "answers") in moved
    assert "input_drift" in {one["kind"] for one in alerts.open_alerts()}


def test_a_missing_check_is_an_alarm_that_needs_only_the_database(
    rehearse: Callable[..., None], patients: list[Record], owner: Api
) -> None:
    rehearse((FIRST, patients[:10]))
    keeper = Liveness()

    def kinds() -> set[str]:
        return {one["kind"] for one in alerts.open_alerts()}

    keeper.check_reports(midnight(FIRST) + dt.timedelta(hours=3))
    assert CHECK_MISSED not in kinds(), "the system was younger than that day"
    keeper.check_reports(midnight(FIRST + DAY) + dt.timedelta(hours=1, minutes=59))
    assert CHECK_MISSED not in kinds(), "the check still has time"
    keeper.check_reports(midnight(FIRST + DAY) + dt.timedelta(hours=2))
    assert CHECK_MISSED in kinds()
    surveillance.check_accuracy(midnight(FIRST + DAY) + dt.timedelta(hours=4))
    keeper.check_reports(midnight(FIRST + DAY) + dt.timedelta(hours=4))
    assert CHECK_MISSED not in kinds()


def test_a_rehearsal_is_refused_where_patients_are(
    rehearse: Callable[..., None], patients: list[Record], owner_id: int
) -> None:
    lifecycle.submit(owner_id, [Submission(parse_case(SORE_THROAT))])
    with pytest.raises(rehearsal.RehearsalRefused, match="patients"):
        rehearse((FIRST, patients[:5]))


def test_operators_read_the_reports(
    rehearse: Callable[..., None], patients: list[Record], owner: Api, owner_id: int, anonymous: Api
) -> None:
    rehearse((FIRST, patients[:40]), (FIRST + DAY, patients[40:80]))
    surveillance.check_accuracy(midnight(FIRST + 2 * DAY))
    surveillance.check_drift(midnight(FIRST + 2 * DAY))
    operator = Api(keys.create_key(owner_id, "operator", (Scope.OPERATE,)))
    path = "/api/v1/reports/"
    assert owner.get(path).status_code == 403
    assert anonymous.get(path).status_code == 401
    page = operator.get(path + "?limit=1").json()
    [newest] = page["reports"]
    assert (newest["kind"], newest["day"]) == ("accuracy", str(FIRST + DAY))
    assert "measures" not in newest
    older = operator.get(f"{path}?limit=1&before={page['next']}").json()
    assert [one["day"] for one in older["reports"]] == [str(FIRST)]
    assert older["next"] is None
    detail = operator.get(f"{path}{newest['id']}/").json()
    assert detail["measures"]["windows"]["day"]["labels"] == newest["count"]
    assert [one["day"] for one in detail["cohorts"]] == [str(FIRST), str(FIRST + DAY)]
    [drift, _] = operator.get(path + "?kind=drift").json()["reports"]
    assert drift["id"].startswith("drift-")
    assert operator.get(f"{path}{drift['id']}/").json()["measures"]["cases"] == 40
    text = json.dumps([detail, operator.get(f"{path}{drift['id']}/").json()])
    for record in patients[:80]:
        complaint = record.case.symptoms_data.chief_complaint or ""
        assert len(complaint) < 15 or complaint not in text
    for wrong in ("?kind=all", "?limit=0", "?limit=x", "?before=accuracy-0", "?day=1"):
        assert operator.get(path + wrong).status_code == 400
    for unknown in ("accuracy-999999", "drift-x", "%00", "9" * 40, "accuracy-" + "9" * 30):
        assert operator.get(f"{path}{unknown}/").status_code == 404
    schema = json.loads(anonymous.get("/api/schema/", Accept="application/json").content)
    assert {"ReportList", "ReportDetail"} <= set(schema["components"]["schemas"])


def test_a_bundle_that_cannot_reach_the_floor_is_named_at_its_promotion(
    proven: Bundle, database: None, settings: Any
) -> None:
    _, record = bundles.candidate(proven.version)
    settings.ACCURACY_FLOOR, settings.EMERGENCY_RECALL_FLOOR = 0.05, 0.05
    assert bundles.unreachable_floors(record) == []
    settings.ACCURACY_FLOOR = 0.999
    [warning] = bundles.unreachable_floors(record)
    assert "wholly under ACCURACY_FLOOR of 100%" in warning
    said = io.StringIO()
    out = io.StringIO()
    call_command("models", "promote", proven.version, "--json", stdout=out, stderr=said)
    assert json.loads(out.getvalue())["warnings"] == [warning]
    assert warning in said.getvalue()


def test_the_rehearsal_command_shows_each_day(
    proven: Bundle, patients: list[Record], database: None, tmp_path: Path
) -> None:
    path = tmp_path / "records.jsonl"
    lines = [
        json.dumps(body_of(one.case) | {"label": one.level.label, "group": "1"})
        for one in patients
        if one.level is not None
    ]
    path.write_text("\n".join(lines))
    arguments = ["rehearse", str(path), "--first-day", str(FIRST), "--days", "2", "--group", "1"]
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert [one["day"] for one in found] == [str(FIRST), str(FIRST + DAY)]
    assert [one["drift"]["count"] for one in found] == [len(lines) // 2] * 2
    assert all(one["accuracy"]["count"] > 0 for one in found)
    shown = io.StringIO()
    arguments[3] = str(FIRST + 2 * DAY)
    call_command(*arguments, stdout=shown)
    assert len(shown.getvalue().splitlines()) == 3
    for wrong, said in (
        (["--first-day", "monday"], "YYYY-MM-DD"),
        (["--days", "0"], "--days"),
        (["--group", "9"], "--days"),
        (["--model", "absent"], "absent"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command(*arguments, *wrong)
