from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside running requests: the table may be large.
    atomic = False

    dependencies = [("triage", "0005_retention")]

    operations = [
        AddIndexConcurrently(
            model_name="triagerequest",
            index=models.Index(fields=["patient_reference"], name="triage_patient"),
        ),
    ]
