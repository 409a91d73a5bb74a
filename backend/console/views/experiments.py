"""Trials of the model against the rules: arms, phases, the interval over time, the guardrails."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from backend.clients.people import Person, Role
from backend.console import charts
from backend.console.access import page
from backend.console.charts import Point
from backend.monitoring import experiments
from backend.monitoring.experiments import By, Record, Refused


@require_safe
@page(Role.OPERATOR)
def index(request: HttpRequest, person: Person) -> HttpResponse:
    shown = [_shown(one) for one in experiments.listed()]
    return render(request, "console/experiments.html", {"trials": shown})


@require_POST
@page(Role.OPERATOR)
def change(request: HttpRequest, person: Person, name: str) -> HttpResponse:
    """Open the next phase, or end the trial with one of its two outcomes."""
    form = request.POST
    by = By(person, person.name, form.get("reason", "").strip()[:300])
    action = form.get("do", "")
    try:
        if not by.reason:
            raise Refused("say why: the reason is kept with the change")
        if "sure" not in form:
            raise Refused("confirm that you mean it")
        if action == "ramp":
            experiments.ramp(name, by)
        elif action in ("ml", "rules"):
            experiments.stop(name, "ml" if action == "ml" else "rules", by)
        else:
            raise Refused("choose what to do")
        messages.success(request, "Done. Every process follows within seconds.")
    except Refused as refusal:
        messages.error(request, f"Nothing was changed: {refusal}.")
    return redirect("console:experiments")


def _shown(record: Record) -> dict[str, Any]:
    found = record.findings or {}
    history = found.get("history", [])
    seen = found.get("seen", {})
    return {
        "record": record,
        "found": found,
        "pairs": seen.get("pairs", {}),
        "arms": seen.get("phases", []),
        "history": history,
        "chart": _chart(history) if any(d["gain"] is not None for d in history) else "",
        "guardrails": [
            (words, found[key])
            for key, words in (
                ("under_triage", "Under-triage, model worse than rules"),
                ("accuracy", "Accuracy, model against rules"),
                ("fallback", "Fallbacks in the model's arm"),
            )
            if key in found
        ],
        "ratios": found.get("ratio", []),
    }


def _chart(history: list[dict[str, Any]]) -> SafeString:
    points = [
        Point(one["day"][5:], one["gain"], one["gain_low"], one["gain_high"]) for one in history
    ]
    said = "Accuracy of the model minus that of the rules, interval valid at every look."
    title = "Gain by day"
    return charts.line(points, title=title, said=said, low=-0.2, high=0.2, floor=0.0)
