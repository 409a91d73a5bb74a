from django.contrib.postgres.operations import (
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models import F, Q


def _index(work: str) -> list[Operation]:
    """What an interrupted build leaves is no index, but has its name."""
    name = f"triage_{work}"
    fields = (F("claim_rank").desc(), "due_at")
    return [
        migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {name}", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "triagerequest", models.Index(*fields, condition=Q(work=work), name=name)
        ),
    ]


class Migration(migrations.Migration):
    """What nobody has tried and what a worker may have lost are found by an index each.

    Beside running requests, for the table may be large; so it may be interrupted, and run again.
    `triage_claimable` goes at once because no release has had it: from the first one on, an index
    goes one release after the last statement that needs it.
    """

    atomic = False

    dependencies = [("triage", "0009_due_is_untried")]

    operations = [
        ValidateConstraint("triagerequest", "due_is_untried"),
        *_index("due"),
        *_index("leased"),
        RemoveIndexConcurrently("triagerequest", "triage_claimable"),
    ]
