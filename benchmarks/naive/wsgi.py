import os

from django.core.wsgi import get_wsgi_application

# The Celery app first: `delay()` finds it by being the current one.
import benchmarks.naive.celery  # noqa: F401

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.naive.settings")
application = get_wsgi_application()
