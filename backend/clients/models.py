"""Who may call: clients, their keys, and the people who belong to them."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now


class Client(models.Model):
    """One hospital's web team; every row a request makes belongs to exactly one client."""

    name = models.CharField(max_length=100, unique=True)
    active = models.BooleanField(default=True)
    # Empty: the service's own, CLIENT_REQUESTS_PER_MINUTE.
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    # Requests a UTC day, and requests that are not answered yet; 0: as many as they like; empty:
    # CLIENT_REQUESTS_PER_DAY, CLIENT_OPEN_REQUESTS.
    requests_per_day = models.PositiveIntegerField(null=True, blank=True)
    open_requests = models.PositiveIntegerField(null=True, blank=True)
    # Days after which answered requests are deleted; 0: never; empty: RETENTION_DAYS.
    retention_days = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.name


class Scope(models.TextChoices):
    SUBMIT = "submit"
    LABEL = "label"
    OPERATE = "operate"


class ApiKey(models.Model):
    """A key of a client. Only its SHA-256 is stored; the prefix lets people tell keys apart."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"


class Membership(models.Model):
    """A person's role at a client."""

    class Role(models.TextChoices):
        SUBMITTER = "submitter"
        CLINICIAN = "clinician"
        OPERATOR = "operator"

    client = models.ForeignKey(Client, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["client", "user"], name="one_role_per_client")
        ]

    def __str__(self) -> str:
        return f"{self.user_id}@{self.client_id}: {self.role}"


class AuditEvent(models.Model):
    """Who did or read what. Append only: a trigger refuses any change but the seal's, once.

    It refers to other rows by number and not by constraint: it must outlive them.
    """

    at = models.DateTimeField(db_default=Now())
    # `key:<id>`, `user:<id>`, `system:<what>` for a job, `command:<which>` for an operator's.
    actor = models.CharField(max_length=60)
    action = models.CharField(max_length=40)
    client_id = models.BigIntegerField(null=True)
    subject = models.CharField(max_length=64, blank=True)
    # The place in the chain and its SHA-256; null until the keeper has sealed the row.
    sequence = models.BigIntegerField(null=True, unique=True)
    seal = models.CharField(max_length=64, null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index("id", condition=models.Q(sequence=None), name="audit_unsealed"),
            models.Index(fields=["subject", "id"], name="audit_of_a_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject}"


class ThrottleUsage(models.Model):
    """What one process was last asked for, by subject; see `limits.py`. Worth nothing after a
    crash, so PostgreSQL does not log it."""

    process = models.UUIDField()
    subject = models.CharField(max_length=60)
    demand = models.FloatField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["process", "subject"], name="one_usage_per_process")
        ]
        indexes: ClassVar = [models.Index(fields=["subject"], name="usage_of_a_subject")]

    def __str__(self) -> str:
        return f"{self.subject}: {self.demand:.1f}/s"


class LoginFailure(models.Model):
    """A wrong password; see `lockout.py`."""

    name = models.CharField(max_length=64)
    address = models.CharField(max_length=45)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["name", "at"], name="failures_of_a_name"),
            models.Index(fields=["address", "at"], name="failures_of_an_address"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.at:%Y-%m-%d %H:%M}"
