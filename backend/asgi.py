"""What the web server serves: Django's application behind the front in which callers wait."""

# First: it sets Django up, which the front needs.
from backend.wsgi import application as wsgi  # isort: split

from backend.front import Front

application = Front(wsgi)
