"""Signing in and out, and the colours that this browser asked for."""

from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from backend.clients.people import Person, Role
from backend.console.access import page
from backend.console.context import THEME_COOKIE, THEMES

_YEAR_SECONDS = 31_536_000


@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")
@method_decorator(never_cache, name="dispatch")
class SignIn(LoginView):
    template_name = "console/login.html"
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        return reverse("console:overview")


class SignOut(LogoutView):
    http_method_names = ("post",)

    def get_default_redirect_url(self) -> str:
        return reverse("console:login")


@require_POST
@page(Role.SUBMITTER)
def theme(request: HttpRequest, person: Person) -> HttpResponse:
    """Remember light or dark in a cookie, and go back to a page of ours."""
    back, asked = request.POST.get("back", ""), request.POST.get("theme", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}):
        back = reverse("console:overview")
    response = HttpResponseRedirect(back)
    if asked in THEMES:
        response.set_cookie(
            THEME_COOKIE,
            asked,
            max_age=_YEAR_SECONDS,
            path="/console/",
            secure=settings.BEHIND_TLS,
            httponly=True,
            samesite="Lax",
        )
    return response
