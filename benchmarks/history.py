"""Weeks of traced calls, made quickly: segments as sealing and compaction leave them, hour by hour.

Facts are made in DuckDB instead of one span at a time; segments are written by the product's own functions, so that
every file is what an import of the same spans would have left. Ids are random digits, which no compression helps.
"""

# ruff: noqa: S608 - every name and literal in this SQL is our own

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from agent_deploy.telemetry.facts.engine import open_engine
from agent_deploy.telemetry.facts.fact import COLUMNS
from agent_deploy.telemetry.facts.files import note_written
from agent_deploy.telemetry.facts.rollup import segment_sql
from agent_deploy.telemetry.facts.segments import HOUR, list_segments
from agent_deploy.telemetry.facts.sums import SUMS_KEY
from agent_deploy.telemetry.facts.writing import put_hours
from benchmarks.context import say
from registry.stores import open_store
from registry.times import from_text, now, to_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WORKFLOW, ENVIRONMENT = "support-triage", "production"
OLDER, NEWER = 41, 42
_TENANTS = 40
PROMOTED_BEFORE_END = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class History:
    """So many calls, evenly over the days that end at a moment. facts: how many rows they are."""

    folder: Path
    until: datetime
    facts: int

    @property
    def store(self) -> Path:
        """Where the segments are."""
        return self.folder / "store"

    @property
    def state(self) -> Path:
        """What this machine keeps for itself."""
        return self.folder / "state"


def kept_history(cache: Path, calls: int, days: int) -> History:
    """So many calls over so many days, made unless they are there already; another one when segments are made in
    another way.
    """
    folder = cache / f"facts-{calls}-{days}-{_made_how()}"
    whole = folder / "whole"
    if not whole.exists():
        say(f"  making {calls:,} calls over {days} days, once")
        for outdated in cache.glob(f"facts-{calls}-{days}-*"):
            shutil.rmtree(outdated, ignore_errors=True)
        until = now().replace(minute=0, second=0, microsecond=0)
        facts = _write(folder / "store", folder / "state" / "facts", calls, days, until)
        whole.write_text(f"{to_text(until)} {facts}")
    until_text, count = whole.read_text().split()
    return History(folder, from_text(until_text), int(count))


def _made_how() -> str:
    made = [segment_sql("t"), SUMS_KEY, _facts_sql(datetime.fromtimestamp(0, UTC), 1, 1)]
    return hashlib.sha256("\n".join(made).encode()).hexdigest()[:8]


def _write(folder: Path, state: Path, calls: int, days: int, until: datetime) -> int:
    """The segments; noted in `state` as written here, as an import would. How many facts that was."""
    store = open_store(str(folder))
    state.mkdir(parents=True)
    hours = [until - HOUR * number for number in range(days * 24, 0, -1)]
    each, facts = calls // len(hours), 0
    with TemporaryDirectory(dir=state) as scratch, open_engine(Path(scratch)) as connection:
        connection.execute("SELECT setseed(0.42)")
        connection.execute(f"CREATE TEMP TABLE later AS {_facts_sql(until, 0, OLDER)}")
        for number, hour in enumerate(hours):
            version = NEWER if hour >= until - PROMOTED_BEFORE_END else OLDER
            _make_hour(connection, hour, each, version)
            segments, count = put_hours(connection, "made", store, Path(scratch))
            note_written(store, state, segments)
            facts += count
            if number % 72 == 71:
                say(f"  made {(number + 1) * each:,} of {calls:,} calls")
    return facts


