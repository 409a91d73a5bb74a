"""Who may call what: every route of the service, with the roles that each verb is open to.

`test_routes.py` walks the URL resolver and compares. A new route needs a line in `ROUTES` (and a
parameter that no route had before a value in `test_routes.py: Things`); a verb that is not declared
is closed to everybody.

Keys: `submitter`, `clinician` and `operator` belong to one client and have one scope each;
`stranger` has every scope at another client. People sign in: `person_submitter` … have that role
at the same client, `person_stranger` is an operator at the other one.
"""

from dataclasses import dataclass, field
from typing import Final

KEYS: Final = ("submitter", "clinician", "operator", "stranger")
PEOPLE: Final = ("person_submitter", "person_clinician", "person_operator", "person_stranger")
ROLES: Final = ("anonymous", *KEYS, *PEOPLE)
VERBS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")

EVERYBODY: Final = frozenset(ROLES)
SUBMIT: Final = frozenset({"submitter", "stranger"})
LABEL: Final = frozenset({"clinician", "stranger"})
OPERATE: Final = frozenset({"operator", "stranger"})
READ: Final = frozenset(KEYS)
# People: a role includes the ones before it.
MEMBERS: Final = frozenset(PEOPLE)
CLINICIANS: Final = frozenset({"person_clinician", "person_operator", "person_stranger"})
OPERATORS: Final = frozenset({"person_operator", "person_stranger"})


@dataclass(frozen=True)
class Route:
    """`verbs` says who may use which verb; HEAD goes with GET.

    `owned`: its parameter names a thing of one client, so that for a stranger it does not exist
    (404). `session`: people sign in here; everybody else is sent to the sign-in page (or 403).
    """

    verbs: dict[str, frozenset[str]] = field(default_factory=dict)
    owned: bool = False
    session: bool = False


def api(*, owned: bool = False, **verbs: frozenset[str]) -> Route:
    """Keys only: no session opens it."""
    return Route(verbs, owned)


def page(*, owned: bool = False, **verbs: frozenset[str]) -> Route:
    """People only: no key opens it, and every unsafe verb needs a CSRF token."""
    return Route(verbs, owned, session=True)


ROUTES: Final[dict[str, Route]] = {
    # Requests
    "api/v1/triage/": api(GET=SUBMIT, POST=SUBMIT),
    "api/v1/triage/batch/": api(POST=SUBMIT),
    "api/v1/triage/batch/<str:batch_id>/": api(GET=SUBMIT, owned=True),
    "api/v1/triage/<str:request_id>/": api(GET=SUBMIT, owned=True),
    "api/v1/triage/<str:request_id>/events/": api(GET=SUBMIT, owned=True),
    "api/v1/triage/<str:request_id>/cancel/": api(POST=SUBMIT, owned=True),
    "api/v1/triage/<str:request_id>/label/": api(POST=LABEL, owned=True),
    "api/v1/triage/<str:request_id>/replay/": api(POST=SUBMIT, GET=SUBMIT, owned=True),
    "api/v1/review-queue/": api(GET=LABEL),
    "api/v1/review-queue/<str:request_id>/skip/": api(POST=LABEL, owned=True),
    # Webhooks
    "api/v1/webhooks/": api(GET=OPERATE, POST=OPERATE),
    "api/v1/webhooks/<str:webhook_id>/": api(
        GET=OPERATE, PATCH=OPERATE, DELETE=OPERATE, owned=True
    ),
    "api/v1/webhooks/<str:webhook_id>/secret/": api(POST=OPERATE, owned=True),
    "api/v1/webhooks/<str:webhook_id>/deliveries/": api(GET=OPERATE, owned=True),
    "api/v1/webhooks/<str:webhook_id>/deliveries/<str:delivery_id>/redeliver/": api(
        POST=OPERATE, owned=True
    ),
    # One call
    "api/ml/predict/": api(POST=SUBMIT),
    "api/ml/feedback/": api(POST=LABEL),
    # Alarms
    "api/v1/alerts/": api(GET=OPERATE),
    "api/v1/alerts/<int:alert_id>/acknowledge/": api(POST=OPERATE),
    # Models
    "api/v1/retraining/": api(GET=OPERATE),
    "api/v1/models/": api(GET=SUBMIT),
    "api/v1/models/<str:version>/": api(GET=SUBMIT),
    # The console
    "console/login/": Route({"GET": EVERYBODY, "POST": EVERYBODY}),
    "console/logout/": Route({"POST": EVERYBODY}),
    "console/theme/": page(POST=MEMBERS),
    "console/": page(GET=MEMBERS),
    "console/try/": page(GET=MEMBERS, POST=MEMBERS),
    "console/try/<str:request_id>/": page(GET=MEMBERS, owned=True),
    "console/requests/": page(GET=MEMBERS),
    "console/requests/<str:request_id>/": page(GET=MEMBERS, owned=True),
    "console/requests/<str:request_id>/answer/": page(GET=MEMBERS, owned=True),
    "console/requests/<str:request_id>/label/": page(POST=CLINICIANS, owned=True),
    "console/review/": page(GET=CLINICIANS),
    "console/review/<str:request_id>/": page(POST=CLINICIANS, owned=True),
    "console/alarms/": page(GET=OPERATORS),
    "console/alarms/<int:alert_id>/": page(POST=OPERATORS),
    "console/models/": page(GET=OPERATORS),
    "console/models/compare/": page(GET=OPERATORS),
    "console/models/<str:version>/": page(GET=OPERATORS),
    "console/models/<str:version>/order/": page(GET=OPERATORS),
    "console/models/<str:version>/change/": page(POST=OPERATORS),
    "console/accuracy/": page(GET=CLINICIANS),
    "console/experiments/": page(GET=OPERATORS),
    "console/experiments/<str:name>/": page(POST=OPERATORS),
    "console/(?P<rest>.*)$": Route(),
    # What the daily checks found: over all clients, so for operators
    "api/v1/reports/": api(GET=OPERATE),
    "api/v1/reports/<str:report_id>/": api(GET=OPERATE),
    # Trials
    "api/v1/experiments/": api(GET=READ, POST=OPERATE),
    "api/v1/experiments/<str:name>/": api(GET=READ),
    "api/v1/experiments/<str:name>/ramp/": api(POST=OPERATE),
    "api/v1/experiments/<str:name>/stop/": api(POST=OPERATE),
    # Documents and probes: nothing about a patient or a client
    "api/schema/": Route({"GET": EVERYBODY}),
    "api/docs/": Route({"GET": EVERYBODY}),
    "livez": Route({"GET": EVERYBODY}),
    "readyz": Route({"GET": EVERYBODY}),
    "statusz": Route({"GET": EVERYBODY}),
    # Neither a key nor a session opens it: it has a token of its own.
    "metrics": api(),
}

# Django's own pages: one line for all of them, closed to everybody but its own superusers.
ADMIN: Final = "admin/"
# What the admin shows without a session, and it holds nothing.
ADMIN_OPEN: Final = frozenset({"admin/login/", "admin/logout/", "admin/jsi18n/"})
