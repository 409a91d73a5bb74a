"""The OpenAPI document and the page to try it."""

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class SchemaView(SpectacularAPIView):
    """The OpenAPI document; the same for everybody."""


# The page's program is a file of its own, so no inline script is ever allowed; the library writes
# a style element into its page.
@method_decorator(csp_update({"style-src": "'unsafe-inline'"}), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """A page to read the document and to try calls with one's own key."""
