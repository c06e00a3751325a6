"""Facts to test with, stores to keep them in, and an account of calls that is told plainly, in Python."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent_deploy.telemetry.facts.fact import COLUMNS, Fact
from agent_deploy.telemetry.facts.store import FactStore
from registry.stores import Store, open_store

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
EARLY = datetime(1, 1, 1, tzinfo=UTC)

_STAMPS = ("workflow", "environment", "version", "tag", "digest", "generation", "tenant", "user", "conversation")
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


def fact(number: int = 1, step: int = 0, at: datetime = NINE, **changes: Any) -> Fact:
    """Step `step` of call `number`: 0 is its root, any other a model call under it, a second later each.

    The root starts two seconds after `at`, so that a call at the beginning of an hour lies in it by any clock.
    """
    root = f"{number:015x}0"
    values: dict[str, Any] = {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:015x}{step:x}",
        "parent_span_id": root if step else "",
        "call_id": root,
        "kind": "model" if step else "call",
        "name": "chat gpt-5-mini" if step else "invoke_workflow support-triage",
        "started_at": at + timedelta(seconds=2 + step),
        "duration_ms": 1250.5,
        "workflow": "support-triage",
        "environment": "production",
        "version": 41,
        "tenant": "acme",
    }
    if step:
        values |= {"provider": "openai", "model": "gpt-5-mini", "input_tokens": 100, "output_tokens": 7}
    return Fact(**{**values, **changes})


def call(number: int, at: datetime = NINE, steps: int = 2, **changes: Any) -> list[Fact]:
    """A root and its steps."""
    return [fact(number, step, at, **changes) for step in range(steps + 1)]


def kept_in(folder: Path, *, at: datetime = NINE + 2 * HOUR, store: Store | None = None) -> FactStore:
    """A store of facts in a folder, or before another store; its clock stands still."""
    return FactStore(store or open_store(str(folder / "store")), folder / "own", clock=lambda: at)


def seal(facts: FactStore, given: Sequence[Fact]) -> None:
    """Put these facts into segments of their own."""
    facts.spool().append(given)
    facts.seal(everything=True)


def read_facts(facts: FactStore, since: datetime | None = None, until: datetime | None = None) -> list[Fact]:
    """What the view `facts` gives, in the order of identities."""
    connection = facts.connection(since=since, until=until)
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    rows = connection.execute(f"SELECT {names} FROM facts ORDER BY trace_id, span_id").fetchall()  # noqa: S608
    found = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return [Fact(**{**row, "started_at": row["started_at"].replace(tzinfo=UTC)}) for row in found]


def read_calls(facts: FactStore, since: datetime | None = None, until: datetime | None = None) -> list[dict[str, Any]]:
    """What the view `calls` gives, in the order of keys."""
    connection = facts.connection(since=since, until=until)
    found = connection.execute("SELECT * FROM calls ORDER BY trace_id, key")
    names = [column[0] for column in found.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return [{**row, "started_at": row["started_at"].replace(tzinfo=UTC)} for row in rows]


def calls_of(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    """The same, counted plainly."""
    by_call: dict[tuple[str, str], dict[str, Fact]] = defaultdict(dict)
    for one in facts:
        by_call[one.trace_id, one.call_id].setdefault(one.span_id, one)
    told = [_call(trace, call, list(spans.values())) for (trace, call), spans in by_call.items()]
    return sorted(told, key=lambda row: (row["trace_id"], row["key"]))


def _call(trace: str, call_id: str, spans: list[Fact]) -> dict[str, Any]:
    root = _root(call_id, spans)
    models = [span for span in spans if span.kind == "model"]
    names = {span.model for span in models}
    again = [span.kind for span in spans if span.attempt > 1]
    return {
        "key": call_id or trace,
        "trace_id": trace,
        **{name: max(getattr(span, name) for span in spans) for name in _STAMPS},
        "request_id": root.request_id if root else "",
        "started_at": root.started_at if root else min(span.started_at for span in spans),
        "duration_ms": root.duration_ms if root else None,
        "rooted": root is not None,
        "failed": root.failed if root else False,
        "failure_mode": root.failure_mode if root else "",
        "error_type": root.error_type if root else "",
        "outcome": (root.outcome if root else "") or max(span.outcome for span in spans),
        "confidence": _own_or_least(root, spans, "confidence"),
        "score": _own_or_least(root, spans, "score"),
        "score_passed": _all([span.score_passed for span in spans if span.score_passed is not None]),
        "model_calls": len(models),
        "tool_calls": sum(span.kind == "tool" for span in spans),
        "retries": max(again.count("attempt"), len(again) - again.count("attempt")),
        **{name: _sum(getattr(span, name) for span in models) for name in _TOKENS},
        "model": "several" if len(names) > 1 else "".join(names),
    }


def _root(call_id: str, spans: list[Fact]) -> Fact | None:
    calls = [span for span in spans if span.kind == "call" and call_id in ("", span.span_id)]
    return min(calls, key=lambda span: (span.parent_span_id != "", span.started_at, span.span_id), default=None)


def _own_or_least(root: Fact | None, spans: list[Fact], name: str) -> float | None:
    own = getattr(root, name) if root else None
    if own is not None:
        return float(own)
    return min((getattr(span, name) for span in spans if getattr(span, name) is not None), default=None)


def _sum(values: Iterable[int | None]) -> int | None:
    said = [value for value in values if value is not None]
    return sum(said) if said else None


def _all(values: list[bool]) -> bool | None:
    return all(values) if values else None


numbers = itertools.count(1)
