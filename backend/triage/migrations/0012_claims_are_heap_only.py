from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models import F, Q
from django.db.models.lookups import Exact


def _without(name: str) -> list[Operation]:
    """What an interrupted build leaves, on the way back, is no index, but has its name."""
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {name}"
    return [
        RemoveIndexConcurrently("triagerequest", name),
        migrations.RunSQL(migrations.RunSQL.noop, drop),
    ]


class Migration(migrations.Migration):
    """What workers have still to look at is found by one index, of whose columns a claim changes
    none (decision 34).

    Beside running requests, for the table may be large; so it may be interrupted, and run again.
    `triage_due` and `triage_leased` go at once because no release has had them: from the first one
    on, an index goes one release after the last statement that needs it.
    """

    atomic = False

    dependencies = [("triage", "0011_ended")]

    operations = [
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS triage_unworked", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            "triagerequest",
            models.Index(
                F("claim_rank").desc(),
                "accepted_at",
                condition=~Q(Exact(F("ended") + 0, 1)),
                name="triage_unworked",
            ),
        ),
        *_without("triage_due"),
        *_without("triage_leased"),
    ]
