"""The registry of models: which version serves, which runs in shadow, and who decided it.

Every change of a stage is here, under one lock, with a `ModelChange` beside it. Nothing here opens
a bundle: `workers.registry` proves bundles and calls these functions with what it found.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from backend.monitoring.models import ModelChange, ModelVersion

Stage = ModelVersion.Stage
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Refused(Exception):
    """The registry's state does not allow the change; the text says why and what would."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A version by name and digest (SHA-256 of the bundle's metadata, hex)."""

    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Roles:
    """What every worker child must serve, and what it must run unserved."""

    serving: Entry | None
    shadow: Entry | None


@dataclass(frozen=True, slots=True)
class Registration:
    """What a proven bundle says of itself."""

    version: str
    digest: str
    rules_version: str
    metadata: dict[str, Any]
    card: str
    metrics: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """Who, and why; `gate` is the comparison that was made, `overridden` if against its word."""

    by: str
    reason: str
    gate: dict[str, Any] | None = None
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """One registered version as it is shown; times are UTC."""

    version: str
    digest: str
    stage: str
    rules_version: str
    metadata: dict[str, Any]
    card: str
    metrics: dict[str, Any]
    created_at: datetime
    promoted_at: datetime | None
    promoted_by: str
    reason: str
    previous: str | None


def roles() -> Roles:
    """The serving and the shadow version now; one small statement."""
    rows = ModelVersion.objects.filter(stage__in=[Stage.SERVING, Stage.SHADOW])
    found = {stage: Entry(v, d) for stage, v, d in rows.values_list("stage", "version", "digest")}
    return Roles(found.get(Stage.SERVING), found.get(Stage.SHADOW))


def listed() -> list[ModelRecord]:
    """Every version, the newest first."""
    rows = ModelVersion.objects.select_related("previous").order_by("-created_at", "-id")
    return [_record(row) for row in rows]


def find(version: str) -> ModelRecord | None:
    """None for an unknown name, and for text that can be none (PostgreSQL takes no NUL)."""
    if not _NAME.fullmatch(version):
        return None
    row = ModelVersion.objects.select_related("previous").filter(version=version).first()
    return None if row is None else _record(row)


def changes(version: str) -> list[dict[str, Any]]:
    """What was done to a version, oldest first."""
    fields = ("created_at", "action", "stage", "by", "reason", "overridden", "gate")
    return list(ModelChange.objects.filter(model__version=version).order_by("id").values(*fields))


def register(found: Registration, change: Change) -> ModelRecord:
    """Make the version's row, a candidate, unless it is there.

    Raises `Refused` if another bundle is registered under that name.
    """
    with _locked():
        return _record(_registered(found, change))


def serve_first(found: Registration, change: Change) -> Entry:
    """Make this proven version the serving one if none is; returns the one that then serves.

    Raises `Refused` if another bundle is registered under that name.
    """
    with _locked():
        serving = ModelVersion.objects.filter(stage=Stage.SERVING).first()
        if serving is None:
            serving = _registered(found, change)
            _serve(serving, "bootstrap", change)
        return Entry(serving.version, serving.digest)


def promote(version: str, change: Change, instead_of: str | None) -> None:
    """Let `version` serve; the version that served is retired and remembered for a rollback.

    `instead_of` is the digest that served when the gate compared (None: nothing did). Raises
    `Refused` if that changed meanwhile, or if there is nothing to do.
    """
    with _locked():
        row, serving = _row(version), _serving()
        if serving is not None and serving.pk == row.pk:
            raise Refused(f"{version} serves already")
        if (serving.digest if serving else None) != instead_of:
            raise Refused("another version was promoted meanwhile; compare again")
        if serving is not None:
            _move(serving, Stage.RETIRED, "replaced", Change(change.by, f"{version} was promoted"))
        row.previous = serving
        _serve(row, "promote", change)


def roll_back(change: Change, to: str) -> None:
    """Let the version serve again that served before; `to` is the one that was proven for it.

    Raises `Refused` if there is none, or if it is not `to` any more.
    """
    with _locked():
        serving = _serving()
        target = serving.previous if serving else None
        if serving is None or target is None:
            raise Refused("there is no earlier version to roll back to; promote one")
        if target.version != to:
            raise Refused("another version was promoted meanwhile; look again")
        reason = f"rolled back to {to}: {change.reason}"
        _move(serving, Stage.RETIRED, "withdrawn", Change(change.by, reason))
        _serve(target, "rollback", change)


def put_in_shadow(version: str, change: Change) -> None:
    """Let `version` predict beside the serving one, unserved; an earlier shadow is a candidate
    again. Raises `Refused` if it serves, or is the shadow already."""
    with _locked():
        row = _row(version)
        if row.stage in {Stage.SERVING, Stage.SHADOW}:
            raise Refused(f"{version} is {row.stage} already")
        for earlier in ModelVersion.objects.filter(stage=Stage.SHADOW):
            _move(earlier, Stage.CANDIDATE, "replaced", Change(change.by, f"shadow is {version}"))
        _move(row, Stage.SHADOW, "shadow", change)


def retire(version: str, change: Change) -> None:
    """Withdraw a version: no rollback leads to it any more, only a promotion through the gate.

    Raises `Refused` for the serving one: nothing would be left to serve.
    """
    with _locked():
        row = _row(version)
        if row.stage == Stage.SERVING:
            raise Refused(f"{version} serves; promote another version or roll back first")
        ModelVersion.objects.filter(previous=row).update(previous=None)
        _move(row, Stage.RETIRED, "retire", change)


def record_refusal(version: str, change: Change) -> None:
    """Keep what the gate said against a version that was not promoted."""
    with _locked():
        row = _row(version)
        _measured(row, change)
        _move(row, Stage(row.stage), "refused", change)


@contextmanager
def _locked() -> Iterator[None]:
    """One change at a time; those who only read wait for nobody."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE monitoring_modelversion IN SHARE ROW EXCLUSIVE MODE")
        yield