def _make_hour(connection: DuckDBPyConnection, hour: datetime, calls: int, version: int) -> None:
    """The table `made`, of one hour's facts; what is of the next hour waits in `later`."""
    rows = f"{_facts_sql(hour, calls, version)} UNION ALL FROM later"
    of_next = f"started_at >= {_literal(hour + HOUR)}"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE made AS {rows};
        CREATE OR REPLACE TEMP TABLE later AS FROM made WHERE {of_next};
        DELETE FROM made WHERE {of_next}"""
    )


def disk_bytes(folder: Path) -> int:
    """What the segments of a store take."""
    return sum(segment.size for segment in list_segments(open_store(str(folder))))


def _facts_sql(hour: datetime, calls: int, version: int) -> str:
    """The facts of the calls that begin in an hour; some of their steps are of the next."""
    made = f"""
        SELECT {_digits(32)} AS trace, {_digits(16)} AS root,
            {_literal(hour)} + to_microseconds((random() * 3.6e9)::BIGINT) AS began,
            1.0 + random() * random() * 8 AS slow, random() AS luck,
            'tenant-' || floor(power(random(), 3) * {_TENANTS})::INT AS tenant,
            (150 + random() * random() * 1200)::BIGINT AS asked, (20 + random() * 180)::BIGINT AS answered
        FROM range({calls})"""
    common = {
        "trace_id": "trace", "call_id": "root", "workflow": f"'{WORKFLOW}'", "environment": f"'{ENVIRONMENT}'",
        '"version"': str(version), "tag": f"'1.0.{version}'", "digest": f"'sha256:{version:064x}'",
        "generation": str(version), "tenant": "tenant", "origin": "'agent_deploy'",
    }  # fmt: skip
    root = {
        "span_id": "root", "kind": "'call'", "name": "'invoke_workflow'", "started_at": "began",
        "duration_ms": "round(slow * 150, 3)", "failed": "luck < 0.03",
        "failure_mode": "CASE WHEN luck < 0.01 THEN 'timeout' WHEN luck < 0.03 THEN 'parse_error' ELSE '' END",
        "outcome": "CASE WHEN luck < 0.03 THEN '' WHEN luck < 0.7 THEN 'resolved' ELSE 'escalated' END",
        "confidence": "round(luck, 2)", "score_passed": "CASE WHEN luck > 0.9 THEN luck > 0.92 END",
    }  # fmt: skip
    model = {
        "span_id": _digits(16), "parent_span_id": "root", "kind": "'model'", "name": "'chat gpt-4o-mini'",
        "started_at": "began + to_milliseconds(2)", "duration_ms": "round(slow * 120, 3)", "provider": "'openai'",
        "model": "'gpt-4o-mini'", "input_tokens": "asked", "output_tokens": "answered",
        "cache_read_tokens": "asked // 4", "failed": "luck < 0.01",
        "failure_mode": "CASE WHEN luck < 0.01 THEN 'timeout' ELSE '' END",
    }  # fmt: skip
    tool = {
        "span_id": _digits(16), "parent_span_id": "root", "kind": "'tool'", "name": "'execute_tool lookup_order'",
        "tool": "'lookup_order'", "started_at": "began + to_milliseconds(130)", "duration_ms": "round(slow * 20, 3)",
        "failed": "luck > 0.99",
    }  # fmt: skip
    again = {**model, "started_at": "began + to_milliseconds(140)"}
    parts = [(root, "true"), (model, "true"), (tool, "luck > 0.5"), (again, "luck < 0.1")]
    rows = (f"SELECT {_columns({**common, **own})} FROM made WHERE {condition}" for own, condition in parts)
    return f"WITH made AS MATERIALIZED ({made}) " + " UNION ALL ".join(rows)


def _literal(moment: datetime) -> str:
    return f"TIMESTAMP '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"


def _columns(said: dict[str, str]) -> str:
    empty = {"VARCHAR": "''", "BOOLEAN": "false"}
    unsaid = {
        "version": "0", "generation": "0", "attempt": "0", "duration_ms": "0.0", "parse_ok": "NULL",
        "score_passed": "NULL",
    }  # fmt: skip
    values = (
        said.get(name) or said.get(f'"{name}"') or unsaid.get(name) or empty.get(kind, "NULL")
        for name, kind in COLUMNS.items()
    )
    pairs = zip(values, COLUMNS.items(), strict=True)
    return ", ".join(f'({value})::{kind} AS "{name}"' for value, (name, kind) in pairs)


def _digits(count: int) -> str:
    """So many random hexadecimal digits, new ones in each row."""
    return (
        "concat(" + ", ".join("printf('%08x', floor(random() * 4294967296)::BIGINT)" for _ in range(count // 8)) + ")"
    )
