"""The views that queries see: `facts`, a row a span, and `calls`, a row a call. Pure: from relations to SQL.

They stand on two relations: `whole`, the segments that are alone in their hour, with their sums, and `loose`, all other
facts within reach (hours of several segments, and the spool). Both reach beyond the time range by some slack.
"""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from datetime import UTC, datetime

from agent_deploy.telemetry.facts.engine import quoted
from agent_deploy.telemetry.facts.rollup import SUMS, SUMS_OF_PARTS, SUMS_OF_ROWS, TOKENS
from agent_deploy.telemetry.facts.rows import COLUMN_LIST

_IDENTITY = "hash(trace_id, span_id)"
_CALL = "hash(trace_id, call_id)"

# What every span of a call is stamped with; of the spans of others, where only some say it, what those say.
_STAMPS = ("workflow", "environment", '"version"', "tag", "digest", "generation", "tenant", '"user"', "conversation")
_ANY_STAMP = ", ".join(f"max({name}) AS {name}" for name in _STAMPS)
# What a call has from its root. In this order the least of several is the root: without a parent, then the earliest.
_ROOT = """{'parented': parent_span_id <> '', 'started_at': started_at, 'span_id': span_id, 'duration_ms': duration_ms,
    'failed': failed, 'failure_mode': failure_mode, 'error_type': error_type, 'request_id': request_id,
    'outcome': outcome, 'confidence': confidence, 'score': score}"""
_MAY_BE_ROOT = "kind = 'call' AND (span_id = call_id OR call_id = '')"

_KEY = "CASE WHEN call_id = '' THEN trace_id ELSE call_id END AS key"
_FIGURES = f"""call_score_passed AS score_passed, call_model_calls AS model_calls, call_tool_calls AS tool_calls,
    greatest(call_attempts, call_retried) AS retries, {", ".join(f"call_{name} AS {name}" for name in TOKENS)},
    CASE WHEN call_model_first < call_model_last THEN 'several' ELSE coalesce(call_model_first, '') END AS model"""


def repeated_sql(relation: str) -> str:
    """The hashes of the identities that come more than once in a relation; hardly ever one of another."""
    return f"SELECT h FROM (SELECT {_IDENTITY} AS h FROM {relation}) GROUP BY h HAVING count(*) > 1"


def once_sql(relation: str) -> str:
    """The facts of a relation, each once; the table `repeated` says which to look at."""
    return f"""
        SELECT {COLUMN_LIST} FROM {relation} WHERE {_IDENTITY} NOT IN (FROM repeated)
        UNION ALL
        SELECT DISTINCT ON (trace_id, span_id) {COLUMN_LIST} FROM {relation} WHERE {_IDENTITY} IN (FROM repeated)"""


def facts_sql(since: datetime | None, until: datetime | None) -> str:
    """The facts that started within the range."""
    within = within_sql(since, until)
    parts = (f"SELECT {COLUMN_LIST} FROM {relation} WHERE {within}" for relation in ("whole", "loose"))
    return " UNION ALL ".join(parts)


def calls_sql(since: datetime | None, until: datetime | None) -> str:
    """The calls that started within the range, those whose root never came too.

    A root in `whole` brings the sums of its call along. Only calls with a row elsewhere are put together here.
    """
    within = within_sql(since, until)
    stamps, sums = ", ".join(_STAMPS), ", ".join(SUMS)
    return f"""
        WITH stray AS MATERIALIZED (
                SELECT {COLUMN_LIST} FROM loose UNION ALL SELECT {COLUMN_LIST} FROM whole WHERE stray),
            elsewhere AS MATERIALIZED (SELECT DISTINCT {_CALL} AS h FROM stray),
            roots AS (SELECT * FROM whole WHERE call_model_calls IS NOT NULL),
            parts AS (
                SELECT trace_id, call_id, {_ANY_STAMP}, min(started_at) AS first_at,
                    min({_ROOT}) FILTER ({_MAY_BE_ROOT}) AS root, {SUMS_OF_ROWS}
                FROM stray GROUP BY trace_id, call_id
                UNION ALL
                SELECT trace_id, call_id, {stamps}, started_at, {_ROOT}, {sums}
                FROM roots WHERE {_CALL} IN (FROM elsewhere)),
            joined AS (
                SELECT trace_id, call_id, {_ANY_STAMP}, min(first_at) AS first_at, min(root) AS root, {SUMS_OF_PARTS}
                FROM parts GROUP BY trace_id, call_id)
        SELECT {_KEY}, trace_id, {stamps}, request_id, started_at, duration_ms, true AS rooted, failed, failure_mode,
            error_type, {_own_or_any("outcome", "confidence", "score")}, {_FIGURES}
        FROM roots WHERE {within} AND {_CALL} NOT IN (FROM elsewhere)
        UNION ALL
        SELECT {_KEY}, trace_id, {stamps}, coalesce(root.request_id, ''), coalesce(root.started_at, first_at) AS at,
            root.duration_ms, root IS NOT NULL, coalesce(root.failed, false), coalesce(root.failure_mode, ''),
            coalesce(root.error_type, ''), {_own_or_any("root.outcome", "root.confidence", "root.score")}, {_FIGURES}
        FROM joined WHERE {within_sql(since, until, "coalesce(root.started_at, first_at)")}"""


def within_sql(since: datetime | None, until: datetime | None, moment: str = "started_at") -> str:
    """The condition that a moment is in [since, until)."""
    bounds = [f"{moment} >= {_literal(since)}"] if since is not None else []
    bounds += [f"{moment} < {_literal(until)}"] if until is not None else []
    return " AND ".join(bounds) or "true"


def _own_or_any(outcome: str, confidence: str, score: str) -> str:
    """What the root says of these, else what any step does."""
    return f"""coalesce(nullif({outcome}, ''), call_outcome) AS outcome,
        coalesce({confidence}, call_confidence) AS confidence, coalesce({score}, call_score) AS score"""


def _literal(moment: datetime) -> str:
    return f"TIMESTAMP {quoted(moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))}"
