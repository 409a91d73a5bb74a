"""Which models there are, who is alive, what the checks found, what was raised."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from backend.monitoring.experiment_models import Assignment, Experiment, Phase

__all__ = ["Assignment", "Experiment", "Phase"]  # Django looks for rows here


class ModelVersion(models.Model):
    """One registered bundle. The serving row's digest decides what every worker child serves.

    `stage`:  candidate ──▶ serving ──▶ retired      (promote; who served before is retired)
                  │ ▲          ▲ ▲         │
                  ▼ │          │ └─────────┘         (rollback, or promote again)
                 shadow ───────┘                     (another shadow makes it a candidate again)

    Whatever does not serve can be retired. Every change is in `registry.py` and leaves a
    `ModelChange`.
    """

    class Stage(models.TextChoices):
        CANDIDATE = "candidate"
        SHADOW = "shadow"
        SERVING = "serving"
        RETIRED = "retired"

    version = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    stage = models.CharField(max_length=9, choices=Stage.choices)
    rules_version = models.CharField(max_length=40)
    # What the bundle says of itself, so that the web shows it without opening a bundle.
    metadata = models.JSONField(default=dict)
    card = models.TextField(blank=True)
    # The training's own scores and, under `gate`, the newest comparison on held data.
    metrics = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    promoted_at = models.DateTimeField(null=True)
    promoted_by = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    # What served before this version was promoted: where a rollback goes.
    previous = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["stage"], condition=Q(stage="serving"), name="one_serving_model"
            ),
            models.UniqueConstraint(
                fields=["stage"], condition=Q(stage="shadow"), name="one_shadow_model"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version}: {self.stage}"


class ModelChange(models.Model):
    """Who changed a model's stage, when, why, and what the gate said. Append only."""

    model = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="changes")
    action = models.CharField(max_length=10)
    stage = models.CharField(max_length=9, choices=ModelVersion.Stage.choices)
    by = models.CharField(max_length=100)
    reason = models.CharField(max_length=300, blank=True)
    overridden = models.BooleanField(default=False)
    gate = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(fields=["model", "id"], name="changes_of_a_model")]

    def __str__(self) -> str:
        return f"{self.action} {self.model_id} by {self.by}"


class ModelOrder(models.Model):
    """What a person ordered to be done with a model: a worker, which can open bundles, does it.

    `state`:  waiting ──▶ working ──▶ done | refused
    """

    class Action(models.TextChoices):
        PROMOTE = "promote"
        ROLLBACK = "rollback"
        SHADOW = "shadow"
        RETIRE = "retire"

    class State(models.TextChoices):
        WAITING = "waiting"
        WORKING = "working"
        DONE = "done"
        REFUSED = "refused"

    action = models.CharField(max_length=8, choices=Action.choices)
    version = models.CharField(max_length=64)
    by = models.CharField(max_length=100)
    reason = models.CharField(max_length=300)
    override = models.BooleanField(default=False)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    # Why it was refused, in words; `gate` is the comparison on held data.
    reasons = models.JSONField(default=list)
    gate = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    taken_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.action} {self.version}: {self.state}"


class WorkerState(models.Model):
    """What one process last said of itself; a triage child also which model it has proven."""

    class Kind(models.TextChoices):
        TRIAGE = "triage"
        BACKGROUND = "background"
        KEEPER = "keeper"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    host = models.CharField(max_length=100)
    pid = models.IntegerField()
    # `ready` or `no_model`; the reason is a stable code of `ml.errors.BundleRefused`.
    state = models.CharField(max_length=10)
    reason = models.CharField(max_length=40, blank=True)
    model_version = models.CharField(max_length=100, blank=True)
    model_digest = models.CharField(max_length=64, blank=True)
    # The candidate that this child runs unserved, and why it does not run the one it should.
    shadow_version = models.CharField(max_length=100, blank=True, db_default="")
    shadow_reason = models.CharField(max_length=40, blank=True, db_default="")
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "host", "pid"], name="one_state_per_process")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.host}/{self.pid}: {self.state}"


