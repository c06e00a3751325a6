"""The views that queries see: `facts`, a row a span, and `calls`, a row a call. Pure: from relations to SQL.

They stand on three relations, which reach beyond the time range by some slack: `whole`, the hours whose segments can
share no fact, with their sums; `loose`, all other facts (hours of several segments, and the spool); and `outside`, the
loose facts and the stray ones of `whole`.
"""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from agent_deploy.telemetry.facts.engine import quoted
from agent_deploy.telemetry.facts.rollup import ANY_STAMP, CALL_NUMBER, ROOT, STAMPS, SUMS, SUMS_OF_PARTS, TOKENS
from agent_deploy.telemetry.facts.rows import COLUMN_LIST

_IDENTITY = "hash(trace_id, span_id)"

# What a call has from its root.
_OF_ROOT = (
    "started_at", "duration_ms", "failed", "failure_mode", "error_type", "request_id", "outcome", "confidence", "score",
)  # fmt: skip
# Where the root is not named, the least of these is it: a call span without a parent, then the earliest.
_LEAST = "{'parented': parent_span_id <> '', 'at': started_at, 'span_id': span_id, "
_LEAST += ", ".join(f"'{name}': {name}" for name in _OF_ROOT) + "}"
# Of a row in `whole`: it is the root of a call, with the sums of it.
IS_ROOT = "call_model_calls IS NOT NULL"
_KEY = "CASE WHEN call_id = '' THEN trace_id ELSE call_id END AS key"
_FIGURES = f"""call_score_passed AS score_passed, call_model_calls AS model_calls, call_tool_calls AS tool_calls,
    greatest(call_attempts, call_retried) AS retries, {", ".join(f"call_{name} AS {name}" for name in TOKENS)},
    CASE WHEN call_model_first < call_model_last THEN 'several' ELSE coalesce(call_model_first, '') END AS model"""

# What the root says of these, else what any step does.
_OWN_OR_ANY = """coalesce(nullif(outcome, ''), call_outcome) AS outcome,
    coalesce(confidence, call_confidence) AS confidence, coalesce(score, call_score) AS score"""
NO_SUMS = ", ".join(f"NULL::{one.kind} AS {name}" for name, one in SUMS.items())


@dataclass(frozen=True, slots=True)
class Outside:
    """What there is in `outside`: calls with an id, and calls without. torn: some of them have a root in `whole`, and
    these roots are in the table `torn`.
    """

    named: bool
    unnamed: bool
    torn: bool


def identities_sql(relation: str) -> str:
    """Of each fact of a relation: `fact`, a hash of what it is, `call`, the number of its call, and whether it is a
    `root`.

    Two facts hardly ever share a hash, and it does no harm if they do.
    """
    return f"SELECT {_IDENTITY} AS fact, {CALL_NUMBER} AS call, {ROOT} AS root FROM {relation}"


def once_sql(relation: str) -> str:
    """The facts of a relation, each once; the table `repeated` holds the hashes of those to look at."""
    return f"""
        SELECT {COLUMN_LIST} FROM {relation} WHERE {_IDENTITY} NOT IN (FROM repeated)
        UNION ALL
        SELECT DISTINCT ON (trace_id, span_id) {COLUMN_LIST} FROM {relation} WHERE {_IDENTITY} IN (FROM repeated)"""


def facts_sql(since: datetime | None, until: datetime | None) -> str:
    """The facts that started within the range."""
    within = within_sql(since, until)
    parts = (f"SELECT {COLUMN_LIST} FROM {relation} WHERE {within}" for relation in ("whole", "loose"))
    return " UNION ALL ".join(parts)


def calls_sql(since: datetime | None, until: datetime | None, outside: Outside) -> str:
    """The calls that started within the range, those whose root never came too.

    A root in `whole` brings the sums of its call along. The others are put together here.
    """
    within = within_sql(since, until)
    untorn = f"{within} AND call_number NOT IN (SELECT call_number FROM torn)" if outside.torn else within
    alone = whole_calls_sql("whole", untorn)
    ways = [_joined("call_id <> ''", "any_value({name}) FILTER (kind = 'call' AND span_id = call_id)")] * outside.named
    ways += [_joined("call_id = ''", f"(min({_LEAST}) FILTER (kind = 'call'))" + "['{name}']")] * outside.unnamed
    if not ways:
        return alone
    torn = f"UNION ALL SELECT {COLUMN_LIST}, {', '.join(SUMS)} FROM torn" if outside.torn else ""
    return f"""
        WITH parts AS NOT MATERIALIZED (SELECT {COLUMN_LIST}, {NO_SUMS} FROM outside {torn}),
            joined AS NOT MATERIALIZED ({" UNION ALL ".join(ways)})
        {alone}
        UNION ALL
        SELECT {_KEY}, trace_id, {", ".join(STAMPS)}, coalesce(request_id, ''), coalesce(started_at, first_at),
            duration_ms, started_at IS NOT NULL, coalesce(failed, false), coalesce(failure_mode, ''),
            coalesce(error_type, ''), {_OWN_OR_ANY}, {_FIGURES}
        FROM joined WHERE {within_sql(since, until, "coalesce(started_at, first_at)")}"""


def whole_calls_sql(relation: str, condition: str = "true") -> str:
    """The calls whose root is in a relation with its sums."""
    return f"""
        SELECT {_KEY}, trace_id, {", ".join(STAMPS)}, request_id, started_at, duration_ms, true AS rooted, failed,
            failure_mode, error_type, {_OWN_OR_ANY}, {_FIGURES}
        FROM {relation} WHERE {IS_ROOT} AND {condition}"""


def _joined(condition: str, of_root: str) -> str:
    """The calls of the rows in `parts` that this is so for. of_root: how a column of the root is had."""
    root = ", ".join(f"{of_root.replace('{name}', name)} AS root_{name}" for name in _OF_ROOT)
    names = ", ".join(f"root_{name} AS {name}" for name in _OF_ROOT)
    return f"""
        SELECT trace_id, call_id, {", ".join(STAMPS)}, first_at, {", ".join(SUMS)}, {names} FROM (
            SELECT trace_id, call_id, {ANY_STAMP}, min(started_at) AS first_at, {SUMS_OF_PARTS}, {root}
            FROM parts WHERE {condition} GROUP BY trace_id, call_id)"""


def within_sql(since: datetime | None, until: datetime | None, moment: str = "started_at") -> str:
    """The condition that a moment is in [since, until)."""
    bounds = [f"{moment} >= {_literal(since)}"] if since is not None else []
    bounds += [f"{moment} < {_literal(until)}"] if until is not None else []
    return " AND ".join(bounds) or "true"


def _literal(moment: datetime) -> str:
    return f"TIMESTAMP {quoted(moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))}"
