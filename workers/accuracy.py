"""One day's accuracy report: windows, statistics, evidence that adds up. Measures, stores nothing.

The day's labels decide its state. Around the day stand the week and the 30 days that end with it,
the charts that add up evidence from day to day, and what can be estimated without any label.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from django.conf import settings

from backend.monitoring import registry
from backend.monitoring.reports import Cohort, Report
from backend.triage import outcomes
from backend.triage.outcomes import ServedLabel
from ml.change_detection import Evidence, accuracy_evidence, urgency_evidence
from ml.estimation import Estimate, estimate
from ml.evaluation import score
from ml.schema import Level
from ml.slices import age_band, gaps, sex_part
from ml.statistics import Proportion, Weighted, clopper_pearson, hajek, wilson

DAY: Final = dt.timedelta(days=1)
WINDOWS: Final = {"day": 1, "week": 7, "month": 30}
# A gap in accuracy between parts of the patients is named from this adjusted P value on.
GAP_SIGNIFICANCE: Final = 0.05

Labels = Sequence[ServedLabel]


@dataclass(frozen=True, slots=True)
class Judged:
    """How the labels of a window judge the answers.

    `basis` is `sampled` where enough labels come from the review queue, whose probabilities are
    known: then `weighted` decides. `all_labels` are whoever's: nobody knows why just these cases
    were labelled. `state` is `insufficient_labels`, `healthy`, `warning` (the share is under the
    floor) or `breach` (its whole interval is).
    """

    labels: int
    basis: str
    state: str
    accuracy: Proportion | None
    weighted: Weighted | None

    @property
    def share(self) -> float | None:
        """The share that decides."""
        if self.basis == "sampled" and self.weighted:
            return self.weighted.share
        return self.accuracy.share if self.accuracy else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"share": self.share}


@dataclass(frozen=True, slots=True)
class Heldout:
    """What a model could do when it was trained: its own opinions on unseen records."""

    accuracy: float
    lowest: float
    records: int


def midnight(day: dt.date) -> dt.datetime:
    """When a UTC day begins."""
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def assess(day: dt.date, version: str, digest: str, before: Report | None) -> Report:
    """The report on `digest` of the labels received on `day`; `before` is its previous report,
    whose evidence this day continues."""
    start, end = midnight(day), midnight(day) + DAY
    month = outcomes.labels_received(end - WINDOWS["month"] * DAY, end)
    windows: dict[str, dict[str, Any]] = {}
    for name, days in WINDOWS.items():
        within = [one for one in month if one.labelled_at >= end - days * DAY]
        windows[name] = _window(within, digest)
    labels = [one for one in month if one.labelled_at >= start]
    mine = of_model(labels, digest)
    heldout = held_out(version, digest)
    charts = cumulative(labels, month, digest, heldout, before)
    today = windows["day"]
    state, reasons = _state(windows, charts)
    measures: dict[str, Any] = {
        "reasons": reasons,
        "windows": windows,
        "cumulative": charts,
        "groups": _groups(labels, digest),
        "opinions": _opinions(labels, digest),
        "slices": _slices(of_model(month, digest)),
        "estimate": _as_json(_estimate(start, end, digest, heldout)),
        "service": _service(start, end, labels),
    }
    if mine:
        measures |= score([one.labelled for one in mine], [one.answered for one in mine]).to_json()
    return Report(day, version, digest, state, len(mine), today["accuracy"]["share"], measures)


def cohort(day: dt.date, version: str, digest: str, known: dt.datetime) -> Cohort:
    """What the labels given before `known` say of the answers to the requests of `day`, beside
    what was estimated without them."""
    start, end = midnight(day), midnight(day) + DAY
    mine = of_model(outcomes.labels_of_decisions(start, end, known), digest)
    judged = judge(mine)
    expected = _estimate(start, end, digest, held_out(version, digest))
    measures: dict[str, Any] = {
        **judged.to_json(),
        "estimate": _as_json(expected),
        # How far the estimate was off, and whether its interval and that of the labels meet.
        "estimate_error": None,
        "estimate_held": None,
    }
    if expected is not None and judged.share is not None and judged.accuracy is not None:
        truth = (
            judged.weighted if judged.basis == "sampled" and judged.weighted else judged.accuracy
        )
        measures["estimate_error"] = expected.accuracy - truth.share
        measures["estimate_held"] = expected.low <= truth.high and truth.low <= expected.high
    return Cohort(day, version, digest, len(mine), judged.share, measures)


def of_model(labels: Labels, digest: str) -> list[ServedLabel]:
    """Those whose answer is this model's work."""
    return [one for one in labels if one.model_digest == digest and one.model_had_a_say]


