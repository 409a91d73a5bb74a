from typing import Any

from django.contrib import admin
from django.db import transaction

from backend.clients import audit
from backend.clients.models import ApiKey, AuditEvent, Client, Membership


class AuditedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Whatever a superuser changes here is an audit event, in the same transaction."""

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            self._record(request, obj, "change" if change else "add")

    def delete_model(self, request: Any, obj: Any) -> None:
        with transaction.atomic():
            self._record(request, obj, "delete")
            super().delete_model(request, obj)

    def delete_queryset(self, request: Any, queryset: Any) -> None:
        with transaction.atomic():
            for obj in queryset:
                self._record(request, obj, "delete")
            super().delete_queryset(request, queryset)

    def _record(self, request: Any, obj: Any, what: str) -> None:
        client_id = obj.pk if isinstance(obj, Client) else obj.client_id
        action = f"{obj._meta.model_name}.{what}"
        audit.record(f"user:{request.user.pk}", action, client_id=client_id, subject=obj.pk)


@admin.register(Client)
class ClientAdmin(AuditedAdmin):
    list_display = ("name", "active", "created_at")


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedAdmin):
    """Keys are made by `manage.py create_client`; here they are seen, dated and revoked."""

    list_display = ("prefix", "name", "client", "created_at", "expires_at", "revoked_at")
    readonly_fields = ("client", "prefix", "created_at")
    exclude = ("digest",)

    def has_add_permission(self, request: object) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin):
    list_display = ("user", "client", "role")


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To look at; `manage.py verify_audit` says whether it is whole."""

    list_display = ("at", "actor", "action", "client_id", "subject", "sequence")
    list_filter = ("action",)
    search_fields = ("=actor", "=subject")
    show_full_result_count = False

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False
