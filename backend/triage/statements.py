"""The SQL of the lifecycle. Each statement is one transition of many rows at once.

Rows come in and go out as one JSON parameter; `ANSWER` is the record that a stored answer, a
stored fallback and a finished prediction share, so that each can be copied into the next.
All times are PostgreSQL's. Rows that several statements may want are locked in id order.

Statistics may be of another day: of a table that was empty, or one in which every row was due. So
what is found by a partial index is asked for in that index' order, and what was found is gone back
to by `id = ANY(ARRAY(...))`: of a join with as many rows as the planner then expects, it makes a
walk over the whole table. For the same reason each row looks up its own payload. `attempt + 0` has
no statistics that could be wrong. The plans are looked at by `tests/integration/test_plans.py`.
"""

from typing import Final

# `arrived` is a row of the request and its payload; see `lifecycle.submit`.
_ARRIVED: Final = """jsonb_to_recordset(%(rows)s::jsonb) AS arrived(
    id uuid, client_id bigint, patient_reference text, priority smallint, arm text,
    experiment text, phase integer, batch uuid, idempotency_key text, fingerprint text,
    final boolean, sealed text, fallback jsonb)"""

_ANSWER_COLUMNS: Final = """level, care_level, confidence, probabilities, method, ab_group,
    decided_by, fallback, needs_review, reason, model_version, model_digest, rules_version,
    explanation, trace"""

_ANSWER_RECORD: Final = """(level smallint, care_level text, confidence double precision,
    probabilities jsonb, method text, ab_group text, decided_by text, fallback boolean,
    needs_review boolean, reason text, model_version text, model_digest text, rules_version text,
    explanation jsonb, trace jsonb)"""

# The payload `p` of a row, looked up by its id whatever the planner believes of the table.
PAYLOAD: Final = """CROSS JOIN LATERAL (
        SELECT * FROM triage_triagepayload WHERE request_id = {of} LIMIT 1) AS p"""

# The rules' own log, out of the stored answer of the rules. It has no probabilities.
_RULES_LOG: Final = """'rules', p.fallback->>'rules_version', p.fallback->>'rules_version',
    (p.fallback->>'level')::smallint, 0.0, NULL::jsonb"""

_NOTIFY: Final = "SELECT pg_notify('triage_answered', '') WHERE EXISTS (SELECT FROM answers)"

# Events go with the change itself, and with each event its messages to the client's webhooks. An
# endpoint that is just being deleted is passed over: no webhook may make a change fail.
_EVENT: Final = "INSERT INTO triage_event (request_id, sequence, kind, level)"
_DELIVERIES: Final = """
deliveries AS (
    INSERT INTO triage_delivery (id, endpoint_id, request_id, sequence, kind, state, attempt,
        attempts)
    SELECT gen_random_uuid(), w.id, events.request_id, events.sequence, events.kind, 'due', 0, '[]'
    FROM events JOIN {requests} AS r ON r.id = events.request_id
    JOIN triage_webhookendpoint AS w ON w.client_id = r.client_id
    WHERE w.enabled AND jsonb_exists(w.kinds, events.kind)
    FOR KEY SHARE OF w
    ON CONFLICT (endpoint_id, request_id, sequence) DO NOTHING)"""
_DELIVERED: Final = _DELIVERIES.format(requests="triage_triagerequest")

# The internal client of synthetic requests, and what a count of patients adds to its WHERE.
CANARY_CLIENT: Final = "canary"
PATIENTS_ONLY: Final = (
    f"client_id NOT IN (SELECT id FROM clients_client WHERE name = '{CANARY_CLIENT}')"
)
# By the index of open rows, and never more of them than are ever accepted.
OPEN_OF_PATIENTS: Final = f"""(
    SELECT priority, accepted_at, deadline_at FROM triage_triagerequest
    WHERE answer = 'open' AND {PATIENTS_ONLY}
    ORDER BY deadline_at LIMIT %(most)s) AS waiting"""

# What was answered, counted by kind for the metrics: patients' only.
_KINDS: Final = "coalesce(jsonb_agg(jsonb_build_array(level, method, fallback, rows)), '[]')"

