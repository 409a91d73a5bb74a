"""Server-sent events of one request (the HTML standard's `text/event-stream`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.clients.permissions import MaySubmit
from backend.triage import events, openapi, queries, waiting
from backend.triage.parameters import caller_of, parse_id
from backend.triage.views import shown
from backend.triage.waiting import News, Reply, Wish

MEDIA_TYPE: Final = "text/event-stream"
# A stream ends after so long at the latest; clients come back with Last-Event-ID.
STREAM_SECONDS: Final = 300
_RECONNECT: Final = "retry: 2000\n\n"
_LAST = OpenApiParameter(
    "Last-Event-ID",
    str,
    OpenApiParameter.HEADER,
    description="The last event that you have; the stream goes on after it",
)


class EventStreamRenderer(BaseRenderer):
    """Text as it is; a problem document as JSON."""

    media_type = MEDIA_TYPE
    format = "event-stream"

    def render(
        self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None
    ) -> Any:
        return data.encode() if isinstance(data, str) else JSONRenderer().render(data)


class EventsView(APIView):
    permission_classes = (MaySubmit,)
    renderer_classes = (EventStreamRenderer,)

    @extend_schema(
        operation_id="triage_events",
        tags=["Triage"],
        parameters=[_LAST],
        responses=openapi.answers(200, "Problem", 404)
        | {(200, MEDIA_TYPE): {"type": "string"}, 204: None},
    )
    def get(self, request: Request, request_id: str) -> HttpResponse:
        """Follow a request: `accepted`, `answered` or `cancelled`, perhaps `amended`. Each event
        has an id; send the last one as `Last-Event-ID` to go on after it. The stream ends when
        nothing more can happen; asked again, it is a 204, which tells a browser to stop."""
        caller, last = caller_of(request), _last_event_id(request)
        resource = shown(caller, parse_id(request_id))
        state = queries.states([resource.id])[resource.id]
        happened = events.of([resource.id]).get(resource.id, [])
        text = events.stream(happened, last)
        if state.settled and not text:
            return Response(status=204)
        if not state.settled:
            after = Place(_newest(happened), queries.progress_of(resource))
            waiting.ask(request, _wish(caller.client_id, resource.id, after))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Response(_RECONNECT + text, headers=headers)


@dataclass(frozen=True, slots=True)
class Place:
    """How far a stream is: its last event, and how far the request was then."""

    sequence: int
    progress: queries.Progress


def _wish(client_id: int, request_id: UUID, after: Place) -> Wish:
    def render(news: News) -> Reply:
        body = events.stream(news.events, after.sequence).encode()
        progress = queries.progress_of(news.resource)
        later = Place(max(after.sequence, _newest(news.events)), progress)
        return Reply(200, {}, body, None if news.settled else _wish(client_id, request_id, later))

    return Wish(client_id, request_id, after.progress, STREAM_SECONDS, render, stream=True)


def _newest(happened: Iterable[events.Event]) -> int:
    return max((event.sequence for event in happened), default=0)


def _last_event_id(request: Request) -> int:
    text = request.headers.get("Last-Event-ID", "") or "0"
    if text not in ("0", "1", "2", "3"):
        raise ParseError("Last-Event-ID: expected the id of an event of this request, 1 to 3.")
    return int(text)
