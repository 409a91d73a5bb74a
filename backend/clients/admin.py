from django.contrib import admin

from backend.clients.models import ApiKey, Client, Membership


@admin.register(Client)
class ClientAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "active", "created_at")


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Keys are made by `manage.py create_client`; here they are seen, dated and revoked."""

    list_display = ("prefix", "name", "client", "created_at", "expires_at", "revoked_at")
    readonly_fields = ("client", "prefix", "created_at")
    exclude = ("digest",)

    def has_add_permission(self, request: object) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user", "client", "role")
