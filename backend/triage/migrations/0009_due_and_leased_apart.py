from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.models import F, Q


def _of(work: str) -> AddIndexConcurrently:
    return AddIndexConcurrently(
        "triagerequest",
        models.Index(
            F("claim_rank").desc(), "due_at", condition=Q(work=work), name=f"triage_{work}"
        ),
    )


class Migration(migrations.Migration):
    """What nobody has tried and what a worker may have lost are found by an index each."""

    # Beside running requests: the table may be large.
    atomic = False

    dependencies = [("triage", "0008_redundant_indexes")]

    operations = [
        AddConstraintNotValid(
            "triagerequest",
            models.CheckConstraint(condition=~Q(work="due") | Q(attempt=0), name="due_is_untried"),
        ),
        ValidateConstraint("triagerequest", "due_is_untried"),
        _of("due"),
        _of("leased"),
        RemoveIndexConcurrently("triagerequest", "triage_claimable"),
    ]
