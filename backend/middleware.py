"""Headers that every response carries, whatever its status and whoever made it."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

_ALWAYS: Final = {
    # Nothing here needs a sensor, a camera or a payment.
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Whatever says nothing else about caching may hold a patient's data.
    "Cache-Control": "no-store",
}


class SecureHeaders:
    """The outermost middleware, so that refusals of the others carry the headers too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        for name, value in _ALWAYS.items():
            response.headers.setdefault(name, value)
        return response
