from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """When the work on a row ended; until then it can be claimed. Needs the table for a moment:
    where it does not get that, it gives up before requests have to wait, and is run again.

    Rows are not written anew for it: those that are there have ended now, but for the few that have
    not. Workers of the schema before it leave the column empty on what they finish, which costs
    claims a look at that row and nothing else.
    """

    dependencies = [("triage", "0010_due_and_leased_apart")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '500ms'", migrations.RunSQL.noop),
        migrations.RunSQL(
            """
            ALTER TABLE triage_triagerequest ADD COLUMN work_ended_at timestamptz DEFAULT now();
            ALTER TABLE triage_triagerequest ALTER COLUMN work_ended_at DROP DEFAULT;
            UPDATE triage_triagerequest SET work_ended_at = NULL WHERE work = 'due';
            UPDATE triage_triagerequest SET work_ended_at = NULL WHERE work = 'leased';
            """,
            "ALTER TABLE triage_triagerequest DROP COLUMN work_ended_at",
            state_operations=[
                migrations.AddField(
                    "triagerequest", "work_ended_at", models.DateTimeField(null=True)
                )
            ],
        ),
        AddConstraintNotValid(
            "triagerequest",
            models.CheckConstraint(
                condition=~Q(work__in=("due", "leased")) | Q(work_ended_at__isnull=True),
                name="unworked_has_not_ended",
            ),
        ),
        # Of each page a little more than half is left for the new versions that claims make.
        migrations.RunSQL(
            "ALTER TABLE triage_triagerequest SET (fillfactor = 45)",
            "ALTER TABLE triage_triagerequest RESET (fillfactor)",
        ),
    ]
