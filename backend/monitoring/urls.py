from django.urls import path

from backend.monitoring import (
    alert_views,
    experiment_views,
    report_views,
    retraining_views,
    views,
)

urlpatterns = [
    path("v1/retraining/", retraining_views.RetrainingView.as_view()),
    path("v1/alerts/", alert_views.AlertsView.as_view()),
    path("v1/alerts/<int:alert_id>/acknowledge/", alert_views.AcknowledgeView.as_view()),
    path("v1/models/", views.ModelsView.as_view()),
    path("v1/models/<str:version>/", views.ModelView.as_view()),
    path("v1/reports/", report_views.ReportsView.as_view()),
    path("v1/reports/<str:report_id>/", report_views.ReportView.as_view()),
    path("v1/experiments/", experiment_views.ExperimentsView.as_view()),
    path("v1/experiments/<str:name>/", experiment_views.ExperimentView.as_view()),
    path("v1/experiments/<str:name>/ramp/", experiment_views.RampView.as_view()),
    path("v1/experiments/<str:name>/stop/", experiment_views.StopView.as_view()),
]