def judge(labels: Labels) -> Judged:
    """Accuracy of these answers against the floor; see `Judged`."""
    sampled = [(one.right, one.probability) for one in labels if one.probability is not None]
    plain = wilson(sum(one.right for one in labels), len(labels))
    weighted = None
    if settings.REVIEW_SHARES["random"]:
        # Without a uniform share some answers could never be drawn: no weight mends that.
        weighted = hajek([right for right, _ in sampled], [p for _, p in sampled])
    enough = settings.ACCURACY_MINIMUM_LABELS
    basis = "sampled" if weighted and weighted.n >= enough else "all_labels"
    decisive = weighted if basis == "sampled" else plain
    if decisive is None or len(labels) < enough:
        state = "insufficient_labels"
    else:
        state = _against(settings.ACCURACY_FLOOR, decisive.share, decisive.high)
    return Judged(len(labels), basis, state, plain, weighted)


def held_out(version: str, digest: str) -> Heldout | None:
    """What the registry knows of the model's accuracy on held-out data; None for an unknown one."""
    record = registry.find(version)
    if record is None or record.digest != digest:
        return None
    try:
        accuracy = record.metrics["model"]["accuracy"]
        records = int(record.metadata["training_data"]["records"])
        return Heldout(float(accuracy["share"]), float(accuracy["low"]), records)
    except (KeyError, TypeError, ValueError):  # a bundle of an older form
        return None


def cumulative(
    labels: Labels, month: Labels, digest: str, heldout: Heldout | None, before: Report | None
) -> dict[str, Any]:
    """The charts of `ml.change_detection`, continued with the day's labels: the model's own
    opinions, also where rules or a red flag answered, as its held-out accuracy was measured."""
    earlier = (before.measures.get("cumulative") if before else None) or {}
    lowest = settings.REVIEW_SHARES["random"]
    # Where the queue is in use only its labels count: those that people volunteer are selected.
    drawn = sum(one.probability is not None for one in month) >= settings.ACCURACY_MINIMUM_LABELS
    weighted = bool(lowest) and drawn
    found = [
        (one.labelled, opinion, one.probability)
        for one in labels
        if (opinion := one.opinion(digest)) is not None and (one.probability or not weighted)
    ]
    weights = [min(1.0, lowest / (p or 1.0)) for _, _, p in found] if weighted else None
    accuracy = Evidence.from_json(earlier.get("accuracy"))
    if heldout is not None:
        reference = min(max(heldout.lowest, 0.01), 0.99)
        right = [truth == opinion.level for truth, opinion, _ in found]
        accuracy = accuracy.after(accuracy_evidence(right, reference, weights))
    stated = [place for place, (_, opinion, _) in enumerate(found) if opinion.probabilities]
    said = np.array([found[place][1].probabilities for place in stated], dtype=np.float64)
    urgency = Evidence.from_json(earlier.get("urgency")).after(
        urgency_evidence(
            [found[place][0] for place in stated],
            said.reshape(len(stated), len(Level)),
            weights and [weights[place] for place in stated],
        )
    )
    return {
        "labels": len(found),
        "basis": "sampled" if weighted else "all_labels",
        "reference": heldout.lowest if heldout else None,
        "held_out_accuracy": heldout.accuracy if heldout else None,
        "accuracy": accuracy.to_json(),
        "urgency": urgency.to_json(),
    }


def _state(windows: dict[str, Any], charts: dict[str, Any]) -> tuple[str, list[str]]:
    """The day's state, and every finding by name, of the longer windows and charts too."""
    today = windows["day"]
    reasons = [
        f"{measure}_{found['state']}_{name}"
        for name, window in windows.items()
        for measure, found in (("accuracy", window), ("recall", window["emergency_recall"]))
        if found["state"] in {"warning", "breach"}
    ]
    reasons += [f"cumulative_{name}" for name in ("accuracy", "urgency") if charts[name]["alarm"]]
    state: str = today["state"]
    if state == "insufficient_labels":
        return state, reasons
    if today["emergency_recall"]["state"] == "breach":
        return "breach", reasons
    if state == "healthy" and (
        today["emergency_recall"]["state"] == "warning" or any("cumulative" in r for r in reasons)
    ):
        return "warning", reasons
    return state, reasons


def _window(labels: Labels, digest: str) -> dict[str, Any]:
    judged = judge(of_model(labels, digest))
    found = judged.to_json()
    found["accuracy"] = found["accuracy"] or {"share": None, "n": 0}
    return found | {"emergency_recall": _recall(labels, digest, judged.basis == "sampled")}


