"""The naive Celery app: defaults, but no results that nobody reads."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.naive.settings")

app = Celery("naive", broker=os.environ["REDIS_URL"], include=["benchmarks.naive.tasks"])
app.conf.update(task_ignore_result=True, task_default_queue="naive")
# Its best case keeps the connection between tasks; Celery's default closes it.
if os.environ.get("NAIVE_KEEPS_CONNECTIONS"):
    app.conf.update(CELERY_DB_REUSE_MAX=10_000)
app.set_current()
