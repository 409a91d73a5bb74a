"""`Authorization: Bearer tri_…`; nothing else identifies a machine client."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from backend.clients.keys import Caller, find_caller
from backend.clients.throttling import guard


class KeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """The caller, or None without a header. A bad, expired or revoked key is 401;
        too many of them from one address are 429."""
        parts = get_authorization_header(request).split()
        if not parts:
            return None
        if len(parts) != 2 or parts[0].lower() != b"bearer":
            raise AuthenticationFailed("Send 'Authorization: Bearer <API key>'.")
        key = parts[1]
        guard.check(request, key)
        caller = find_caller(key.decode("latin-1"))
        if caller is None:
            guard.wrong(request)
            raise AuthenticationFailed("This API key is not valid.")
        guard.right(key, caller)
        return caller, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="triage"'


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "backend.clients.authentication.KeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key of your client."}
