"""The OpenAPI document and the page to try it."""

from typing import Any, Final

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from backend.errors import CONTENT_TYPE

_PROBLEM: Final = "#/components/schemas/Problem"
# What every call with a key may be told, whatever it is about.
_ALWAYS: Final = {
    "406": "Only JSON is spoken here",
    "429": "Too many requests a minute, or a quota is used up (requests a UTC day, open requests); "
    "come again after Retry-After seconds",
}


def name_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> Any:
    """Post-processing hook: a problem is `application/problem+json`, and every operation that needs
    a key says what any call may be refused with."""
    for path in result["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            if operation.get("security"):
                for code, text in _ALWAYS.items():
                    content = {"application/json": {"schema": {"$ref": _PROBLEM}}}
                    responses.setdefault(code, {"description": text, "content": content})
            for response in responses.values():
                content = response.get("content", {})
                # Under whatever media type the view's good answer has.
                for media in [m for m in content if content[m]["schema"] == {"$ref": _PROBLEM}]:
                    content[CONTENT_TYPE] = content.pop(media)
    return result


class SchemaView(SpectacularAPIView):
    """The OpenAPI document; the same for everybody."""


# The page's program is a file of its own, so no inline script is ever allowed; the library writes
# a style element into its page.
@method_decorator(csp_update({"style-src": "'unsafe-inline'"}), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """A page to read the document and to try calls with one's own key."""
