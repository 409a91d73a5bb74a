"""What happened to a request, in order, out of its own rows."""

import datetime as dt
from dataclasses import dataclass

from backend.triage.casebook import CaseFile


@dataclass(frozen=True, slots=True)
class Step:
    """`seconds` is the time since the request was accepted."""

    at: dt.datetime
    title: str
    text: str
    level: str = ""
    seconds: float = 0.0


def timeline(found: CaseFile) -> list[Step]:
    """From acceptance on; what will come (the deadline of an open request) is not in it."""
    steps = [
        Step(
            found.accepted_at,
            "Accepted",
            "Scored by the rules in the same moment; this stands if nobody says more in time.",
            found.provisional["level"],
        )
    ]
    for one in found.answers:
        amended = one["sequence"] > 1
        who = "the model" if one["decided_by"] == "model" else "the rules"
        steps.append(
            Step(
                one["answered_at"],
                "Raised" if amended else "Answered",
                f"By {who}: {one['reason'].replace('_', ' ')}.",
                one["level"],
            )
        )
    for one in found.logs:
        if one["predictor"] == "model":
            role = "served" if one["served"] else "not served"
            took = f"{one['latency_us'] / 1000:.1f} ms"
            steps.append(
                Step(
                    one["created_at"],
                    "Model's opinion",
                    f"{one['version']}, {role}, {took}.",
                    one["level"],
                )
            )
    for one in found.labels:
        text = f"By {one['author']}{', blind' if one['blind'] else ''}."
        steps.append(Step(one["created_at"], "Clinician's level", text, one["level"]))
    if found.work == "abandoned" and found.status == "answered":
        last = found.answers[-1]["answered_at"] if found.answers else found.deadline_at
        text = f"{found.attempt} attempts were used up."
        steps.append(Step(last, "Work abandoned", text))
    steps.sort(key=lambda step: step.at)
    return [
        Step(s.at, s.title, s.text, s.level, (s.at - found.accepted_at).total_seconds())
        for s in steps
    ]
