"""The rows of a triage request. Imported by lifecycle, queries, admin and migrations only.

`TriageRequest.answer`:  open ──▶ answered          (worker, red flag, deadline)
                          └─────▶ cancelled

`TriageRequest.work`:    due ──▶ leased ──▶ done    (claim, finish)
                          ▲        │
                          └────────┴──▶ abandoned   (lease over; attempts used up)

Claims read `work`, callers read `answer`: a row that a red flag or the deadline answered stays
due, ranked last, so that the model's opinion is still logged. Every change of either column is
in `lifecycle.py`.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from backend.clients.models import ApiKey, Client
from ml.schema import Level

_LEVELS = [(level.value, level.label) for level in Level]


class TriageRequest(models.Model):
    """The durable row: what must be answered, for whom, until when."""

    class Answer(models.TextChoices):
        OPEN = "open"
        ANSWERED = "answered"
        CANCELLED = "cancelled"

    class Work(models.TextChoices):
        DUE = "due"
        LEASED = "leased"
        DONE = "done"
        ABANDONED = "abandoned"

    id = models.UUIDField(primary_key=True, editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT)
    # Keyed HMAC of the client's own patient id; random for a call without one.
    patient_reference = models.CharField(max_length=64)
    # The rules' level: what a claim serves first.
    priority = models.SmallIntegerField(choices=_LEVELS)
    answer = models.CharField(max_length=9, choices=Answer.choices, default=Answer.OPEN)
    work = models.CharField(max_length=9, choices=Work.choices, default=Work.DUE)
    attempt = models.SmallIntegerField(default=0)
    # 1 + priority while open, 0 once answered: one column, so that one index orders claims.
    claim_rank = models.SmallIntegerField()
    # When the row may be claimed: its acceptance, or the end of the lease on it.
    due_at = models.DateTimeField()
    # Fencing token: who claims last owns the row; an older owner's write matches nothing.
    token = models.UUIDField(null=True)
    accepted_at = models.DateTimeField(db_default=Now())
    deadline_at = models.DateTimeField()
    arm = models.CharField(max_length=8)
    experiment = models.CharField(max_length=50)
    phase = models.IntegerField()
    batch = models.UUIDField(null=True)
    idempotency_key = models.CharField(max_length=255, null=True)
    fingerprint = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["client", "idempotency_key"], name="one_row_per_idempotency_key"
            ),
            models.CheckConstraint(
                condition=Q(work="leased", token__isnull=False) | ~Q(work="leased"),
                name="leased_has_token",
            ),
            models.CheckConstraint(
                condition=Q(answer="open", claim_rank__gt=0)
                | (~Q(answer="open") & Q(claim_rank=0)),
                name="claim_rank_follows_answer",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                F("claim_rank").desc(),
                "due_at",
                condition=Q(work__in=["due", "leased"]),
                name="triage_claimable",
            ),
            models.Index("deadline_at", condition=Q(answer="open"), name="triage_open_deadline"),
            models.Index(fields=["client", "-accepted_at", "-id"], name="triage_client_newest"),
            models.Index("batch", condition=Q(batch__isnull=False), name="triage_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.answer}/{self.work}"


class TriagePayload(models.Model):
    """The encrypted input and what the rules made of it. Written once, with the request."""

    request = models.OneToOneField(
        TriageRequest, on_delete=models.CASCADE, primary_key=True, related_name="payload"
    )
    sealed = models.BinaryField()
    rules = models.JSONField()
    # The whole answer if nobody else gives one in time: one statement can copy it.
    fallback = models.JSONField()

    def __str__(self) -> str:
        return str(self.request_id)


class TriageAnswer(models.Model):
    """What was answered: sequence 1, and at most one amendment upward, sequence 2."""

    request = models.ForeignKey(TriageRequest, on_delete=models.CASCADE, related_name="answers")
    sequence = models.SmallIntegerField()
    level = models.SmallIntegerField(choices=_LEVELS)
    care_level = models.CharField(max_length=10)
    confidence = models.FloatField()
    probabilities = models.JSONField(null=True)
    method = models.CharField(max_length=20)
    ab_group = models.CharField(max_length=20)
    decided_by = models.CharField(max_length=5)
    fallback = models.BooleanField()
    needs_review = models.BooleanField()
    reason = models.CharField(max_length=30)
    model_version = models.CharField(max_length=100)
    model_digest = models.CharField(max_length=64)
    rules_version = models.CharField(max_length=40)
    explanation = models.JSONField()
    trace = models.JSONField()
    answered_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "sequence"], name="one_answer_per_sequence"),
            models.CheckConstraint(condition=Q(sequence__in=[1, 2]), name="one_amendment_at_most"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id}#{self.sequence}"


class PredictionLog(models.Model):
    """What one predictor said of one request, served or not."""

    request = models.ForeignKey(TriageRequest, on_delete=models.CASCADE, related_name="logs")
    predictor = models.CharField(max_length=5, choices=[("rules", "rules"), ("model", "model")])
    version = models.CharField(max_length=100)
    digest = models.CharField(max_length=64)
    level = models.SmallIntegerField(choices=_LEVELS)
    confidence = models.FloatField()
    probabilities = models.JSONField(null=True)
    # The answer that was given first took this predictor's level.
    served = models.BooleanField()
    latency_us = models.IntegerField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "digest"], name="one_log_per_predictor"),
            models.UniqueConstraint(
                fields=["request"], condition=Q(served=True), name="one_served_log"
            ),
        ]
        indexes: ClassVar = [models.Index("created_at", name="log_created")]

    def __str__(self) -> str:
        return f"{self.request_id} {self.predictor}"


class ClinicianLabel(models.Model):
    """A clinician's level for a request: ground truth. Append only; the newest counts."""

    request = models.ForeignKey(TriageRequest, on_delete=models.CASCADE, related_name="labels")
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT)
    level = models.SmallIntegerField(choices=_LEVELS)
    sealed_note = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index("created_at", name="label_created")]

    def __str__(self) -> str:
        return f"{self.request_id} label"
