from django.urls import path

from backend.monitoring import alert_views, views

urlpatterns = [
    path("v1/alerts/", alert_views.AlertsView.as_view()),
    path("v1/alerts/<int:alert_id>/acknowledge/", alert_views.AcknowledgeView.as_view()),
    path("v1/models/", views.ModelsView.as_view()),
    path("v1/models/<str:version>/", views.ModelView.as_view()),
]
