"""What streams replay and webhooks deliver. Written by the statement that makes the change, so that
no event can be lost; they name a request and a step, and nothing clinical but the level.

`Delivery.state`:  due ──▶ delivered
                    └────▶ failed       (attempts used up, endpoint gone or disabled)

A redelivery makes it due again; its id, which receivers tell repeats by, stays.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from backend.clients.models import Client


class Event(models.Model):
    """One step of a request: accepted 1; answered or cancelled 2; amended 3."""

    pk = models.CompositePrimaryKey("request_id", "sequence")
    request = models.ForeignKey(
        "triage.TriageRequest", on_delete=models.CASCADE, related_name="events", db_index=False
    )
    sequence = models.SmallIntegerField()
    kind = models.CharField(max_length=9)
    level = models.SmallIntegerField(null=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(sequence=1, kind="accepted")
                | models.Q(sequence=2, kind__in=["answered", "cancelled"])
                | models.Q(sequence=3, kind="amended"),
                name="event_kind_follows_sequence",
            )
        ]

    def __str__(self) -> str:
        return f"{self.request_id}#{self.sequence} {self.kind}"


class WebhookEndpoint(models.Model):
    """Where a client wants to be told, of which kinds of event. Two secrets may live at once."""

    id = models.UUIDField(primary_key=True, editable=False)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    kinds = models.JSONField()
    sealed_secret = models.BinaryField()
    sealed_previous = models.BinaryField(null=True)
    previous_until = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    # Why it is not enabled: `client` switched it off, or the receiver said that it is `gone`.
    disabled_because = models.CharField(max_length=10, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(fields=["client", "created_at"], name="webhook_client")]

    def __str__(self) -> str:
        return str(self.id)


class Delivery(models.Model):
    """One message to one endpoint, and every attempt to deliver it."""

    class State(models.TextChoices):
        DUE = "due"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries"
    )
    request = models.ForeignKey(
        "triage.TriageRequest", on_delete=models.CASCADE, related_name="deliveries"
    )
    sequence = models.SmallIntegerField()
    kind = models.CharField(max_length=9)
    state = models.CharField(max_length=9, choices=State.choices, default=State.DUE)
    attempt = models.SmallIntegerField(default=0)
    # When it may be claimed: at once, after a pause, or when the lease on it is over.
    due_at = models.DateTimeField(db_default=Now())
    token = models.UUIDField(null=True)
    # `{at, status, error, milliseconds}` of each attempt, the last 20.
    attempts = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["endpoint", "request", "sequence"], name="one_message_per_event"
            )
        ]
        indexes: ClassVar = [
            models.Index("due_at", condition=models.Q(state="due"), name="webhook_delivery_due"),
            models.Index(fields=["endpoint", "-created_at", "-id"], name="webhook_delivery_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"