def _recall(labels: Labels, digest: str, weighted: bool) -> dict[str, Any]:
    """Of the true emergencies whom the trial let this model answer, red flags included: the share
    answered as such. Exact interval, for emergencies are few; `weighted` where the queue's labels
    decide: it draws the risky ones more often."""
    emergencies = [
        (one.answered == Level.EMERGENCY, one.probability)
        for one in labels
        if one.labelled == Level.EMERGENCY and one.arm != "rules" and one.opinion(digest)
    ]
    found: Proportion | Weighted | None
    if weighted:
        drawn = [(right, p) for right, p in emergencies if p is not None]
        found = hajek([right for right, _ in drawn], [p for _, p in drawn])
    else:
        found = clopper_pearson(sum(right for right, _ in emergencies), len(emergencies))
    if found is None:
        return {"state": "insufficient_labels", "share": None, "n": 0}
    state = _against(settings.EMERGENCY_RECALL_FLOOR, found.share, found.high)
    if state == "warning" and found.n < settings.ACCURACY_MINIMUM_LABELS:
        # One miss of three is no finding; an interval wholly under the floor is, however few.
        state = "insufficient_labels"
    return {"state": state, **asdict(found)}


def _against(floor: float, share: float, high: float) -> str:
    if high < floor:
        return "breach"
    return "warning" if share < floor else "healthy"


def _groups(labels: Labels, digest: str) -> list[dict[str, Any]]:
    """Scores by method and arm, of every labelled answer that the model had an opinion on."""
    parts: dict[tuple[str, str, bool], list[ServedLabel]] = {}
    for one in labels:
        if one.model_digest == digest or one.opinion(digest):
            parts.setdefault((one.method, one.arm, one.fallback), []).append(one)
    found = []
    for (method, arm, fallback), part in sorted(parts.items()):
        truth, answers = [one.labelled for one in part], [one.answered for one in part]
        said = [one.probabilities for one in part if one.probabilities]
        probabilities = np.array(said) if len(said) == len(part) else None
        scores = score(truth, answers, probabilities).to_json()
        found.append({"method": method, "arm": arm, "fallback": fallback, **scores})
    return found


def _opinions(labels: Labels, digest: str) -> dict[str, Any] | None:
    """Scores of what the model said, whether it was served or not, with its calibration."""
    pairs = [
        (one.labelled, opinion)
        for one in labels
        if (opinion := one.opinion(digest)) is not None and opinion.probabilities
    ]
    if not pairs:
        return None
    said = np.array([opinion.probabilities for _, opinion in pairs])
    return score(
        [truth for truth, _ in pairs], [opinion.level for _, opinion in pairs], said
    ).to_json()


def _slices(labels: Labels) -> dict[str, Any]:
    """Accuracy by age band, sex and site over 30 days, each part against the rest of its kind."""
    cases = dict(outcomes.cases_of([one.request_id for one in labels]))
    known = [one for one in labels if one.request_id in cases]
    kinds = {
        "age": [age_band(cases[one.request_id].patient_age) for one in known],
        "sex": [sex_part(cases[one.request_id].patient_sex) for one in known],
        "site": [one.site for one in known],
    }
    found = gaps([one.right for one in known], kinds)
    behind = [
        f"{one.kind}: {one.part}"
        for one in found
        if one.p_value is not None and one.p_value < GAP_SIGNIFICANCE and (one.difference or 0) < 0
    ]
    return {"parts": [asdict(one) for one in found], "behind": behind}


def _estimate(
    start: dt.datetime, end: dt.datetime, digest: str, heldout: Heldout | None
) -> Estimate | None:
    """The accuracy to be expected of the window's answers, without their labels."""
    if heldout is None:
        return None
    levels, said = outcomes.estimable(start, end, digest)
    shape = np.array(said, dtype=np.float64).reshape(len(levels), len(Level))
    return estimate(levels, shape, heldout.records)


def _as_json(expected: Estimate | None) -> dict[str, Any] | None:
    return expected.to_json() if expected else None


def _service(start: dt.datetime, end: dt.datetime, labels: Labels) -> dict[str, Any]:
    """Who answered the day's requests, how fast, and how late labels come. Rates are shares of the
    day's answers; `overridden` of its labelled ones."""
    kinds = outcomes.service(start, end, end)
    count = sum(one.count for one in kinds)
    labelled = sum(one.labelled for one in kinds)
    overridden = sum(one.raised + one.lowered for one in kinds)
    delays = [(one.labelled_at - one.answered_at).total_seconds() / 3600 for one in labels]

    def share(part: int, whole: int) -> float | None:
        return part / whole if whole else None

    return {
        "answers": count,
        "by_kind": [asdict(one) for one in kinds],
        "fallback": share(sum(one.count for one in kinds if one.fallback), count),
        "low_confidence": share(
            sum(one.count for one in kinds if one.method == "low_confidence"), count
        ),
        "label_coverage": share(labelled, count),
        "overridden": share(overridden, labelled),
        "label_delay_hours": np.quantile(delays, [0.5, 0.9]).tolist() if delays else None,
    }
