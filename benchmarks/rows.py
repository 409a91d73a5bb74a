"""The rows that both services work on: synthetic patients, accepted once and laid again."""

import json
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from ml.cohort import generate
from ml.records import body_of


def bodies(count: int, seed: int = 77) -> list[dict[str, Any]]:
    """Request bodies of synthetic patients, the same for a seed."""
    return [
        body_of(record.case) | {"patient_id": f"bench-{number}"}
        for number, record in enumerate(generate(count, seed))
    ]


def encoded(count: int, seed: int = 77) -> list[bytes]:
    return [json.dumps(body).encode() for body in bodies(count, seed)]


class Backlog:
    """`count` accepted rows of ours and the same as naive rows, laid before each round.

    They are accepted once, through the service's own code, and copied aside: a round then costs
    two INSERTs and meets the same rows.
    """

    def __init__(self, count: int) -> None:
        from backend.clients import keys
        from backend.triage import lifecycle
        from backend.triage.values import Submission
        from benchmarks.naive.models import Request
        from ml.case import parse_case

        self.count = count
        client = keys.create_client("bench")
        empty()
        self.bodies = bodies(count)
        submissions = [Submission(parse_case(body)) for body in self.bodies]
        for start in range(0, count, 1_000):
            lifecycle.submit(client, submissions[start : start + 1_000], 3_600)
        execute("DROP TABLE IF EXISTS bench_request, bench_payload, bench_answer, bench_log")
        self._kept = ", ".join(_columns("triage_triagerequest"))
        execute(f"CREATE TABLE bench_request AS SELECT {self._kept} FROM triage_triagerequest")  # noqa: S608
        execute("CREATE TABLE bench_payload AS TABLE triage_triagepayload")
        execute("CREATE TABLE bench_answer AS TABLE triage_triageanswer")
        execute("CREATE TABLE bench_log AS TABLE triage_predictionlog")
        self._naive = [Request(**body) for body in self.bodies]

    def lay_ours(self, *, keep: bool = False) -> None:
        """All rows due and open (or answered by a red flag), as just accepted."""
        if not keep:
            empty()
        execute(f"INSERT INTO triage_triagerequest ({self._kept}) TABLE bench_request")
        execute("INSERT INTO triage_triagepayload SELECT * FROM bench_payload")
        execute("INSERT INTO triage_triageanswer SELECT * FROM bench_answer")
        execute("INSERT INTO triage_predictionlog SELECT * FROM bench_log")
        execute("ANALYZE triage_triagerequest, triage_triagepayload")
        execute("CHECKPOINT")

    def lay_naive(self, count: int) -> list[str]:
        """The first `count` rows as the naive service stores them; their ids."""
        from benchmarks.naive.models import Request

        empty()
        made = Request.objects.bulk_create(self._naive[:count], batch_size=1_000)
        execute("ANALYZE naive_request")
        execute("CHECKPOINT")
        return [str(one.pk) for one in made]


def empty() -> None:
    """No request of either service is left. A worker that looks for due rows meanwhile may meet it
    the other way round: then once more."""
    from django.db import OperationalError

    for last in (False, False, False, True):
        try:
            execute("TRUNCATE triage_triagerequest, naive_request CASCADE")
        except OperationalError:
            if last:
                raise
            time.sleep(0.2)
        else:
            return