class AccuracyReport(models.Model):
    """The check of one UTC day and one model, made once, of the labels received on that day."""

    class State(models.TextChoices):
        HEALTHY = "healthy"
        WARNING = "warning"
        BREACH = "breach"
        INSUFFICIENT = "insufficient_labels"

    day = models.DateField()
    model_digest = models.CharField(max_length=64)
    model_version = models.CharField(max_length=100)
    state = models.CharField(max_length=20, choices=State.choices)
    labels = models.IntegerField()
    accuracy = models.FloatField(null=True)
    # Everything that was measured; see `workers.accuracy`.
    measures = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "model_digest"], name="one_report_per_day_model")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model_version}: {self.state}"


class AccuracyCohort(models.Model):
    """What is known by now of the answers given on one UTC day by one model: the estimate that
    needed no label beside the truth, written again while labels arrive."""

    day = models.DateField()
    model_digest = models.CharField(max_length=64)
    model_version = models.CharField(max_length=100)
    labels = models.IntegerField()
    accuracy = models.FloatField(null=True)
    measures = models.JSONField(default=dict)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "model_digest"], name="one_cohort_per_day_model")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model_version}: {self.labels} labels"


class DriftReport(models.Model):
    """One UTC day's patients against the training data of one model, compared once. Holds shares
    and words that many patients used, never a patient's text."""

    class State(models.TextChoices):
        STABLE = "stable"
        MODERATE = "moderate"
        LARGE = "large"
        INSUFFICIENT = "insufficient_requests"
        NO_REFERENCE = "no_reference"

    day = models.DateField()
    model_digest = models.CharField(max_length=64)
    model_version = models.CharField(max_length=100)
    state = models.CharField(max_length=21, choices=State.choices)
    requests = models.IntegerField()
    measures = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "model_digest"], name="one_drift_per_day_model")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model_version}: {self.state}"


class Alert(models.Model):
    """Something an operator must know. One open alert a kind and subject; it counts repeats."""

    class Severity(models.TextChoices):
        WARNING = "warning"
        CRITICAL = "critical"

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    severity = models.CharField(max_length=8, choices=Severity.choices, db_default=Severity.WARNING)
    summary = models.CharField(max_length=300)
    raised_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())
    repeats = models.IntegerField(default=0)
    # When the first notice went out; null while none has.
    sent_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=150, blank=True, db_default="")
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=Q(resolved_at=None),
                name="one_open_alert",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.summary}"


class AlertDelivery(models.Model):
    """One notice of an alert to one channel: that it was raised, or that it is resolved.

    `state`:  waiting ──▶ sent | dropped | gave_up

    A failed attempt leaves it waiting until `next_at`. Dropped: the alert was resolved or
    acknowledged before anybody could be told.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        DROPPED = "dropped"
        GAVE_UP = "gave_up"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    notice = models.CharField(
        max_length=8, choices=[("raised", "raised"), ("resolved", "resolved")]
    )
    # `email`, or the kind of service with a digest of its URL: the URL itself is a secret.
    channel = models.CharField(max_length=60)
    state = models.CharField(max_length=7, choices=State.choices, db_default=State.WAITING)
    attempts = models.SmallIntegerField(db_default=0)
    next_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    # What the last failed attempt ended with: a code, never a server's words.
    error = models.CharField(max_length=60, blank=True, db_default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["alert", "notice", "channel"], name="one_notice_per_channel"
            )
        ]
        indexes: ClassVar = [
            models.Index("next_at", condition=Q(state="waiting"), name="delivery_due")
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.notice} {self.channel}: {self.state}"


class Retraining(models.Model):
    """One answer to the question whether a new model should be trained, and what came of it.

    `state`:  not_needed | waiting                        (no reason; reasons, but not now)
              training ──▶ shadow | refused | failed
                             └──▶ promoted                (by itself, where that is configured)
    """

    class State(models.TextChoices):
        NOT_NEEDED = "not_needed"
        WAITING = "waiting"
        TRAINING = "training"
        SHADOW = "shadow"
        REFUSED = "refused"
        FAILED = "failed"
        PROMOTED = "promoted"

    # The UTC day of the scheduled decision; null for one that a person asked for.
    day = models.DateField(null=True, unique=True)
    by = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=State.choices)
    # Why a new model is wanted, and what stands against it now: codes with a sentence.
    reasons = models.JSONField(default=list)
    obstacles = models.JSONField(default=list)
    facts = models.JSONField(default=dict)
    candidate = models.CharField(max_length=64, blank=True, db_default="")
    # The comparisons with the serving model, by the data they were made on.
    gates = models.JSONField(default=dict)
    detail = models.CharField(max_length=300, blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d}: {self.state}"