# A red flag (`final`) is answered by the same statement that makes its row. The rows were assigned
# under the trial's phase that the web process knew: where another one is current, nothing is
# stored, and the current one is said. So every row agrees with the phase it was committed in, and
# no request asks for the phase. All rows of a statement have the same times; which of them are new
# is said only where some are not. Keys are taken in their order: two statements with the same ones
# could wait for each other, and everybody in them.
ACCEPT: Final = f"""
WITH arrived AS MATERIALIZED (SELECT * FROM {_ARRIVED}),
phase AS MATERIALIZED (
    SELECT coalesce((SELECT id FROM monitoring_phase WHERE current), 0) AS id),
created AS (
    INSERT INTO triage_triagerequest (id, client_id, patient_reference, priority, answer, work,
        attempt, claim_rank, due_at, deadline_at, arm, experiment, phase, batch, idempotency_key,
        fingerprint)
    SELECT id, client_id, patient_reference, priority,
        CASE WHEN final THEN 'answered' ELSE 'open' END, 'due', 0,
        CASE WHEN final THEN 0 ELSE 1 + priority END,
        now(), now() + make_interval(secs => %(deadline)s),
        arm, experiment, phase, batch, idempotency_key, fingerprint
    FROM arrived WHERE %(phase)s = (SELECT id FROM phase)
    ORDER BY client_id, idempotency_key, id
    ON CONFLICT (client_id, idempotency_key) DO NOTHING
    RETURNING id, accepted_at, deadline_at),
payloads AS (
    INSERT INTO triage_triagepayload (request_id, sealed, fallback)
    SELECT id, decode(sealed, 'base64'), fallback
    FROM arrived JOIN created USING (id)),
answers AS (
    INSERT INTO triage_triageanswer (request_id, sequence, {_ANSWER_COLUMNS})
    SELECT arrived.id, 1, given.*
    FROM arrived JOIN created USING (id),
        jsonb_to_record(arrived.fallback) AS given{_ANSWER_RECORD}
    WHERE arrived.final),
logs AS (
    INSERT INTO triage_predictionlog (request_id, predictor, version, digest, level, confidence,
        probabilities, served, latency_us)
    SELECT p.id, {_RULES_LOG}, TRUE, 0
    FROM arrived AS p JOIN created USING (id) WHERE p.final),
events AS (
    {_EVENT}
    SELECT id, 1, 'accepted', NULL FROM created
    UNION ALL
    SELECT id, 2, 'answered', (fallback->>'level')::smallint
    FROM arrived JOIN created USING (id) WHERE final
    RETURNING request_id, sequence, kind),
{_DELIVERIES.format(requests="arrived")}
SELECT (SELECT id FROM phase), min(accepted_at), min(deadline_at),
    CASE WHEN count(*) < (SELECT count(*) FROM arrived) THEN array_agg(id) END
FROM created"""

# Key by key: of all at once a plan that was made early reads every request of the client.
SAME_KEY: Final = """
SELECT given.key, r.id, r.fingerprint FROM unnest(%(keys)s::text[]) AS given(key)
CROSS JOIN LATERAL (
    SELECT id, fingerprint FROM triage_triagerequest
    WHERE client_id = %(client)s AND idempotency_key = given.key LIMIT 1) AS r"""

# What a worker has still to look at, in the order of the index that holds just this. Of what a
# claim changes no index knows anything: it costs the row a new version and no index an entry
# (decision 34). How many rows have not ended, and how many are leased, the planner has counted on
# another day; of these expressions it believes nothing, and takes most rows for ones that fit. So
# it reads in order as far as the limit. By its statistics it would sort all of a backlog.
_DUE: Final = "work || '' <> 'leased'"
_TIME_IS_UP: Final = "due_at + '0 s' <= now()"
_LEASE_OVER: Final = f"work || '' <> 'due' AND {_TIME_IS_UP}"
_MAY_BE_TRIED: Final = "attempt + 0 < %(attempts)s"
UNWORKED: Final = """triage_triagerequest
    WHERE ended + 0 <> 1 AND {which}
    ORDER BY claim_rank DESC, accepted_at"""

# What a worker claimed and did not finish within its lease, and may be tried again or not.
_LOST: Final = f"{_LEASE_OVER} AND {_MAY_BE_TRIED}"
_EXHAUSTED: Final = f"{_LEASE_OVER} AND attempt + 0 >= %(attempts)s"


