from django.urls import path

from backend.triage import views

urlpatterns = [
    path("v1/triage/", views.TriageView.as_view()),
    path("v1/triage/batch/", views.TriageBatchView.as_view()),
    path("v1/triage/<str:request_id>/", views.TriageDetailView.as_view()),
    path("v1/triage/<str:request_id>/cancel/", views.TriageCancelView.as_view()),
    path("ml/predict/", views.PredictView.as_view()),
    path("ml/feedback/", views.FeedbackView.as_view()),
]
