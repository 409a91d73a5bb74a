"""The pages. A name's part before the first dash is the entry of the navigation it belongs to."""

from django.urls import path, re_path

from backend.console import access
from backend.console.views import (
    accuracy,
    alarms,
    experiments,
    models,
    overview,
    requests,
    review,
    session,
    tryit,
)

app_name = "console"
urlpatterns = [
    path("login/", session.SignIn.as_view(), name="login"),
    path("logout/", session.SignOut.as_view(), name="logout"),
    path("theme/", session.theme, name="theme"),
    path("", overview.overview, name="overview"),
    path("try/", tryit.form, name="try"),
    path("try/<str:request_id>/", tryit.result, name="try-result"),
    path("requests/", requests.index, name="requests"),
    path("requests/<str:request_id>/", requests.detail, name="requests-one"),
    path("requests/<str:request_id>/answer/", requests.answer, name="requests-answer"),
    path("requests/<str:request_id>/label/", review.override, name="requests-label"),
    path("review/", review.queue, name="review"),
    path("review/<str:request_id>/", review.judge, name="review-judge"),
    path("alarms/", alarms.index, name="alarms"),
    path("alarms/<int:alert_id>/", alarms.change, name="alarms-change"),
    path("models/", models.index, name="models"),
    path("models/compare/", models.compare, name="models-compare"),
    path("models/<str:version>/", models.detail, name="models-one"),
    path("models/<str:version>/order/", models.order, name="models-order"),
    path("models/<str:version>/change/", models.change, name="models-change"),
    path("accuracy/", accuracy.index, name="accuracy"),
    path("experiments/", experiments.index, name="experiments"),
    path("experiments/<str:name>/", experiments.change, name="experiments-change"),
    re_path(r"^(?P<rest>.*)$", access.not_found),
]