def _first_leased(which: str, limit: str) -> str:
    """Ids of such rows. Open ones are looked at one and all: no more than `OPEN_HARD_LIMIT` of them
    are accepted. Of answered ones any number may be due, so that only the oldest are looked at;
    what stands behind those waits until they are done."""
    answered = f"(SELECT * FROM {UNWORKED.format(which='claim_rank < 1')} LIMIT 64)"
    return f"""
        (SELECT id FROM {UNWORKED.format(which=f"claim_rank > 0 AND {which}")} LIMIT {limit})
        UNION ALL
        (SELECT id FROM {answered} AS answered WHERE {which} LIMIT {limit})"""


def _are_leased(which: str, limit: str) -> str:
    """The condition that finds these rows and counts them as they are when they are locked: their
    worker may have finished them after this one looked."""
    return f"id = ANY(ARRAY({_first_leased(which, limit)})) AND work = 'leased' AND {which}"


_LEASE: Final = f"""
leased AS (
    UPDATE triage_triagerequest AS r
    SET work = 'leased', attempt = r.attempt + 1, token = %(token)s,
        due_at = now() + make_interval(secs => %(lease)s)
    WHERE r.id = ANY(ARRAY(SELECT id FROM picked))
    RETURNING r.id, r.arm),
claimed AS (
    SELECT leased.id, leased.arm, p.sealed, p.fallback
    FROM leased {PAYLOAD.format(of="leased.id")})"""

# Open before answered, most urgent first, then oldest. First attempts come in batches, later ones
# singly, so that one input that kills its worker can harm only itself. The limit is written into
# the statement: with one that it does not know PostgreSQL plans each claim anew, which takes as
# long as the claim. The first column says whether a lost row waits; it is looked for where the
# claim was not full, and therefore no backlog is to be walked through.
CLAIM: Final = f"""
WITH picked AS (
    SELECT id FROM {UNWORKED.format(which=_DUE)}
    LIMIT {{limit}}
    FOR UPDATE SKIP LOCKED),{_LEASE}
SELECT lost.waits, claimed.*
FROM (SELECT CASE WHEN (SELECT count(*) FROM picked) < {{limit}}
    THEN (SELECT count(*) > 0 FROM ({_first_leased(_LOST, "1")}) AS found)
    ELSE FALSE END AS waits) AS lost
LEFT JOIN claimed ON TRUE"""

CLAIM_LOST: Final = f"""
WITH picked AS (
    SELECT id FROM triage_triagerequest
    WHERE {_are_leased(_LOST, "8")}
    ORDER BY claim_rank DESC, accepted_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED),{_LEASE}
SELECT FALSE, claimed.* FROM claimed"""

