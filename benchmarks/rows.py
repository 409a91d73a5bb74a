"""The rows that both services work on: synthetic patients, accepted once and laid again."""

import json
from typing import Any

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
        execute("CREATE TABLE bench_request AS TABLE triage_triagerequest")
        execute("CREATE TABLE bench_payload AS TABLE triage_triagepayload")
        execute("CREATE TABLE bench_answer AS TABLE triage_triageanswer")
        execute("CREATE TABLE bench_log AS TABLE triage_predictionlog")
        self._naive = [Request(**body) for body in self.bodies]

    def lay_ours(self) -> None:
        """All rows due and open (or answered by a red flag), as just accepted."""
        empty()
        execute("INSERT INTO triage_triagerequest SELECT * FROM bench_request")
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
    """No request of either service is left."""
    execute("TRUNCATE triage_triagerequest, naive_request CASCADE")


def execute(statement: str, *parameters: Any) -> list[Any]:
    """One statement in this process' connection."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return list(cursor.fetchall()) if cursor.description else []


def ours_unfinished() -> bool:
    found = execute(
        "SELECT EXISTS (SELECT FROM triage_triagerequest WHERE work IN ('due', 'leased'))"
    )
    return bool(found[0][0])


def naive_finished() -> int:
    return int(execute("SELECT count(*) FROM naive_log")[0][0])
