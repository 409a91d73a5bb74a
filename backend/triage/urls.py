from django.urls import path

from backend.triage import (
    batch_views,
    classic_views,
    clinician_views,
    event_views,
    replay_views,
    views,
    webhook_views,
)

urlpatterns = [
    path("v1/triage/", views.TriageView.as_view()),
    path("v1/triage/batch/", batch_views.BatchView.as_view()),
    path("v1/triage/batch/<str:batch_id>/", batch_views.BatchProgressView.as_view()),
    path("v1/triage/<str:request_id>/", views.TriageDetailView.as_view()),
    path("v1/triage/<str:request_id>/events/", event_views.EventsView.as_view()),
    path("v1/triage/<str:request_id>/cancel/", views.TriageCancelView.as_view()),
    path("v1/triage/<str:request_id>/label/", clinician_views.LabelView.as_view()),
    path("v1/triage/<str:request_id>/replay/", replay_views.ReplayView.as_view()),
    path("v1/review-queue/", clinician_views.ReviewQueueView.as_view()),
    path("v1/review-queue/<str:request_id>/skip/", clinician_views.ReviewSkipView.as_view()),
    path("v1/webhooks/", webhook_views.WebhooksView.as_view()),
    path("v1/webhooks/<str:webhook_id>/", webhook_views.WebhookView.as_view()),
    path("v1/webhooks/<str:webhook_id>/secret/", webhook_views.WebhookSecretView.as_view()),
    path("v1/webhooks/<str:webhook_id>/deliveries/", webhook_views.DeliveriesView.as_view()),
    path(
        "v1/webhooks/<str:webhook_id>/deliveries/<str:delivery_id>/redeliver/",
        webhook_views.RedeliverView.as_view(),
    ),
    path("ml/predict/", classic_views.PredictView.as_view()),
    path("ml/feedback/", classic_views.FeedbackView.as_view()),
]
