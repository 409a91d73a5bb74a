from django.contrib import admin

from backend.monitoring.experiment_models import Experiment, Phase
from backend.monitoring.models import (
    AccuracyCohort,
    AccuracyReport,
    Alert,
    AlertDelivery,
    DriftReport,
    ModelChange,
    ModelVersion,
    Retraining,
    WorkerState,
)
from backend.triage.admin import ReadOnlyAdmin


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    list_display = ("version", "stage", "rules_version", "promoted_at", "promoted_by", "reason")


@admin.register(ModelChange)
class ModelChangeAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "model", "action", "by", "reason", "overridden")


@admin.register(WorkerState)
class WorkerStateAdmin(ReadOnlyAdmin):
    list_display = ("kind", "host", "pid", "state", "reason", "model_version", "seen_at")


@admin.register(AccuracyCohort)
class AccuracyCohortAdmin(ReadOnlyAdmin):
    list_display = ("day", "model_version", "labels", "accuracy", "updated_at")


@admin.register(DriftReport)
class DriftReportAdmin(ReadOnlyAdmin):
    list_display = ("day", "model_version", "state", "requests")


@admin.register(AccuracyReport)
class AccuracyReportAdmin(ReadOnlyAdmin):
    list_display = ("day", "model_version", "state", "labels", "accuracy")


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = (
        *("kind", "subject", "severity", "summary", "raised_at", "repeats", "sent_at"),
        *("acknowledged_by", "resolved_at"),
    )


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("alert", "notice", "channel", "state", "attempts", "sent_at", "error")
    list_filter = ("state", "notice")


class PhaseInline(admin.TabularInline):  # type: ignore[type-arg]
    """The phases of a trial; they are opened by `manage.py experiment` and the API only."""

    model = Phase
    extra = 0
    can_delete = False
    fields = readonly_fields = (
        "number",
        "ml_share",
        "opened_at",
        "opened_by",
        "closed_at",
        "reason",
        "ml_answers",
        "ml_fallbacks",
    )

    def has_add_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Experiment)
class ExperimentAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "outcome", "started_at", "ended_at", "looked_at")
    inlines = (PhaseInline,)


@admin.register(Retraining)
class RetrainingAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "day", "by", "state", "candidate", "detail")
    list_filter = ("state",)
