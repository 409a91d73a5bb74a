"""The rows of a triage request. Imported by lifecycle, queries, admin and migrations only.

`TriageRequest.answer`:  open ──▶ answered          (worker, red flag, deadline)
                          └─────▶ cancelled

`TriageRequest.work`:    due ──▶ leased ──▶ done    (claim, finish)
                          │      ▲ │ │
                          │      └─┘ │              (lease over: claimed again)
                          └──────────┴──▶ abandoned (cancelled; attempts used up)

Claims read `work`, callers read `answer`: a row that a red flag or the deadline answered stays
due, ranked last, so that the model's opinion is still logged. Every change of either column is
in `lifecycle.py`.
"""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Now
from django.db.models.lookups import Exact

from backend.clients.models import ApiKey, Client
from backend.triage.event_models import Delivery, Event, WebhookEndpoint
from ml.schema import Level

# Django finds the rows of the other file here.
__all__ = ["Delivery", "Event", "WebhookEndpoint"]

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
    # No index of its own, here and below: where another one begins with the column, a second costs
    # every write and serves no read.
    client = models.ForeignKey(Client, on_delete=models.PROTECT, db_index=False)
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
    # 1 where no worker has to look at the row any more; PostgreSQL makes it of `work`. The index of
    # claims stands on it: a claim does not change it, nor anything that an index knows, and the
    # row's page has room for its new version (decision 34).
    ended = models.GeneratedField(
        expression=Case(When(work__in=("due", "leased"), then=0), default=1),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
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
    # Sent by a rehearsal with records from a file, its times set back (`workers.rehearsal`).
    replayed = models.BooleanField(db_default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["client", "idempotency_key"], name="one_row_per_idempotency_key"
            ),
            models.CheckConstraint(
                condition=Q(work="leased", token__isnull=False) | ~Q(work="leased"),
                name="leased_has_token",
            ),
            # What was claimed once is never due again, and joins no batch again.
            models.CheckConstraint(condition=~Q(work="due") | Q(attempt=0), name="due_is_untried"),
            models.CheckConstraint(
                condition=Q(answer="open", claim_rank__gt=0)
                | (~Q(answer="open") & Q(claim_rank=0)),
                name="claim_rank_follows_answer",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                F("claim_rank").desc(),
                "accepted_at",
                condition=~Q(Exact(F("ended") + 0, 1)),  # as `statements.py` asks for it
                name="triage_unworked",
            ),
            models.Index("deadline_at", condition=Q(answer="open"), name="triage_open_deadline"),
            models.Index(fields=["client", "-accepted_at", "-id"], name="triage_client_newest"),
            models.Index("batch", condition=Q(batch__isnull=False), name="triage_batch"),
            models.Index(fields=["patient_reference"], name="triage_patient"),
            # The daily checks read whole days; rows lie in the order in which they came.
            BrinIndex(fields=["accepted_at"], name="triage_accepted", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.answer}/{self.work}"


class TriagePayload(models.Model):
    """The encrypted input and what the rules made of it. Written once, with the request."""

    request = models.OneToOneField(
        TriageRequest, on_delete=models.CASCADE, primary_key=True, related_name="payload"
    )
    sealed = models.BinaryField()
    # The whole answer if nobody else gives one in time: one statement can copy it. It is made of
    # the rules alone, and all that they said can be read out of it.
    fallback = models.JSONField()

    def __str__(self) -> str:
        return str(self.request_id)


class TriageAnswer(models.Model):
    """What was answered: sequence 1, and at most one amendment upward, sequence 2."""

    request = models.ForeignKey(
        TriageRequest, on_delete=models.CASCADE, related_name="answers", db_index=False
    )
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

    request = models.ForeignKey(
        TriageRequest, on_delete=models.CASCADE, related_name="logs", db_index=False
    )
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

    class Source(models.TextChoices):
        API = "api"
        CONSOLE = "console"
        IMPORT = "import"

    class Reason(models.TextChoices):
        """Why the clinician's level is what it is: what the answer missed, or that it is right."""

        AGREES = "agrees"
        MISSED_FINDING = "missed_finding"
        MISREAD_TEXT = "misread_text"
        VITAL_SIGNS = "vital_signs"
        PATIENT_CONTEXT = "patient_context"
        SEEN_IN_PERSON = "seen_in_person"
        LOCAL_PROTOCOL = "local_protocol"
        WRONG_INPUT = "wrong_input"
        OTHER = "other"

    request = models.ForeignKey(TriageRequest, on_delete=models.CASCADE, related_name="labels")
    # Who gave it: a key of the client or a person; an imported file has neither.
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    source = models.CharField(max_length=7, choices=Source.choices, db_default=Source.API)
    level = models.SmallIntegerField(choices=_LEVELS)
    # 0–1, how sure the clinician is; null where nothing was said.
    confidence = models.FloatField(null=True)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True, db_default="")
    sealed_note = models.BinaryField(null=True)
    # Given through the review queue before the answer was shown.
    blind = models.BooleanField(db_default=False)
    # SHA-256 over the file's digest and the row's number, so that a file counts once.
    import_key = models.CharField(max_length=64, null=True, unique=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(key__isnull=False, user__isnull=True)
                | Q(key__isnull=True, user__isnull=False)
                | Q(key__isnull=True, source="import"),
                name="label_has_one_author",
            ),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0, confidence__lte=1),
                name="label_confidence_is_a_share",
            ),
        ]
        indexes: ClassVar = [models.Index("created_at", name="label_created")]

    def __str__(self) -> str:
        return f"{self.request_id} label"


