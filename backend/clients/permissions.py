"""Who may do what. The default denies; a view names the scope or the role that it needs.

Keys have scopes and call the API; people have roles (`people.py`) and use the console.
"""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from backend.clients.keys import Caller
from backend.clients.models import Scope

if TYPE_CHECKING:  # the views import their default permissions while they are being imported
    from rest_framework.views import APIView


class DenyAll(BasePermission):
    def has_permission(self, request: Request, view: "APIView") -> bool:
        return False


class _HasScope(BasePermission):
    scope: Scope
    message = "This API key has not the scope that is needed."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.user, Caller) and self.held_by(request.user)

    @classmethod
    def held_by(cls, caller: Caller) -> bool:
        return cls.scope in caller.scopes


class MaySubmit(_HasScope):
    scope = Scope.SUBMIT


class MayLabel(_HasScope):
    scope = Scope.LABEL


class MayOperate(_HasScope):
    scope = Scope.OPERATE


class MayAny(BasePermission):
    """A live key, whatever its scope: for what holds no request of anybody."""

    message = _HasScope.message

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.user, Caller) and bool(request.user.scopes)
