"""Every route of the service."""

from django.contrib import admin
from django.urls import include, path

from backend.documents import DocsView, SchemaView
from backend.monitoring import views as monitoring

handler400 = "backend.errors.bad_request"
handler403 = "backend.errors.permission_denied"
handler404 = "backend.errors.not_found"
handler500 = "backend.errors.server_error"

urlpatterns = [
    path("api/", include("backend.triage.urls")),
    path("api/", include("backend.monitoring.urls")),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", DocsView.as_view(url_name="schema")),
    path("livez", monitoring.LiveView.as_view()),
    path("readyz", monitoring.ReadyView.as_view()),
    path("statusz", monitoring.StatusView.as_view()),
    path("metrics", monitoring.metrics_view),
    path("console/", include("backend.console.urls")),
    path("admin/", admin.site.urls),
]