# Only rows whose token is still ours and whose lease still runs; anything else changes nothing.
# A row that is already answered gets the late opinion logged, and an amendment if that opinion
# is more urgent (never in the rules arm, once at most). What answered it was its stored fallback:
# the answer itself, which this statement may be too old to see, is not looked at.
#
# Each given row looks up and locks its own request, in id order. A join would leave it to the
# planner, which knows nothing of a token made a moment ago, expects one such row and compares every
# row of the batch with every other. What the rules found is in the stored fallback already: only
# the model's part of an explanation comes with the row.
_WITH_RULES: Final = _ANSWER_COLUMNS.replace("explanation", "found || explanation AS explanation")
FINISH: Final = f"""
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS given(
        id uuid, answer jsonb, digest text, version text, opinion smallint,
        opinion_confidence double precision, opinion_probabilities jsonb, latency_us integer,
        unserved jsonb)),
held AS MATERIALIZED (
    SELECT given.*, r.*, r.{PATIENTS_ONLY} AS of_patient
    FROM (SELECT * FROM given ORDER BY id) AS given, LATERAL (
        SELECT held.answer AS was, held.arm, held.client_id, held.accepted_at,
            p.fallback->'explanation' AS found, (p.fallback->>'level')::smallint AS rules_level
        FROM triage_triagerequest AS held JOIN triage_triagepayload AS p ON p.request_id = held.id
        WHERE held.id = given.id AND held.work = 'leased' AND held.token = %(token)s
            AND held.due_at > clock_timestamp()
        FOR NO KEY UPDATE OF held) AS r),
decided AS MATERIALIZED (
    SELECT id, was, arm, client_id, accepted_at, of_patient, rules_level, digest, version,
        opinion, opinion_confidence, opinion_probabilities, latency_us, unserved, {_WITH_RULES}
    FROM held, jsonb_to_record(held.answer) AS new{_ANSWER_RECORD}),
finished AS (
    UPDATE triage_triagerequest AS r SET work = 'done', token = NULL, claim_rank = 0,
        answer = CASE WHEN r.answer = 'open' THEN 'answered' ELSE r.answer END
    WHERE r.id = ANY(ARRAY(SELECT id FROM held))),
answers AS (
    INSERT INTO triage_triageanswer (request_id, sequence, {_ANSWER_COLUMNS})
    SELECT id, 1, {_ANSWER_COLUMNS} FROM decided WHERE was = 'open'
    UNION ALL
    SELECT id, 2, level, care_level, confidence, probabilities, method, ab_group, decided_by,
        fallback, TRUE, reason, model_version, model_digest, rules_version, explanation,
        trace || jsonb_build_array('amended')
    FROM decided
    WHERE was = 'answered' AND arm <> 'rules' AND level > rules_level
    ON CONFLICT (request_id, sequence) DO NOTHING
    RETURNING request_id, sequence, level, fallback),
events AS (
    {_EVENT}
    SELECT request_id, sequence + 1, CASE sequence WHEN 1 THEN 'answered' ELSE 'amended' END, level
    FROM answers
    RETURNING request_id, sequence, kind),
{_DELIVERIES.format(requests="decided")},
logs AS (
    INSERT INTO triage_predictionlog (request_id, predictor, version, digest, level, confidence,
        probabilities, served, latency_us)
    SELECT id, 'rules', rules_version, rules_version, rules_level, 0.0, NULL::jsonb,
        was = 'open' AND decided_by = 'rules', 0
    FROM decided
    UNION ALL
    SELECT id, 'model', version, digest, opinion, opinion_confidence, opinion_probabilities,
        was = 'open' AND decided_by = 'model', latency_us
    FROM decided WHERE digest <> ''
    UNION ALL
    SELECT id, 'model', beside.version, beside.digest, beside.level, beside.confidence,
        beside.probabilities, FALSE, beside.latency_us
    FROM decided, jsonb_to_recordset(unserved) AS beside(
        version text, digest text, level smallint, confidence double precision,
        probabilities jsonb, latency_us integer)
    ON CONFLICT (request_id, digest) DO NOTHING),
told AS ({_NOTIFY}),
first AS (
    SELECT level, method, fallback, count(*) AS rows
    FROM decided WHERE was = 'open' AND of_patient GROUP BY level, method, fallback)
SELECT count(*) FILTER (WHERE was = 'open'),
    (SELECT count(*) FROM answers WHERE fallback AND sequence = 1),
    count(*),
    (SELECT count(*) FROM answers WHERE sequence = 2),
    (SELECT {_KINDS} FROM first),
    array_agg(extract(epoch FROM clock_timestamp() - accepted_at)::float8)
        FILTER (WHERE was = 'open' AND of_patient),
    (SELECT count(*) FROM told)
FROM decided"""

# The stored fallback becomes the answer. `exhausted` also ends the work and calls a person.
_FALL_BACK: Final = f"""
answers AS (
    INSERT INTO triage_triageanswer (request_id, sequence, {_ANSWER_COLUMNS})
    SELECT chosen.id, 1, given.level, given.care_level, given.confidence, given.probabilities,
        given.method, given.ab_group, given.decided_by, given.fallback,
        given.needs_review OR %(exhausted)s,
        CASE WHEN %(exhausted)s THEN 'attempts_exhausted' ELSE given.reason END,
        given.model_version, given.model_digest, given.rules_version, given.explanation,
        given.trace || CASE WHEN %(exhausted)s
            THEN jsonb_build_array('attempts_exhausted') ELSE '[]'::jsonb END
    FROM chosen {PAYLOAD.format(of="chosen.id")},
        jsonb_to_record(p.fallback) AS given{_ANSWER_RECORD}
    WHERE chosen.answer = 'open'
    RETURNING request_id, level, method, fallback),
events AS (
    {_EVENT}
    SELECT request_id, 2, 'answered', level FROM answers
    RETURNING request_id, sequence, kind),
{_DELIVERIES.format(requests="chosen")},
logs AS (
    INSERT INTO triage_predictionlog (request_id, predictor, version, digest, level, confidence,
        probabilities, served, latency_us)
    SELECT p.request_id, {_RULES_LOG}, TRUE, 0
    FROM answers {PAYLOAD.format(of="answers.request_id")}
    ON CONFLICT (request_id, digest) DO NOTHING),
told AS ({_NOTIFY}),
first AS (
    SELECT level, method, fallback, count(*) AS rows
    FROM answers JOIN chosen ON chosen.id = request_id
    WHERE chosen.{PATIENTS_ONLY} GROUP BY level, method, fallback)
SELECT (SELECT count(*) FROM answers), (SELECT count(*) FROM chosen), (SELECT {_KINDS} FROM first),
    (SELECT count(*) FROM told)"""

