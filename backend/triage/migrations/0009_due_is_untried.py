from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """What is due, nobody has tried. Needs the table for a moment: where it does not get that, it
    gives up before requests have to wait, and is run again."""

    dependencies = [("triage", "0008_redundant_indexes")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '500ms'", migrations.RunSQL.noop),
        AddConstraintNotValid(
            "triagerequest",
            models.CheckConstraint(condition=~Q(work="due") | Q(attempt=0), name="due_is_untried"),
        ),
    ]
