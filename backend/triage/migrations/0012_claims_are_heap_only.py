from django.contrib.postgres.operations import (
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.lookups import Exact

_NOT_ENDED = ~Q(
    Exact(models.Func("work_ended_at", function="num_nulls", output_field=models.IntegerField()), 0)
)


class Migration(migrations.Migration):
    """What workers have still to look at is found by one index, of whose columns a claim changes
    none (decision 34).

    Beside running requests, for the table may be large; so it may be interrupted, and run again.
    `triage_due` and `triage_leased` go at once because no release has had them: from the first one
    on, an index goes one release after the last statement that needs it.
    """

    atomic = False

    dependencies = [("triage", "0011_work_ended_at")]

    operations = [
        ValidateConstraint("triagerequest", "unworked_has_not_ended"),
        # What an interrupted build leaves is no index, but has its name.
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS triage_unworked", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            "triagerequest",
            models.Index(
                F("claim_rank").desc(),
                "accepted_at",
                condition=_NOT_ENDED,
                name="triage_unworked",
            ),
        ),
        RemoveIndexConcurrently("triagerequest", "triage_due"),
        RemoveIndexConcurrently("triagerequest", "triage_leased"),
    ]