def _registered(found: Registration, change: Change) -> ModelVersion:
    row = ModelVersion.objects.filter(version=found.version).first()
    if row is None:
        row = ModelVersion.objects.create(
            version=found.version,
            digest=found.digest,
            stage=Stage.CANDIDATE,
            rules_version=found.rules_version,
            metadata=found.metadata,
            card=found.card,
            metrics=found.metrics,
        )
        _note(row, "register", Change(change.by, "proven"))
    if row.digest != found.digest:
        # A name that means two models would make every stored answer ambiguous.
        raise Refused(f"another bundle is registered as {found.version}; train under a new name")
    return row


def _row(version: str) -> ModelVersion:
    row = ModelVersion.objects.filter(version=version).first()
    if row is None:
        raise Refused(f"{version} is not registered")
    return row


def _serving() -> ModelVersion | None:
    return ModelVersion.objects.select_related("previous").filter(stage=Stage.SERVING).first()


def _serve(row: ModelVersion, action: str, change: Change) -> None:
    row.promoted_at = Now()  # PostgreSQL's clock decides about time
    row.promoted_by, row.reason = change.by[:100], change.reason[:300]
    _measured(row, change)
    _move(row, Stage.SERVING, action, change)


def _measured(row: ModelVersion, change: Change) -> None:
    if change.gate is not None:
        row.metrics = {**row.metrics, "gate": change.gate}


def _move(row: ModelVersion, stage: ModelVersion.Stage, action: str, change: Change) -> None:
    row.stage = stage
    row.save()
    _note(row, action, change)


def _note(row: ModelVersion, action: str, change: Change) -> None:
    ModelChange.objects.create(
        model=row,
        action=action,
        stage=row.stage,
        by=change.by[:100],
        reason=change.reason[:300],
        overridden=change.overridden,
        gate=change.gate,
    )


def _record(row: ModelVersion) -> ModelRecord:
    return ModelRecord(
        version=row.version,
        digest=row.digest,
        stage=row.stage,
        rules_version=row.rules_version,
        metadata=row.metadata,
        card=row.card,
        metrics=row.metrics,
        created_at=row.created_at,
        promoted_at=row.promoted_at,
        promoted_by=row.promoted_by,
        reason=row.reason,
        previous=None if row.previous is None else row.previous.version,
    )
