"""Is the model right: the stored daily reports as pictures, with a table under each.

Nothing is computed here: workers made the reports. Sites other than the person's own clients are
left out; every other number is of all patients.
"""

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from backend.clients.people import Person, Role
from backend.console import charts
from backend.console.access import page
from backend.console.charts import Bar, Point
from backend.monitoring import registry, reports
from backend.monitoring.reports import Listed
from backend.triage import census
from ml.schema import LEVELS

_DAYS: Final = 30
_CALIBRATION_DAYS: Final = 30


@require_safe
@page(Role.CLINICIAN)
def index(request: HttpRequest, person: Person) -> HttpResponse:
    names = [one.version for one in registry.listed()]
    serving = registry.roles().serving
    version = request.GET.get("version", serving.version if serving else "")
    found = reports.listed("accuracy", version=version, limit=_DAYS) if version in names else []
    chosen = _chosen(request, found)
    record = registry.find(version)
    context: dict[str, Any] = {
        "names": names,
        "version": version,
        "days": found,
        "chosen": chosen,
        "floor": settings.ACCURACY_FLOOR,
        "minimum": settings.ACCURACY_MINIMUM_LABELS,
        "levels": LEVELS,
    }
    if found:
        context |= {"over_time": _over_time(found[::-1]), "rows": [_row(one) for one in found]}
    if chosen is not None:
        context |= _of_the_day(chosen, person)
    if record is not None:
        bins = census.confidence(record.digest, _CALIBRATION_DAYS)
        context |= {"bins": bins, "calibration": _calibration(bins) if bins else ""}
    drift = reports.listed("drift", version=version, limit=_DAYS) if version in names else []
    if drift:
        shifts = sorted(drift[0].measures.get("shifts", []), key=lambda one: -one["psi"])
        context |= {
            "drift": drift[0],
            "shifts": shifts,
            "drift_chart": _drift(shifts),
            "words": drift[0].measures.get("words", []),
        }
    return render(request, "console/accuracy.html", context)


def _chosen(request: HttpRequest, found: Sequence[Listed]) -> Listed | None:
    """The report whose details are shown: the one that was asked for, else the newest."""
    asked = request.GET.get("report")
    if asked is None:
        return found[0] if found else None
    one = next((report for report in found if report.id == asked), None)
    if one is None:
        raise Http404
    return one


def _row(report: Listed) -> dict[str, Any]:
    windows = report.measures.get("windows", {})
    return {
        "report": report,
        "day": _deciding(windows.get("day")),
        "month": _deciding(windows.get("month")),
        "recall": (windows.get("month") or {}).get("emergency_recall"),
        "reasons": report.measures.get("reasons", []),
    }


def _deciding(window: dict[str, Any] | None) -> dict[str, Any] | None:
    """The share that decides in a window: the weighted one where the labels allow it."""
    if not window:
        return None
    share = window["weighted"] if window.get("basis") == "sampled" else window["accuracy"]
    return share if share and share.get("share") is not None else None


def _over_time(found: Sequence[Listed]) -> SafeString:
    points = []
    for report in found:
        share = _deciding(report.measures.get("windows", {}).get("day")) or {}
        value = share.get("share", report.accuracy)
        points.append(Point(f"{report.day:%d.%m.}", value, share.get("low"), share.get("high")))
    said = f"{len(points)} daily reports with 95 % intervals; dashed: the floor."
    title = "Agreement with clinicians by day"
    return charts.line(points, title=title, said=said, floor=settings.ACCURACY_FLOOR)


def _of_the_day(report: Listed, person: Person) -> dict[str, Any]:
    measures = report.measures
    confusion = measures.get("confusion")
    mine = {place.client for place in person.places.values()}
    parts = [
        one | {"name": _name(one)}
        for one in measures.get("slices", {}).get("parts", [])
        if one["kind"] != "site" or one["part"] in mine
    ]
    found: dict[str, Any] = {
        "confusion": list(zip(LEVELS, confusion, strict=True)) if confusion else None,
        "measures": measures,
        "windows": measures.get("windows", {}).items(),
        "charts": measures.get("cumulative", {}),
        "estimate": measures.get("estimate"),
        "service": measures.get("service", {}),
        "parts": parts,
    }
    if confusion:
        said = "Clinician's level in rows, answered level in columns; on the diagonal they agree."
        found["matrix"] = charts.matrix(confusion, title="Confusion matrix", said=said)
    known = [one for one in parts if one["accuracy"]]
    if known:
        points = [_part(one) for one in known]
        said = "Agreement in each part of the patients with its 95 % interval, over 30 days."
        found["slices_chart"] = charts.intervals(
            points, title="Parts of the patients", said=said, middle=settings.ACCURACY_FLOOR
        )
    return found


def _name(one: dict[str, Any]) -> str:
    kind, part = one["kind"], one["part"]
    return str(part) if part.startswith(kind) else f"{kind} {part}"


def _part(one: dict[str, Any]) -> Point:
    share = one["accuracy"]
    return Point(one["name"], share["share"], share["low"], share["high"])


def _calibration(bins: Sequence[tuple[float, float, int]]) -> SafeString:
    said = "Share that agreed with the clinician against the model's confidence; dashed: ideal."
    return charts.calibration(bins, title="Calibration", said=said)


def _drift(shifts: Sequence[dict[str, Any]]) -> SafeString:
    rows = [
        Bar(
            one["field"].replace("_", " "), one["psi"], f"{one['psi']:.2f}", one["state"] == "large"
        )
        for one in shifts[:14]
    ]
    said = "Population stability index of each field against the training data; red: large."
    return charts.bars(rows, title="Drift by field", said=said)