class ReviewSample(models.Model):
    """A request chosen for review: why, and with what probability it had to be chosen.

    Decided once, from a salted hash of the request's id (`review.sample`), so that a label's
    weight in an accuracy is known and not a matter of who felt like labelling.
    """

    request = models.OneToOneField(
        TriageRequest, on_delete=models.CASCADE, primary_key=True, related_name="sample"
    )
    client = models.ForeignKey(Client, on_delete=models.CASCADE)
    # The stratum of the highest share that the request belongs to; `random` if to none.
    stratum = models.CharField(max_length=14)
    # In the uniform share of all answered requests: reviewed blind.
    random_share = models.BooleanField()
    # That of being chosen at all, by the uniform share or by the stratum: 0 < p <= 1.
    probability = models.FloatField()
    sampled_at = models.DateTimeField(db_default=Now())
    labelled_at = models.DateTimeField(null=True)
    # Who has it on the screen, and until when nobody else gets it.
    leased_by = models.CharField(max_length=80, db_default="")
    leased_until = models.DateTimeField(null=True)
    skips = models.SmallIntegerField(db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(probability__gt=0, probability__lte=1), name="sample_probability"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                F("client"),
                F("sampled_at").desc(),
                condition=Q(labelled_at=None),
                name="review_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.request_id}: {self.stratum}"


class ReviewProgress(models.Model):
    """One row: up to which answer it was decided what is sampled."""

    answer_id = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.answer_id)


class ReplayJob(models.Model):
    """Somebody asked that an answer be made again. One waiting job a request."""

    request = models.ForeignKey(TriageRequest, on_delete=models.CASCADE, related_name="replays")
    asked_by = models.CharField(max_length=40)
    attempts = models.SmallIntegerField(db_default=0)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    # `workers.replays`: the verdict, and what is another than it was. No text of a patient.
    result = models.JSONField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["request"], condition=Q(finished_at=None), name="one_waiting_replay"
            )
        ]

    def __str__(self) -> str:
        return f"{self.request_id} replay"


class RetiredCount(models.Model):
    """How many requests of a kind were deleted for their age or their patient: what statistics
    keep. No row tells of one patient."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT)
    # The UTC day on which they were accepted.
    day = models.DateField()
    # Of the first answer, and of the newest label; -1 where there was none.
    level = models.SmallIntegerField()
    method = models.CharField(max_length=20)
    ab_group = models.CharField(max_length=20)
    model_version = models.CharField(max_length=100)
    label = models.SmallIntegerField()
    requests = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["client", "day", "level", "method", "ab_group", "model_version", "label"],
                name="one_retired_count_per_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.requests}"


class Erasure(models.Model):
    """An order to erase a patient. The references are emptied when it is finished."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT)
    references = models.JSONField()
    requests = models.IntegerField(default=0)
    ordered_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index("id", condition=Q(finished_at=None), name="erasure_unfinished")
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}"
