"""Django's admin, for reading. Statuses change in the lifecycle only, so nothing is editable."""

from typing import Any

from django.contrib import admin

from backend.triage.models import ClinicianLabel, PredictionLog, TriageAnswer, TriageRequest


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    show_full_result_count = False

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(TriageRequest)
class TriageRequestAdmin(ReadOnlyAdmin):
    list_display = ("id", "client", "priority", "answer", "work", "attempt", "arm", "accepted_at")
    list_filter = ("answer", "work", "priority", "arm")
    exclude = ("fingerprint", "patient_reference", "token")


@admin.register(TriageAnswer)
class TriageAnswerAdmin(ReadOnlyAdmin):
    list_display = ("request_id", "sequence", "level", "method", "ab_group", "needs_review")
    list_filter = ("method", "level", "needs_review")


@admin.register(PredictionLog)
class PredictionLogAdmin(ReadOnlyAdmin):
    list_display = ("request_id", "predictor", "version", "level", "confidence", "served")
    list_filter = ("predictor", "served", "level")


@admin.register(ClinicianLabel)
class ClinicianLabelAdmin(ReadOnlyAdmin):
    list_display = ("request_id", "level", "created_at")
    exclude = ("sealed_note",)
