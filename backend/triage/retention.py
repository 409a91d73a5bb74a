"""What is deleted, and when: by age (retention) and by patient (erasure).

Rows go in small transactions, each with everything that hangs on them; before they go, they are
counted into `RetiredCount` in the same transaction, so statistics survive and nothing is counted
twice. A job that is killed goes on where it stopped: what is left to do is what is still there.
"""

from dataclasses import dataclass
from typing import Any, Final

import structlog
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from backend import encryption
from backend.clients import audit
from backend.clients.models import Client
from backend.triage import statements
from backend.triage.models import Erasure, TriageRequest

log = structlog.get_logger()

_BATCH_ROWS: Final = 200
# What an open request waits for is its answer; it goes afterwards.
_OLD: Final = f"""
SELECT id FROM triage_triagerequest
WHERE client_id = %(client)s AND answer <> 'open'
    AND accepted_at < now() - make_interval(days => %(days)s) AND {statements.PATIENTS_ONLY}
ORDER BY accepted_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED"""  # noqa: S608

_OF_A_PATIENT: Final = """
SELECT id FROM triage_triagerequest
WHERE client_id = %(client)s AND patient_reference = ANY(%(references)s) AND answer <> 'open'
ORDER BY id LIMIT %(limit)s FOR UPDATE"""

_KEEP_COUNTS: Final = """
INSERT INTO triage_retiredcount AS kept
    (client_id, day, level, method, ab_group, model_version, label, requests)
SELECT r.client_id, (r.accepted_at AT TIME ZONE 'UTC')::date, coalesce(a.level, -1),
    coalesce(a.method, ''), coalesce(a.ab_group, ''), coalesce(a.model_version, ''),
    coalesce(l.level, -1), count(*)
FROM triage_triagerequest AS r
LEFT JOIN triage_triageanswer AS a ON a.request_id = r.id AND a.sequence = 1
LEFT JOIN LATERAL (
    SELECT level FROM triage_clinicianlabel AS newest WHERE newest.request_id = r.id
    ORDER BY newest.created_at DESC, newest.id DESC LIMIT 1) AS l ON TRUE
WHERE r.id = ANY(%(ids)s)
GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
ON CONFLICT (client_id, day, level, method, ab_group, model_version, label)
DO UPDATE SET requests = kept.requests + excluded.requests"""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure has removed so far. `finished` once nothing of the patient is left."""

    id: int
    requests: int
    finished: bool


def retain() -> int:
    """Delete what is older than its client keeps it; returns how many requests went."""
    gone = 0
    for client_id, days in Client.objects.values_list("id", "retention_days"):
        days = settings.RETENTION_DAYS if days is None else days
        while days:
            with transaction.atomic():
                deleted = _delete(_OLD, {"client": client_id, "days": days})
                if deleted:
                    audit.record(
                        "system:retention", "requests.retire", client_id=client_id, subject=deleted
                    )
            gone += deleted
            if deleted < _BATCH_ROWS:
                break
    if gone:
        log.info("retention.deleted", count=gone)
    return gone


def request_erasure(client_id: int, patient_id: str, actor: str) -> int:
    """Order the erasure of a patient: a row, and an audit event. Returns the erasure's id.

    The patient's references under every live version of the key are written down; the id is not.
    """
    with transaction.atomic():
        erasure = Erasure.objects.create(
            client_id=client_id, references=encryption.pseudonyms(client_id, patient_id)
        )
        audit.record(actor, "patient.erase", client_id=client_id, subject=f"erasure:{erasure.pk}")
    return int(erasure.pk)


def erase(erasure_id: int) -> Erased:
    """Remove what is there of the patient, in batches. Open requests stay until they are answered
    (a deadline away): call again until it is finished. Raises `Erasure.DoesNotExist`."""
    while True:
        with transaction.atomic():
            erasure = Erasure.objects.select_for_update().get(pk=erasure_id)
            if erasure.finished_at is not None:
                return Erased(erasure.pk, erasure.requests, finished=True)
            parameters: dict[str, Any] = {
                "client": erasure.client_id,
                "references": erasure.references,
            }
            deleted = _delete(_OF_A_PATIENT, parameters)
            erasure.requests += deleted
            if not deleted:
                finished = _finish(erasure)
                return Erased(erasure.pk, erasure.requests, finished)
            erasure.save(update_fields=["requests"])


def _finish(erasure: Erasure) -> bool:
    """The last step: what knows the patient without a request, then the references themselves."""
    if TriageRequest.objects.filter(
        client_id=erasure.client_id, patient_reference__in=erasure.references
    ).exists():
        return False
    for model in apps.get_models():
        # Whatever table has this column knows patients: a new one cannot be forgotten.
        if any(field.name == "patient_reference" for field in model._meta.get_fields()):
            model._default_manager.filter(patient_reference__in=erasure.references).delete()
    erasure.references = []
    erasure.finished_at = Now()
    erasure.save(update_fields=["references", "finished_at", "requests"])
    audit.record(
        "system:erasure",
        "patient.erased",
        client_id=erasure.client_id,
        subject=f"erasure:{erasure.pk}",
    )
    log.info("erasure.finished", count=erasure.requests)
    return True


def erase_pending() -> int:
    """Go on with every erasure that is not finished; returns how many are now."""
    ids = list(Erasure.objects.filter(finished_at=None).order_by("id").values_list("id", flat=True))
    return sum(erase(erasure_id).finished for erasure_id in ids)


def _delete(which: str, parameters: dict[str, Any]) -> int:
    """Count and delete one batch inside the caller's transaction; returns how many requests."""
    with connection.cursor() as cursor:
        cursor.execute(which, parameters | {"limit": _BATCH_ROWS})
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            cursor.execute(_KEEP_COUNTS, {"ids": ids})
    TriageRequest.objects.filter(pk__in=ids).delete()
    return len(ids)
