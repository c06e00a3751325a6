"""Sums in segments' footers: with what the views have left, they tell the same as all rows do."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_deploy.telemetry.facts import sums
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.relations import leave_out, whole_hours
from agent_deploy.telemetry.facts.store import FactStore
from tests.telemetry.facts.made import HOUR, MINUTE, NINE, call, fact, kept_in, seal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What is told of; then how many, retries, tool calls; how many, input, output tokens; how many.
_ROWS = """
    SELECT 'call', version, failed, failure_mode, coalesce(outcome, ''), score_passed, count(*), sum(retries),
        sum(tool_calls) FROM calls GROUP BY ALL
    UNION ALL
    SELECT 'model', version, failed AND input_tokens IS NULL, provider, model, reported_cost_usd IS NOT NULL, count(*),
        sum(input_tokens), sum(output_tokens) FROM facts WHERE kind = 'model' GROUP BY ALL
    UNION ALL
    SELECT 'tool', version, failed, tool, '', NULL, count(*), 0, 0 FROM facts WHERE kind = 'tool' GROUP BY ALL"""
_SUMS = """
    FROM (SELECT kind, version, failed, failure_mode, outcome, score_passed, sum(count), sum(retries), sum(tool_calls)
        FROM sums WHERE kind = 'call' AND hour IN (FROM left_out) GROUP BY ALL)
    UNION ALL
    SELECT kind, version, free, provider, model, reported, sum(count), sum(input), sum(output)
    FROM sums WHERE kind = 'model' AND hour IN (FROM left_out) GROUP BY ALL
    UNION ALL
    SELECT kind, version, failed, tool, '', NULL, sum(count), 0, 0
    FROM sums WHERE kind = 'tool' AND hour IN (FROM left_out) GROUP BY ALL"""

Account = Counter[tuple[object, ...]]


def _account(connection: DuckDBPyConnection, *queries: str) -> Account:
    found: Account = Counter()
    for query in queries:
        for row in connection.execute(query).fetchall():
            for place, number in enumerate(row[6:]):
                found[*row[:6], place] += int(number or 0)
    return +found


def _told(
    facts: FactStore, since: datetime | None = None, until: datetime | None = None
) -> tuple[list[datetime], Account, Account]:
    """The hours that sums tell of, what all rows come to, and what sums and the rest of the rows do."""
    with closing(facts.connection(since=since, until=until)) as connection:
        plain = _account(connection, _ROWS)
        hours = whole_hours(connection, since, until)
        leave_out(connection, hours)
        return hours, plain, _account(connection, _ROWS, _SUMS)


def _mixed(number: int, at: datetime) -> list[Fact]:
    """A call with a model call that was tried twice, and a tool that failed."""
    return [
        fact(number, 0, at, outcome="resolved", score_passed=True),
        fact(number, 1, at),
        fact(number, 2, at, attempt=2, reported_cost_usd=0.25),
        fact(number, 3, at, kind="tool", tool="lookup_order", failed=True, input_tokens=None, output_tokens=None),
    ]


def test_a_merged_hour_tells_what_its_calls_came_to_without_its_rows(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    seal(facts, [*_mixed(1, NINE), *call(2, NINE + MINUTE, failed=True, failure_mode="timeout")])
    seal(facts, _mixed(3, NINE + 2 * MINUTE))
    facts.compact()
    with closing(facts.connection()) as connection:
        leave_out(connection, whole_hours(connection, None, None))
        rows = connection.execute("SELECT (SELECT count(*) FROM facts), (SELECT count(*) FROM calls)").fetchone()
        assert rows == (0, 0)
        told = connection.execute(
            """SELECT kind, failed, failure_mode, outcome, tool, count, retries, tool_calls, input, reported_usd
            FROM sums ORDER BY ALL"""
        ).fetchall()
    assert told == [
        ("call", False, "", "resolved", None, 2, 2, 2, None, None),
        ("call", True, "timeout", "", None, 1, 0, 0, None, None),
        ("model", None, None, None, None, 2, None, None, 200, 0.5),
        ("model", None, None, None, None, 4, None, None, 400, None),
        ("tool", True, None, None, "lookup_order", 2, None, None, None, None),
    ]


def test_an_hour_that_the_range_cuts_is_read_row_by_row(tmp_path: Path) -> None:
    facts = kept_in(tmp_path, at=NINE + 5 * HOUR)
    for number in range(3):
        seal(facts, _mixed(number + 1, NINE + number * HOUR))
    hours, plain, told = _told(facts, NINE + MINUTE, NINE + 3 * HOUR)
    assert (hours, told) == ([NINE + HOUR, NINE + 2 * HOUR], plain)


def test_a_step_that_comes_late_from_another_hour_has_its_call_read_row_by_row(tmp_path: Path) -> None:
    facts = kept_in(tmp_path, at=NINE + 5 * HOUR)
    seal(facts, [*_mixed(1, NINE), *_mixed(2, NINE)])
    seal(facts, _mixed(3, NINE + HOUR))
    seal(facts, [fact(1, 4, NINE + 2 * HOUR, outcome="escalated")])
    hours, plain, told = _told(facts)
    assert (hours, told) == ([NINE + HOUR, NINE + 2 * HOUR], plain)


def test_calls_over_the_end_of_an_hour_are_told_once(tmp_path: Path) -> None:
    facts = kept_in(tmp_path, at=NINE + 5 * HOUR)
    late = NINE + HOUR - timedelta(seconds=4)  # its second step is of the next hour
    seal(facts, [*_mixed(1, NINE), *_mixed(2, late), *_mixed(3, NINE + HOUR)])
    hours, plain, told = _told(facts)
    assert (hours, told) == ([NINE, NINE + HOUR], plain)


def test_sums_that_were_made_by_another_rule_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = kept_in(tmp_path)
    with monkeypatch.context() as earlier:
        earlier.setattr(sums, "SUMS_KEY", "agent_deploy.sums.earlier")
        seal(facts, _mixed(1, NINE))
    hours, plain, told = _told(facts)
    assert (hours, told) == ([], plain)


def test_a_segment_with_too_much_to_tell_is_read_row_by_row(tmp_path: Path) -> None:
    facts = kept_in(tmp_path, at=NINE + 5 * HOUR)
    seal(facts, [one for number in range(sums.MOST_SUMS + 1) for one in call(number, steps=0, outcome=f"o-{number}")])
    seal(facts, [fact(number, 1, NINE + HOUR) for number in range(sums.MOST_STRAYS + 1)])
    seal(facts, _mixed(9000, NINE + 2 * HOUR))
    hours, plain, told = _told(facts)
    assert (hours, told) == ([NINE + 2 * HOUR], plain)


@st.composite
def _histories(draw: st.DrawFn) -> list[list[Fact]]:
    """Batches in the order in which they come: calls of four hours, most of which lie whole in one."""
    batches: list[list[Fact]] = [[], []]
    for number in range(1, draw(st.integers(1, 6)) + 1):
        at = NINE + draw(st.integers(0, 3)) * HOUR + draw(st.sampled_from([0, 20, 59])) * MINUTE
        at += timedelta(seconds=draw(st.sampled_from([0, 55])))
        changes: dict[str, object] = {"version": draw(st.sampled_from([41, 42]))}
        if draw(st.integers(0, 4)) == 0:
            changes["call_id"] = ""
        spans = [
            fact(number, step, at, kind=draw(st.sampled_from(["model", "tool"])) if step else "call",
                 failed=draw(st.booleans()), attempt=draw(st.integers(0, 2)),
                 outcome=draw(st.sampled_from(["", "resolved"])), **changes)
            for step in range(draw(st.sampled_from([0, 0, 0, 1])), 4)
        ]  # fmt: skip
        if draw(st.integers(0, 3)) == 0:
            spans.append(fact(number, 5, at + draw(st.sampled_from([-1, 1])) * HOUR, **changes))
        for one in spans:
            batches[draw(st.sampled_from([0, 0, 0, 1]))].append(one)
    return batches


@given(_histories(), st.integers(0, 6), st.integers(0, 1), st.booleans())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.slow
def test_whatever_came_when_sums_and_the_rest_tell_what_all_rows_do(
    batches: Sequence[list[Fact]], first: int, cut: int, merged_twice: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        facts = kept_in(Path(folder), at=NINE + 9 * HOUR)
        for number, batch in enumerate(batches):
            seal(facts, batch)
            if number == 0 or merged_twice:
                facts.compact()
        since = NINE + (first - 2) * HOUR + cut * 20 * MINUTE
        for bounds in ((None, None), (since, since + 3 * HOUR)):
            _, plain, told = _told(facts, *bounds)
            assert told == plain


def test_the_rule_of_sums_is_the_one_that_segments_of_today_are_written_by() -> None:
    """Who changes the rule has all segments written before read row by row, weeks of them: slower, and never wrong."""
    assert sums.SUMS_KEY == "agent_deploy.sums.05fe3a70509c"