def execute(statement: str, *parameters: Any) -> list[Any]:
    """One statement in this process' connection."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return list(cursor.fetchall()) if cursor.description else []


def finish(ids: Sequence[UUID]) -> None:
    """Answer these open rows as one batch of a worker would, all by their rules' opinion."""
    from backend.triage import lifecycle
    from backend.triage.values import Finished
    from ml.decision import decide
    from ml.prediction import Prediction
    from ml.rules.answer import RulesAnswer
    from ml.schema import Level

    token = uuid4()
    execute(
        "UPDATE triage_triagerequest SET work = 'leased', attempt = 1, token = %s,"
        " due_at = now() + interval '60 s' WHERE id = ANY(%s)",
        token,
        list(ids),
    )
    found = execute(
        "SELECT request_id, fallback FROM triage_triagepayload WHERE request_id = ANY(%s)",
        list(ids),
    )
    opinion = Prediction(Level.SOON, (0.1, 0.7, 0.1, 0.1))
    finished = []
    for row_id, text in found:
        rules = RulesAnswer.of_fallback(json.loads(text))
        decision = decide(rules, opinion, "ml")
        finished.append(Finished(row_id, decision, rules, opinion, "bench", "0" * 64, 0))
    lifecycle.finish(token, finished)


def finish_naive(ids: Sequence[str]) -> None:
    """Naive rows as their task leaves them."""
    from django.db.models.functions import Now

    from benchmarks.naive.models import Request

    Request.objects.filter(pk__in=ids).update(
        status="answered", prediction="soon", confidence=0.7, probabilities=[0.1, 0.7, 0.1, 0.1],
        model_version="bench", answered_at=Now(),
    )  # fmt: skip


def committed_at() -> dict[UUID, float]:
    """When each first answer was committed, in seconds of this machine's clock."""
    found = execute(
        "SELECT request_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))"
        " FROM triage_triageanswer WHERE sequence = 1"
    )
    return {row[0]: float(row[1]) for row in found}


def fill_finished(total: int, chunk: int) -> None:
    """`total` finished rows with their answers, and 1,000 open ones beside, all of one client.

    Copies of one real row: what the documents hold does not change a plan.
    """
    Backlog(1_000).lay_ours()
    found = execute("SELECT id FROM triage_triagerequest WHERE answer = 'open'")
    known = found[0][0]
    finish([known])
    execute("CREATE TEMPORARY TABLE IF NOT EXISTS made (id uuid, at timestamptz)")
    # Copies of rows that hold together; checking each again would take most of the time.
    execute("SET session_replication_role = replica")
    for start in range(0, total, chunk):
        execute(
            "INSERT INTO made SELECT uuidv7(), now() - n * interval '3 s'"
            " FROM generate_series(1, %s) AS n",
            min(chunk, total - start),
        )
        _copy("triage_triagerequest", "id", known, id="made.id", accepted_at="made.at")
        _copy("triage_triagepayload", "request_id", known, request_id="made.id", sealed="''")
        _copy(
            "triage_triageanswer", "request_id", known, id="DEFAULT", request_id="made.id",
            answered_at="made.at",
        )  # fmt: skip
        execute("TRUNCATE made")
    execute("SET session_replication_role = origin")
    # What PostgreSQL has still to do for a million rows would be measured with the statements.
    execute("VACUUM ANALYZE triage_triagerequest, triage_triagepayload, triage_triageanswer")
    execute("CHECKPOINT")


def _copy(table: str, by: str, known: UUID, **other: str) -> None:
    """The known row of the table once for each row of `made`, with these columns otherwise."""
    columns = [name for name in _columns(table) if other.get(name) != "DEFAULT"]
    values = ", ".join(other.get(name, f"original.{name}") for name in columns)
    execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM made,"  # noqa: S608
        f" (SELECT * FROM {table} WHERE {by} = %s) AS original",
        known,
    )


def _columns(table: str) -> list[str]:
    """All but those that PostgreSQL makes of others."""
    found = execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped AND attgenerated = ''",
        table,
    )
    return [row[0] for row in found]


def ours_unfinished() -> bool:
    found = execute(
        "SELECT EXISTS (SELECT FROM triage_triagerequest WHERE work IN ('due', 'leased'))"
    )
    return bool(found[0][0])


def naive_is_finished() -> bool:
    found = execute("SELECT EXISTS (SELECT FROM naive_request WHERE status = 'open')")
    return not found[0][0]


def naive_finished() -> int:
    return int(execute("SELECT count(*) FROM naive_log")[0][0])
