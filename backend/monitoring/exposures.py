"""Who entered a trial, in which arm: stored from the answered requests, each counted once."""

from typing import Final

from django.db import connection, transaction
from django.db.models import Count, F

from backend.monitoring.experiment_models import Assignment, Experiment, Phase
from backend.triage import trial

_SLICE: Final = 5_000

_DAYS_OPEN: Final = """
SELECT number, extract(epoch FROM coalesce(closed_at, now()) - opened_at)::float8 / 86400
FROM monitoring_phase WHERE experiment_id = %s"""


def collect(name: str) -> int:
    """Take over what was answered since the last time; returns how many requests.

    The row of the trial is locked meanwhile and remembers how far this came, so two that collect
    at once count nothing twice. A request whose answer is younger than half a minute waits.
    """
    total = 0
    while taken := _collect_slice(name):
        total += taken
    return total


def _collect_slice(name: str) -> int:
    with transaction.atomic():
        row = Experiment.objects.select_for_update().get(name=name)
        found = trial.exposures(name, row.collected_until, _SLICE)
        if not found:
            return 0
        phases = {phase.number: phase for phase in row.phases.all()}
        # The first request of a patient makes the row; later ones find it there.
        entries = [
            Assignment(
                experiment=row,
                phase=phases[one.phase],
                patient_reference=one.patient_reference,
                arm=one.arm,
                assigned_at=one.accepted_at,
            )
            for one in found
        ]
        Assignment.objects.bulk_create(entries, batch_size=1_000, ignore_conflicts=True)
        for number, phase in phases.items():
            mine = [one for one in found if one.phase == number and one.arm == "ml"]
            if mine:
                Phase.objects.filter(pk=phase.pk).update(
                    ml_answers=F("ml_answers") + len(mine),
                    ml_fallbacks=F("ml_fallbacks") + sum(one.fallback for one in mine),
                )
        row.collected_until = found[-1].answered_at
        row.save(update_fields=["collected_until"])
    return len(found)


def patients(name: str) -> dict[int, dict[str, int]]:
    """By phase: patients who entered the trial in it, by arm."""
    counted = (
        Assignment.objects.filter(experiment__name=name)
        .values_list("phase__number", "arm")
        .annotate(count=Count("id"))
    )
    found: dict[int, dict[str, int]] = {}
    for number, arm, count in counted:
        found.setdefault(number, {})[arm] = count
    return found


def days_open(name: str) -> dict[int, float]:
    """By phase: for how many days it was or has been current, by PostgreSQL's clock."""
    experiment_id = Experiment.objects.values_list("id", flat=True).get(name=name)
    with connection.cursor() as cursor:
        cursor.execute(_DAYS_OPEN, [experiment_id])
        return dict(cursor.fetchall())
