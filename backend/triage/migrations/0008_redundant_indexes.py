from django.db import migrations, models
from django.db.models import CASCADE, PROTECT


def _without_index(model: str, field: str, changed: models.Field, index: str) -> migrations.operations.base.Operation:
    """The state says it; the database drops the index alone. Django would also take the foreign key
    away and check every row when it puts it back."""
    table = f"triage_{model}"
    return migrations.SeparateDatabaseAndState(
        state_operations=[migrations.AlterField(model, field, changed)],
        database_operations=[
            migrations.RunSQL(
                f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
                f"CREATE INDEX CONCURRENTLY {index} ON {table} ({field}_id)",
            )
        ],
    )


def _request(related_name: str) -> models.Field:
    return models.ForeignKey(
        "triage.triagerequest", CASCADE, related_name=related_name, db_index=False
    )


class Migration(migrations.Migration):
    """Indexes that begin another index of their table: each cost a row's every write."""

    # Beside running requests: the tables may be large.
    atomic = False

    dependencies = [("triage", "0007_events_and_webhooks")]

    operations = [
        _without_index(
            "triagerequest", "client", models.ForeignKey("clients.client", PROTECT, db_index=False),
            "triage_triagerequest_client_id_ed64ea0e",
        ),
        _without_index(
            "triageanswer", "request", _request("answers"),
            "triage_triageanswer_request_id_a04a4505",
        ),
        _without_index(
            "predictionlog", "request", _request("logs"),
            "triage_predictionlog_request_id_19ce9cf6",
        ),
        _without_index(
            "event", "request", _request("events"), "triage_event_request_id_967a1970"
        ),
    ]  # fmt: skip
