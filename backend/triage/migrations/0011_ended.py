from django.db import migrations, models
from django.db.models import Case, When


class Migration(migrations.Migration):
    """Whether the work on a row has ended, kept by PostgreSQL.

    It writes the table anew: nobody can read or write it for about ten seconds a million rows. No
    release has had the table without it: from the first one on, a column is added without that.
    """

    dependencies = [("triage", "0010_due_and_leased_apart")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '500ms'", migrations.RunSQL.noop),
        # Of each page a little more than half is left for the new versions that claims make.
        migrations.RunSQL(
            "ALTER TABLE triage_triagerequest SET (fillfactor = 45)",
            "ALTER TABLE triage_triagerequest RESET (fillfactor)",
        ),
        migrations.AddField(
            "triagerequest",
            "ended",
            models.GeneratedField(
                expression=Case(When(work__in=("due", "leased"), then=0), default=1),
                output_field=models.SmallIntegerField(),
                db_persist=True,
            ),
        ),
        # The first thing on the way back.
        migrations.RunSQL(migrations.RunSQL.noop, "SET LOCAL lock_timeout = '500ms'"),
    ]
