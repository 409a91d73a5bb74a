from django.urls import path

from backend.monitoring import views

urlpatterns = [
    path("v1/models/", views.ModelsView.as_view()),
    path("v1/models/<str:version>/", views.ModelView.as_view()),
]