# Open rows `which` the caller means, the lock as it wants to wait for others.
FALL_BACK: Final = f"""
WITH chosen AS MATERIALIZED (
    SELECT id, answer, client_id FROM triage_triagerequest
    WHERE answer = 'open' AND {{which}}
    ORDER BY id FOR NO KEY UPDATE {{lock}}),
closed AS (
    UPDATE triage_triagerequest SET answer = 'answered', claim_rank = 0
    WHERE id = ANY(ARRAY(SELECT id FROM chosen))),
{_FALL_BACK}"""

# The statement's time, not the clock's: only what does not change meanwhile can use an index.
OVERDUE: Final = """deadline_at <= statement_timestamp() AND id = ANY(ARRAY(
    SELECT id FROM triage_triagerequest
    WHERE answer = 'open' AND deadline_at <= statement_timestamp()
    ORDER BY deadline_at LIMIT %(limit)s))"""
OVERDUE_OF_THESE: Final = "deadline_at <= statement_timestamp() AND id = ANY(%(ids)s)"
THESE: Final = "id = ANY(%(ids)s)"

ABANDON: Final = f"""
WITH chosen AS MATERIALIZED (
    SELECT id, answer, client_id FROM triage_triagerequest
    WHERE {_are_leased(_EXHAUSTED, "%(limit)s")}
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED),
closed AS (
    UPDATE triage_triagerequest SET work = 'abandoned', token = NULL, claim_rank = 0,
        answer = CASE WHEN answer = 'open' THEN 'answered' ELSE answer END
    WHERE id = ANY(ARRAY(SELECT id FROM chosen))),
{_FALL_BACK}"""

# Somebody should have claimed it long ago: the ring was lost, or nobody hears one. EXISTS would not
# look in the order of the index.
_LONG_DUE: Final = (
    f"due_at + '0 s' <= now() - make_interval(secs => %(seconds)s) AND {_MAY_BE_TRIED}"
)
UNRUNG: Final = f"""
SELECT count(*) > 0 FROM (SELECT FROM {UNWORKED.format(which=_LONG_DUE)} LIMIT 1) AS found"""

CANCEL: Final = f"""
WITH answers AS (
    UPDATE triage_triagerequest SET answer = 'cancelled', claim_rank = 0,
        work = CASE WHEN work = 'due' THEN 'abandoned' ELSE work END
    WHERE id = %(id)s AND client_id = %(client)s AND answer = 'open'
    RETURNING id),
events AS (
    {_EVENT}
    SELECT id, 2, 'cancelled', NULL FROM answers
    RETURNING request_id, sequence, kind),
{_DELIVERED},
told AS ({_NOTIFY})
SELECT id, (SELECT count(*) FROM told) FROM answers"""

# A rehearsal's requests happened when its records did: every time of a finished one is moved by the
# same amount, so that waits and delays stay what they were.
BACKDATE: Final = """
WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS given(id uuid, at timestamptz)),
moved AS MATERIALIZED (
    SELECT r.id, given.at - r.accepted_at AS back
    FROM triage_triagerequest AS r JOIN given USING (id)
    WHERE r.work IN ('done', 'abandoned') ORDER BY r.id FOR NO KEY UPDATE OF r),
answers AS (
    UPDATE triage_triageanswer AS a SET answered_at = a.answered_at + back
    FROM moved WHERE a.request_id = moved.id),
logs AS (
    UPDATE triage_predictionlog AS l SET created_at = l.created_at + back
    FROM moved WHERE l.request_id = moved.id),
labels AS (
    UPDATE triage_clinicianlabel AS l SET created_at = l.created_at + back
    FROM moved WHERE l.request_id = moved.id)
UPDATE triage_triagerequest AS r SET replayed = TRUE, accepted_at = r.accepted_at + back,
    deadline_at = r.deadline_at + back, due_at = r.due_at + back
FROM moved WHERE r.id = moved.id"""

DUE: Final = f"SELECT id FROM {UNWORKED.format(which=_TIME_IS_UP)} LIMIT %(limit)s"
