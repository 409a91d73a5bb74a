"""The classic paths: one call for one answer, and a clinician's feedback."""

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend import errors
from backend.clients.permissions import MayLabel, MaySubmit
from backend.triage import labels, lifecycle, openapi, queries, schemas, values, waiting
from backend.triage.admission import admission
from backend.triage.parameters import caller_of, parse_id
from backend.triage.quotas import quotas
from backend.triage.values import Submission
from backend.triage.views import shown, wish
from ml.case import parse_case
from ml.schema import Level


class PredictView(APIView):
    permission_classes = (MaySubmit,)

    @extend_schema(
        operation_id="ml_predict",
        tags=["One call"],
        request=openapi.body("TriageCase"),
        responses=openapi.answers(200, "ClassicAnswer", 413, 415),
    )
    def post(self, request: Request) -> Response:
        """One call, one answer: waits up to 2 s for the model, else the rules answer and the body
        says `fallback: true`. Without `patient_id` the case takes part in no trial."""
        case, caller = parse_case(request.data), caller_of(request)
        seconds = settings.PREDICT_WAIT_SECONDS
        submissions = [Submission(case)]
        with quotas.held(caller, submissions):
            # The caller leaves with this answer, so this is when the request is due.
            accepted = lifecycle.submit(
                caller.client_id,
                submissions,
                deadline_seconds=seconds,
                overloaded=admission.check(),
            )
        resource = queries.just_accepted(caller.client_id, accepted)[accepted[0].id]
        one_answer = wish(caller, resource, seconds, _reply, settle=True)
        if not resource.done and not waiting.ask(request, one_answer):
            # Nothing here can wait: answer now what the rules say.
            lifecycle.answer_now([resource.id])
            resource = shown(caller, resource.id)
        return Response(_classic(resource))


class FeedbackView(APIView):
    permission_classes = (MayLabel,)

    @extend_schema(
        operation_id="ml_feedback",
        tags=["One call"],
        request=openapi.body("Feedback"),
        responses=openapi.answers(201, "LabelStored", 404, 409, 413, 415),
    )
    def post(self, request: Request) -> Response:
        """Store the level that a clinician gives. Labels are kept for ever; the newest counts."""
        feedback, caller = schemas.parse_feedback(request.data), caller_of(request)
        resource = shown(caller, parse_id(feedback.triage_log_id))
        seen = resource.answer and resource.answer.prediction
        if feedback.ml_prediction is not None and feedback.ml_prediction != seen:
            raise errors.Conflict("ml_prediction is not the answer that this request was given.")
        given = labels.Given(Level.parse(feedback.doctor_correction), note=feedback.feedback_note)
        author = values.Author(key_id=caller.key_id)
        known = feedback.ml_prediction is not None
        stored = labels.give(caller.client_id, author, resource.id, given, answer_seen=known)
        if stored is None:
            raise Http404
        body = schemas.LabelStored(
            id=stored.id,
            triage_log_id=resource.id,
            doctor_correction=feedback.doctor_correction,
        )
        return Response(body.model_dump(mode="json"), status=201)


def _classic(resource: schemas.TriageResource) -> dict[str, object]:
    """The answer, or the rules' where none is given yet."""
    answer = resource.answer or resource.provisional
    assert answer is not None  # an open row has a provisional answer, a closed one its own
    body = schemas.ClassicAnswer(**answer.model_dump(), id=resource.id, triage_log_id=resource.id)
    return body.model_dump(mode="json")


def _reply(news: waiting.News) -> waiting.Reply:
    body = JSONRenderer().render(_classic(news.resource))
    return waiting.Reply(200, {"Content-Type": "application/json"}, body)
