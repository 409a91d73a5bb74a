"""Beat lives through a database that is away, and finds its timetable when it is back."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from backend.stack import ports
from backend.stack.services import Sizes, services
from tests.drills.proxy import Proxy
from tests.eventually import eventually
from tests.integration.processes import Processes

Sql = Callable[..., list[Any]]


def test_beat_waits_for_the_database_and_makes_its_timetable(
    processes: Processes, sql: Sql
) -> None:
    url = urlsplit(processes.environment["DATABASE_URL"])
    assert url.port is not None
    port = ports.choose({}, {})["postgres"]
    away = url._replace(netloc=url.netloc.replace(f":{url.port}", f":{port}")).geturl()
    # As it is started everywhere: a scheduler named there would take the place of ours.
    [started] = [one for one in services(Sizes()) if one.name == "beat"]
    beat = processes.start(*started.argv[1:], DATABASE_URL=away)
    log = processes.log_of(beat)
    eventually(lambda: "beat.database_unavailable" in log.read_text(), 60, what="beat says so")
    assert sql("SELECT count(*) FROM django_celery_beat_periodictask") == [(0,)]
    with Proxy(url.port, listen=port):
        eventually(
            lambda: sql("SELECT count(*) FROM django_celery_beat_periodictask")[0][0] >= 5,
            30,
            what="the timetable is made",
        )
        # Every second, so that nobody has to wait for the first; beat reads what was edited.
        sql("UPDATE django_celery_beat_intervalschedule SET every = 1")
        sql("UPDATE django_celery_beat_periodictasks SET last_update = now()")
        eventually(lambda: "Sending due task" in log.read_text(), 40, what="a task is sent")
    said = log.read_text().count("rror")
    eventually(lambda: log.read_text().count("rror") > said, 30, what="beat misses the database")
    assert beat.poll() is None, "and lives"
    assert "Traceback" not in log.read_text()
