"""Looking at the running trial: count, compare, store what was seen, roll back by itself.

A look may come at any time and as often as one likes: the tests of `ml.experiment` are made for
it. Labelled patients of both arms count alike, because both predictors saw every case.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import structlog

from backend.monitoring import experiments, exposures
from backend.monitoring.experiments import Record
from backend.triage import trial
from backend.triage.trial import LabelledPair
from ml.decision import Policy, decide
from ml.plan import Plan
from ml.prediction import Prediction

# Imported where they are used: the parent of the triage children must not load a numeric library.
if TYPE_CHECKING:
    from ml.experiment import Pairs, PhaseSeen

log = structlog.get_logger()


def watch() -> dict[str, Any]:
    """Look at the trial that is running, if one is; says what was seen.

    A plan, model, rule set or salt that is not that of the start ends the trial: what its limits
    were agreed for is gone.
    """
    record = experiments.running()
    if record is None:
        return {"running": False}
    exposures.collect(record.name)
    record = experiments.find(record.name) or record
    wrong = experiments.violations(record)
    if wrong:
        experiments.roll_back(record.name, wrong)
        return {"running": False, "outcome": "roll_back", "reasons": list(wrong)}
    return _look(record, experiments.plan_of(record))


def _look(record: Record, plan: Plan) -> dict[str, Any]:
    from ml.experiment import Seen, look

    found = trial.labelled_pairs(
        record.name, plan.model_digest, record.started_at, blind_only=plan.labels == "blind"
    )
    seen = Seen(
        pairs=count(found, plan),
        phases=_phases(record, found),
        ml_answers=sum(phase.ml_answers for phase in record.phases),
        ml_fallbacks=sum(phase.ml_fallbacks for phase in record.phases),
    )
    verdict = look(plan, seen)
    findings = {"phase": record.phases[-1].number, **verdict.to_json(), "seen": asdict(seen)}
    experiments.keep_look(record.name, findings)
    log.info("experiment.looked", state=verdict.outcome, count=seen.pairs.n)
    if verdict.outcome == "roll_back":
        experiments.roll_back(record.name, verdict.reasons)
    return {"running": verdict.outcome != "roll_back", "outcome": verdict.outcome} | findings


def count(found: Sequence[LabelledPair], plan: Plan) -> "Pairs":
    """`ml.experiment.Pairs` of these patients. Compared is what each arm answers: the rules alone,
    and the whole decision with the model's opinion, guard and safety floor included."""
    from ml.experiment import Pairs

    policy = Policy(minimum_confidence=plan.minimum_confidence)
    n = model_right = rules_right = model_only = rules_only = model_under = rules_under = 0
    for one in found:
        # `raised` says why an emergency was chosen and cannot change which level is answered.
        opinion = Prediction(one.level, one.probabilities)
        model = decide(one.rules, opinion, "ml", policy).level
        rules = decide(one.rules, "deadline", "rules", policy).level
        n += 1
        model_right += model == one.label
        rules_right += rules == one.label
        model_only += model == one.label != rules
        rules_only += rules == one.label != model
        model_under += model < one.label <= rules
        rules_under += rules < one.label <= model
    return Pairs(n, model_right, rules_right, model_only, rules_only, model_under, rules_under)


def _phases(record: Record, found: Sequence[LabelledPair]) -> "tuple[PhaseSeen, ...]":
    from ml.experiment import PhaseSeen

    labelled = [one.phase for one in found]
    entered, days = exposures.patients(record.name), exposures.days_open(record.name)
    return tuple(
        PhaseSeen(
            number=phase.number,
            ml_share=phase.ml_share,
            ml_patients=entered.get(phase.number, {}).get("ml", 0),
            rules_patients=entered.get(phase.number, {}).get("rules", 0),
            pairs=labelled.count(phase.number),
            days=days[phase.number],
        )
        for phase in record.phases
    )
