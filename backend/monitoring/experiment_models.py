"""The rows of a trial. Every change of them is in `experiments.py`."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Experiment(models.Model):
    """One trial of the model against the rules.

    `state`:  running ──▶ stopped       (a person says what patients get from now on)
                 └──────▶ rolled_back   (a guardrail sounded: the rules for everybody)
    """

    class State(models.TextChoices):
        RUNNING = "running"
        STOPPED = "stopped"
        ROLLED_BACK = "rolled_back"

    name = models.CharField(max_length=50, unique=True)
    hypothesis = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=11, choices=State.choices, db_default=State.RUNNING)
    # `ml.plan.Plan` as JSON, and its hash at the start.
    plan = models.JSONField()
    plan_hash = models.CharField(max_length=64)
    started_at = models.DateTimeField(db_default=Now())
    started_by = models.CharField(max_length=100)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=100, blank=True)
    # Who answers from then on: `ml` or `rules`.
    outcome = models.CharField(max_length=5, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    # The newest look (`ml.experiment.Verdict` with its counts), and when it was made.
    findings = models.JSONField(null=True)
    looked_at = models.DateTimeField(null=True)
    # Answers up to here are in the assignments and the phases' counts.
    collected_until = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="running"), name="one_running_experiment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.state}"


class Phase(models.Model):
    """A stretch of a trial with one share. Every request that arrives in it names it.

    The current phase decides for every web process; it stays current after the end of its trial
    (then with the share 0 or 1) until another trial begins.
    """

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="phases")
    number = models.IntegerField()
    # 0–1, of the patients that take part.
    ml_share = models.FloatField()
    # That of the plan when the phase began: a plan changed later shows.
    plan_hash = models.CharField(max_length=64)
    current = models.BooleanField()
    opened_at = models.DateTimeField(db_default=Now())
    opened_by = models.CharField(max_length=100)
    reason = models.CharField(max_length=300, blank=True)
    closed_at = models.DateTimeField(null=True)
    # Answers given in the model's arm, and those of them that the rules gave as a fallback.
    ml_answers = models.IntegerField(db_default=0)
    ml_fallbacks = models.IntegerField(db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["experiment", "number"], name="one_phase_of_each_number"
            ),
            models.UniqueConstraint(
                fields=["current"], condition=Q(current=True), name="one_current_phase"
            ),
            models.CheckConstraint(
                condition=Q(ml_share__gte=0, ml_share__lte=1), name="phase_share_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.experiment_id}/{self.number}: {self.ml_share:.0%}"


class Assignment(models.Model):
    """The arm in which a patient entered a trial, and the phase. The salted hash decides it and
    gives the same arm again; this row keeps what was decided. Never changed."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="+")
    phase = models.ForeignKey(Phase, on_delete=models.PROTECT, related_name="+")
    patient_reference = models.CharField(max_length=64)
    arm = models.CharField(max_length=5, choices=[("ml", "ml"), ("rules", "rules")])
    assigned_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["experiment", "patient_reference"], name="one_assignment_per_patient"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["phase", "arm"], name="assignments_of_a_phase")]

    def __str__(self) -> str:
        return f"{self.experiment_id}: {self.arm}"
