"""Facts and calls as queries see them: the same whatever is sealed, merged, still in the spool, or there twice."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_deploy.telemetry.facts import compaction
from agent_deploy.telemetry.facts.fact import Fact
from tests.telemetry.facts.made import HOUR, MINUTE, NINE, call, calls_of, fact, kept_in, read_calls, read_facts, seal

_MODES = ("", "timeout", "parse_error")
_MAYBE = st.none() | st.integers(0, 1000)


@st.composite
def _spans(draw: st.DrawFn) -> list[Fact]:
    """The spans of a few calls over three hours, some without a root, some of applications that name no call."""
    spans = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        named = draw(st.booleans())
        first = draw(st.integers(0, 1))  # without a root, or with one
        for step in range(first, draw(st.integers(1, 4)) + 1):
            spans.append(_span(draw, number, step, named))
    return spans


def _span(draw: st.DrawFn, number: int, step: int, named: bool) -> Fact:
    kind = draw(st.sampled_from(["model", "tool", "attempt", "retrieval", "call"])) if step else "call"
    said = {} if named else {"call_id": "", "tenant": draw(st.sampled_from(["", "acme", "zoo"]))}
    return fact(
        number, step, NINE + draw(st.integers(0, 179)) * MINUTE,
        kind=kind, model=draw(st.sampled_from(["small", "large"])) if kind == "model" else "",
        input_tokens=draw(_MAYBE), cache_read_tokens=draw(_MAYBE), attempt=draw(st.integers(0, 3)),
        failed=draw(st.booleans()), failure_mode=draw(st.sampled_from(_MODES)),
        outcome=draw(st.sampled_from(["", "resolved", "escalated"])), confidence=draw(st.none() | st.just(0.5)),
        score_passed=draw(st.none() | st.booleans()), **said,
    )  # fmt: skip


@dataclass(frozen=True)
class _Way:
    """How facts came to where they are: batches, each sealed or left in the spool, then merged or not, or split."""

    batches: list[tuple[list[Fact], bool]]
    merged: bool
    split: bool


@st.composite
def _ways(draw: st.DrawFn) -> _Way:
    spans = draw(_spans())
    delivered = draw(st.permutations(spans)) + draw(st.lists(st.sampled_from(spans), max_size=4))
    cuts = sorted(draw(st.lists(st.integers(0, len(delivered)), max_size=3)))
    edges = list(zip([0, *cuts], [*cuts, len(delivered)], strict=True))
    batches = [(delivered[start:end], draw(st.booleans())) for start, end in edges]
    return _Way(batches, draw(st.booleans()), draw(st.booleans()))


@given(_ways())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.slow
def test_whatever_way_facts_took_each_is_seen_once_and_each_call_adds_up(way: _Way) -> None:
    delivered = [one for batch, _ in way.batches for one in batch]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        if way.split:
            monkeypatch.setattr(compaction, "_PART_BYTES", 16_000)
        facts = kept_in(Path(folder), at=NINE + 9 * HOUR)
        for batch, sealed in way.batches:
            facts.spool().append(batch)
            if sealed:
                facts.seal(everything=True)
        if way.merged:
            facts.compact()
        assert read_facts(facts) == _once(delivered)
        assert read_calls(facts) == calls_of(delivered)


def _once(facts: list[Fact]) -> list[Fact]:
    return [one for _, one in sorted({(one.trace_id, one.span_id): one for one in facts}.items())]


def test_a_call_is_one_row_with_the_sums_of_its_steps(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    steps = [
        fact(1, 0, outcome="resolved", confidence=0.8, request_id="req-1"),
        fact(1, 1, cache_read_tokens=40),
        fact(1, 2, attempt=2),
        fact(1, 3, kind="tool", tool="lookup_order", model="", input_tokens=None, output_tokens=None),
    ]
    facts.spool().append(steps)
    assert read_calls(facts) == [
        {
            "key": "0000000000000010", "trace_id": "00000000000000000000000000000001", "workflow": "support-triage",
            "environment": "production", "version": 41, "tag": "", "digest": "", "generation": 0, "tenant": "acme",
            "user": "", "conversation": "", "request_id": "req-1", "started_at": NINE + timedelta(seconds=2),
            "duration_ms": 1250.5,
            "rooted": True, "failed": False, "failure_mode": "", "error_type": "", "outcome": "resolved",
            "confidence": 0.8, "score": None, "score_passed": None, "model_calls": 2, "tool_calls": 1, "retries": 1,
            "input_tokens": 200, "output_tokens": 14, "cache_read_tokens": 40, "cache_write_tokens": None,
            "reasoning_tokens": None, "model": "gpt-5-mini",
        }
    ]  # fmt: skip


def test_a_range_has_what_started_in_it_and_calls_keep_their_steps_from_beyond(tmp_path: Path) -> None:
    facts = kept_in(tmp_path, at=NINE + 9 * HOUR)
    before, across, after = call(1, NINE + 58 * MINUTE), call(2, NINE + 2 * HOUR - MINUTE), call(3, NINE + 2 * HOUR)
    across[2] = replace(across[2], started_at=NINE + 2 * HOUR + MINUTE)
    for sealed in (False, True):
        facts.spool().append([*before, *across, *after])
        if sealed:
            facts.seal(everything=True)
        since, until = NINE + HOUR, NINE + 2 * HOUR
        assert read_facts(facts, since, until) == across[:2]
        assert read_calls(facts, since, until) == calls_of(across)
        assert read_calls(facts, until) == calls_of(after)


def test_a_call_whose_root_never_came_is_a_call_still(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    seal(facts, call(1)[1:])
    (row,) = read_calls(facts)
    assert (row["rooted"], row["started_at"], row["duration_ms"], row["model_calls"]) == (
        False,
        NINE + timedelta(seconds=3),
        None,
        2,
    )


def test_one_trace_may_hold_several_calls_and_two_traces_the_same_span_ids(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    nested = [replace(one, trace_id=call(1)[0].trace_id) for one in call(2)]
    twin = [replace(one, trace_id="f" * 32) for one in call(1)]
    seal(facts, [*call(1), *nested, *twin])
    assert [(row["trace_id"][-1], row["key"], row["model_calls"]) for row in read_calls(facts)] == [
        ("1", "0000000000000010", 2),
        ("1", "0000000000000020", 2),
        ("f", "0000000000000010", 2),
    ]


def test_a_step_that_a_wrong_clock_put_into_another_hour_is_its_calls_all_the_same(tmp_path: Path) -> None:
    facts = kept_in(tmp_path, at=NINE + 9 * HOUR)
    root, first, second = call(1, NINE + 30 * MINUTE)
    skewed = replace(second, started_at=second.started_at + 3 * HOUR)
    facts.spool().append([root, first, skewed, *call(2, NINE + 30 * MINUTE)])
    facts.seal(everything=True)
    assert read_calls(facts) == calls_of([root, first, skewed, *call(2, NINE + 30 * MINUTE)])


def test_what_only_a_step_says_of_its_call_is_the_calls_before_hours_are_merged_and_after(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    spans = [replace(one, call_id="", tenant="" if one.kind == "call" else "zoo") for one in call(1)]
    facts.spool().append(spans)
    before = read_calls(facts)
    facts.seal(everything=True)
    assert before == read_calls(facts) == calls_of(spans)
    assert before[0]["tenant"] == "zoo"


def test_no_facts_are_no_rows(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    assert (read_facts(facts), read_calls(facts), read_calls(facts, NINE)) == ([], [], [])


def test_a_connection_sees_what_was_there_when_it_was_opened_whatever_is_tidied_meanwhile(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    for number in (1, 2):
        seal(facts, call(number))
    facts.spool().append(call(3))
    connection = facts.connection()
    facts.seal(everything=True)
    facts.compact()
    facts.prune(HOUR / 2)
    assert connection.execute("SELECT count(*) FROM facts").fetchone() == (9,)
    assert read_facts(facts) == []


@pytest.mark.parametrize("name", ["autoinstall_known_extensions", "autoload_known_extensions"])
def test_no_extension_is_ever_fetched(tmp_path: Path, name: str) -> None:
    connection = kept_in(tmp_path).connection()
    question = "SELECT value FROM duckdb_settings() WHERE name = ?"
    assert connection.execute(question, [name]).fetchone() == ("false",)


def test_a_query_needs_no_extension_that_is_not_built_in(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    seal(facts, call(1))
    facts.spool().append(call(2))
    connection = facts.connection()
    connection.execute("SELECT count(*) FROM calls").fetchone()
    loaded = connection.execute("SELECT DISTINCT install_mode FROM duckdb_extensions() WHERE loaded").fetchall()
    assert loaded == [("STATICALLY_LINKED",)]
