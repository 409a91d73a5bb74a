"""A small client of the clinical triage API: submit, wait, stream, list, batch, label, webhooks."""

from triage_client.client import Client
from triage_client.errors import Problem, Unanswered, Unreachable
from triage_client.types import Answer, Batch, Event, Request
from triage_client.webhooks import verify

__all__ = [
    "Answer",
    "Batch",
    "Client",
    "Event",
    "Problem",
    "Request",
    "Unanswered",
    "Unreachable",
    "verify",
]
