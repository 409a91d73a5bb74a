"""Model versions: look, compare two, and order what a worker then does with its gate."""

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from backend.clients.people import Person, Role
from backend.console import charts
from backend.console.access import page
from backend.console.charts import Point
from backend.monitoring import orders, registry
from backend.monitoring.orders import Action
from backend.monitoring.registry import ModelRecord, Refused

_SHARES: Final = (
    ("accuracy", "Accuracy"),
    ("emergency_recall", "Emergency recall"),
    ("emergencies_missed", "Emergencies missed"),
)
_POINTS: Final = (
    ("under_triage", "Under-triage", "percent"),
    ("over_triage", "Over-triage", "percent"),
    ("quadratic_kappa", "Quadratic kappa", "number"),
    ("macro_f1", "Macro F1", "number"),
    ("brier", "Brier score", "number"),
    ("calibration_error", "Calibration error", "number"),
)
# Of these less is better.
_LESS: Final = frozenset({"emergencies_missed"})


@require_safe
@page(Role.OPERATOR)
def index(request: HttpRequest, person: Person) -> HttpResponse:
    found = registry.listed()
    rows = [(one, _scores(one)) for one in found]
    context = {
        "rows": rows,
        "previous": next((one.previous for one in found if one.stage == "serving"), None),
        "orders": orders.newest(),
        "busy": any(not one.is_final for one in orders.newest()),
    }
    return render(request, "console/models.html", context)


@require_safe
@page(Role.OPERATOR)
def detail(request: HttpRequest, person: Person, version: str) -> HttpResponse:
    return render(request, "console/model.html", _context(_find(version)))


@require_safe
@page(Role.OPERATOR)
def order(request: HttpRequest, person: Person, version: str) -> HttpResponse:
    """The newest order alone, as a piece of a page: what `live.js` asks for until it is final."""
    return render(request, "console/_order.html", _context(_find(version)))


@require_POST
@page(Role.OPERATOR)
def change(request: HttpRequest, person: Person, version: str) -> HttpResponse:
    """Order a promotion, rollback, shadow or retirement of this version."""
    record, form = _find(version), request.POST
    action = form.get("action", "")
    try:
        if action not in Action.values:
            raise Refused("choose what to do")
        if "sure" not in form:
            raise Refused("confirm that you mean it")
        override = "override" in form and action == Action.PROMOTE
        orders.place(person, action, record.version, form.get("reason", ""), override=override)
        messages.success(request, f"Ordered: {action} {record.version}. A worker carries it out.")
    except Refused as refusal:
        messages.error(request, f"Nothing was ordered: {refusal}.")
    return redirect("console:models-one", record.version)


@require_safe
@page(Role.OPERATOR)
def compare(request: HttpRequest, person: Person) -> HttpResponse:
    """Two versions side by side, by what their own training measured."""
    found = registry.listed()
    names = [one.version for one in found]
    asked = [request.GET.get("a", ""), request.GET.get("b", "")]
    chosen = [one for name in asked for one in found if one.version == name]
    context: dict[str, Any] = {"names": names, "asked": asked, "pair": None}
    if len(chosen) == 2:
        left, right = chosen
        context |= {
            "pair": chosen,
            "rows": _compared(left, right),
            "facts": _facts(left, right),
            "chart": _forest(chosen),
        }
    return render(request, "console/compare.html", context)


def _find(version: str) -> ModelRecord:
    found = registry.find(version)
    if found is None:
        raise Http404
    return found


def _context(record: ModelRecord) -> dict[str, Any]:
    mine = orders.newest(record.version, limit=5)
    serving = registry.roles().serving
    served = registry.find(serving.version) if serving else None
    return {
        "record": record,
        "scores": _scores(record),
        "changes": registry.changes(record.version)[::-1],
        "orders": mine,
        "newest": mine[0] if mine else None,
        "gate": mine[0].gate if mine and mine[0].gate else record.metrics.get("gate"),
        "actions": _offered(record, served),
        "serving": served,
    }


def _offered(record: ModelRecord, serving: ModelRecord | None) -> list[tuple[str, str]]:
    """What may be ordered of this version now, as (action, words)."""
    if record.stage == "serving":
        return []
    found = [(Action.PROMOTE.value, "Promote: let it serve, if the gate finds it no worse")]
    if serving is not None and serving.previous == record.version:
        words = f"Roll back: serve it again instead of {serving.version}, proven but not gated"
        found.insert(0, (Action.ROLLBACK.value, words))
    if record.stage != "shadow":
        found.append((Action.SHADOW.value, "Shadow: let it predict beside, logged and unserved"))
    if record.stage != "retired":
        found.append((Action.RETIRE.value, "Retire: withdraw it"))
    return found


def _scores(record: ModelRecord) -> dict[str, Any]:
    """The training's own scores of the model; empty for a bundle that has none."""
    found = record.metrics.get("model")
    return found if isinstance(found, dict) else {}


def _compared(left: ModelRecord, right: ModelRecord) -> list[dict[str, Any]]:
    a, b = _scores(left), _scores(right)
    rows = [
        {"name": name, "kind": "interval", "a": a.get(key), "b": b.get(key)}
        | {"better": _better(key, a.get(key), b.get(key))}
        for key, name in _SHARES
    ]
    rows += [
        {"name": name, "kind": kind, "a": a.get(key), "b": b.get(key)}
        for key, name, kind in _POINTS
    ]
    return rows


def _better(key: str, a: Any, b: Any) -> str:
    """Which of two shares is better, `a` or `b`; empty while their intervals overlap."""
    if not (isinstance(a, dict) and isinstance(b, dict)):
        return ""
    if a["high"] < b["low"]:
        return "a" if key in _LESS else "b"
    if b["high"] < a["low"]:
        return "b" if key in _LESS else "a"
    return ""


def _facts(left: ModelRecord, right: ModelRecord) -> list[tuple[str, Any, Any]]:
    def of(record: ModelRecord) -> dict[str, Any]:
        data = record.metadata.get("training_data", {})
        return {
            "stage": record.stage,
            "digest": record.digest[:12],
            "rules": record.rules_version,
            "trained on": record.metadata.get("source", "–"),
            "records": data.get("records", "–"),
            "features": record.metadata.get("features", "–"),
            "registered": f"{record.created_at:%Y-%m-%d %H:%M}",
        }

    a, b = of(left), of(right)
    return [(name, a[name], b[name]) for name in a]


def _forest(pair: list[ModelRecord]) -> str:
    points = []
    for key, name in _SHARES:
        for mark, record in zip("ab", pair, strict=True):
            found = _scores(record).get(key)
            if isinstance(found, dict):
                label = f"{name} {mark}"
                points.append(Point(label, found["share"], found["low"], found["high"]))
    said = "Shares with 95 % intervals out of each version's own cross-validation."
    return charts.intervals(points, title="Two versions compared", said=said)
