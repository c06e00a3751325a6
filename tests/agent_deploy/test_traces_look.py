"""`agent-deploy traces list` and `traces show` tell what calls did."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent_deploy.cli.drawing import bar, speaks_unicode
from agent_deploy.cli.options import Settings
from agent_deploy.cli.traces.list_ import command as list_command
from agent_deploy.cli.traces.show import command as show_command
from agent_deploy.errors import BadConfig
from agent_deploy.operations.moments import moment_of
from agent_deploy.operations.traces.list_ import Calls, list_
from agent_deploy.operations.traces.show import link_of, show
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.looking.calls import Wanted
from agent_deploy.telemetry.looking.tree import tree_of
from registry.errors import BadInput, NotFound
from registry.registry import Registry
from registry.times import now
from tests.builders import WORKFLOW, add_version
from tests.telemetry.traffic import NOW, chat, prices_of, root, step, store_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def listed(folder: Path, facts: list[Fact], limit: int = 20, *, slow: bool = False, **wanted: Any) -> Calls:
    store = store_of(folder, facts)
    return list_(store, prices_of(folder), Wanted(**wanted), NOW - DAY, limit, slow=slow)


def numbers(found: Calls) -> list[int]:
    return [int(call.key, 16) for call in found.calls]


def test_calls_are_listed_newest_first_with_what_they_took(here: Path) -> None:
    older, newer = root(1, 2 * HOUR), root(2, HOUR, outcome="solved", request_id="r-2")
    facts = [older, newer, chat(newer, 1), chat(newer, 2, attempt=2), step(newer, 3, "tool"), chat(older, 1, model="?")]
    found = listed(here, facts)
    assert numbers(found) == [2, 1]
    first, second = found.calls
    assert (first.cost_usd, first.unpriced, first.input_tokens, first.output_tokens) == (
        Decimal("0.004"),
        (),
        2000,
        200,
    )
    assert (first.model_calls, first.tool_calls, first.retries, first.outcome) == (2, 1, 1, "solved")
    assert (first.started_at, first.duration_ms, first.request_id) == (newer.started_at, 1000.0, "r-2")
    assert (second.cost_usd, second.unpriced) == (None, ("acme/?",))


def test_a_call_without_a_model_call_has_no_cost_and_lacks_no_price(here: Path) -> None:
    (call,) = listed(here, [root(1)]).calls
    assert (call.cost_usd, call.unpriced, call.model_calls) == (None, (), 0)


CALLS = [
    root(1, workflow="billing"), root(2, tenant="globex"), root(3, version=7), root(4, environment="staging"),
    root(5, failed=True, failure_mode="timeout"), root(6, duration_ms=5000.0), root(7, 25 * HOUR),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]), ({"workflow": "billing"}, [1]), ({"tenant": "globex"}, [2]), ({"version": 7}, [3]),
        ({"environment": "staging"}, [4]), ({"failed": True}, [5]), ({"slow_ms": 5000.0}, [6]),
        ({"slow_ms": 5000.1}, []), ({"failed": True, "tenant": "globex"}, []),
    ],
    ids=str,
)  # fmt: skip
def test_each_filter_leaves_the_calls_that_it_names(here: Path, wanted: dict[str, Any], expected: list[int]) -> None:
    assert sorted(numbers(listed(here, CALLS, **wanted))) == expected


def test_slow_alone_is_the_slowest_twentieth_slowest_first(here: Path) -> None:
    facts = [root(number, duration_ms=float(number)) for number in range(1, 101)]
    found = listed(here, facts, slow=True)
    assert numbers(found) == [100, 99, 98, 97, 96]
    assert found.slow_ms == pytest.approx(95.05)
    assert numbers(listed(here, [], slow=True, slow_ms=98.0)) == [100, 99, 98]


def test_of_more_calls_than_asked_for_it_says_so(here: Path) -> None:
    facts = [root(number, number * HOUR) for number in range(1, 5)]
    found = listed(here, facts, 3)
    assert (numbers(found), found.more) == ([1, 2, 3], True)
    assert not listed(here, [], 4).more


def test_a_misspelt_workflow_is_not_found_and_a_known_one_without_calls_is_an_empty_list(here: Path) -> None:
    with pytest.raises(NotFound, match="did you mean 'support-triage'"):
        listed(here, [root(1)], workflow="suport-triage")
    store = store_of(here)
    found = list_(store, prices_of(here), Wanted("billing"), NOW - DAY, known=lambda: ["billing"])
    assert found.calls == ()


def test_a_call_is_shown_by_the_first_digits_of_its_id_or_its_trace_or_by_its_request(here: Path) -> None:
    call = root(0xABCDEF12345, request_id="order 66")
    trace = [replace(fact, trace_id="1234567" + "0" * 25) for fact in (call, chat(call, 1), step(call, 2, "tool", 5))]
    store = store_of(here, [*trace, root(0xABCDEE)])
    store_of(here, [root(0xABCDED, request_id="r-1")])
    assert show(store, prices_of(here), "r-1", clock=lambda: NOW).tree.id == root(0xABCDED).span_id
    for text in (call.span_id, call.span_id[:-1], "1234567", "1234567" + "0" * 25, "order 66"):
        tree = show(store, prices_of(here), text, clock=lambda: NOW).tree
        assert (tree.id, len(tree.facts), tree.cost_usd) == (call.span_id, 3, Decimal("0.002"))


@pytest.mark.parametrize("ago", [HOUR, 3 * DAY, 20 * DAY, 400 * DAY], ids=str)
def test_a_call_is_found_however_old_it_is_unless_that_is_ruled_out(here: Path, ago: timedelta) -> None:
    call = root(0xABCDEF12345, ago)
    store = store_of(here, [call])
    assert show(store, prices_of(here), call.span_id, clock=lambda: NOW).tree.root == call
    with pytest.raises(NotFound, match=f"begins with '{call.span_id}', or this request id since"):
        show(store, prices_of(here), call.span_id, since=NOW - ago + HOUR / 2, clock=lambda: NOW)


def test_an_id_that_means_several_calls_is_refused_with_theirs(here: Path) -> None:
    call = root(0xABCDEF1)
    inner = replace(root(0xABCDEF2, HOUR / 2), trace_id=call.trace_id)
    store = store_of(here, [call, inner])
    with pytest.raises(BadInput) as raised:
        show(store, prices_of(here), call.trace_id, clock=lambda: NOW)
    assert raised.value.message == f"'{call.trace_id}' means 2 calls: {inner.span_id}, {call.span_id}"
    assert raised.value.next_command == f"agent-deploy traces show {inner.span_id}"
    with pytest.raises(BadInput, match="too short"):
        show(store, prices_of(here), "00000", clock=lambda: NOW)


def test_more_calls_than_can_be_told_are_counted(here: Path) -> None:
    store = store_of(here, [root(0xABCDEF00 + number) for number in range(21)])
    with pytest.raises(BadInput, match="means 20 calls or more; give more of the id"):
        show(store, prices_of(here), "00000000abcdef", clock=lambda: NOW)


def test_the_link_is_the_template_filled_in_and_one_without_an_id_is_a_bad_setting() -> None:
    call = root(1)
    tree = tree_of([call], call.call_id, lambda _: None)
    start = int(call.started_at.timestamp() * 1000)
    template = "https://grafana/{trace_id}?span={call_id}&from={start_ms}&to={end_ms}&x={other}"
    assert link_of(template, tree) == (
        f"https://grafana/{call.trace_id}?span={call.span_id}&from={start}&to={start + 1001}&x={{other}}"
    )
    assert link_of("", tree) == ""
    with pytest.raises(BadConfig, match=r"'traces_link' must contain \{trace_id\}"):
        link_of("https://tempo", tree)


def test_moments_are_spans_ago_or_dates() -> None:
    assert moment_of("36h", "--since", NOW) == NOW - 36 * HOUR
    assert moment_of("2026-11-24", "--since", NOW) == NOW.replace(hour=0, minute=0)
    assert moment_of("2026-11-24T09:30+01:00", "--since", NOW) == NOW.replace(hour=8, minute=30)
    for wrong in ("", "yesterday", "7", "-7d", "2026-13-01"):
        with pytest.raises(BadInput, match="--since: must be a time span ago, as 24h or 7d, or a date, not"):
            moment_of(wrong, "--since", NOW)
    with pytest.raises(BadInput, match="before all time"):
        moment_of("999999w", "--since", NOW)


def _call_of_today(here: Path) -> Fact:
    """A call of today with a retry, a failed tool and a script in its words."""
    call = root(
        0xABCDEF12, NOW - now() + HOUR, outcome="solved", confidence=0.834, score=0.5, score_passed=False, user="u-1",
        request_id="r-1\x1b[31m",
    )  # fmt: skip
    attempt = step(call, 1, "attempt", 0, attempt=1, failed=True, failure_mode="rate_limit", error_type="openai.X")
    again = step(call, 2, "attempt", 300, attempt=2, duration_ms=400.0)
    tool = step(call, 5, "tool", 750, failed=True, failure_mode="timeout", error_type="TimeoutError", duration_ms=250.0)
    chats = [chat(attempt, 3, failed=True, input_tokens=None, output_tokens=None), chat(again, 4, duration_ms=400.0)]
    store_of(here, [call, attempt, again, tool, *chats])
    prices_of(here)
    (here / "agent-deploy.toml").write_text('prices = "prices.toml"\n')
    return call


def _run(command: object, *words: str) -> str:
    done = CliRunner().invoke(command, words, obj=Settings(), catch_exceptions=False)  # type: ignore[arg-type]
    assert done.exit_code == 0
    return done.stdout


def test_a_call_is_shown_as_a_tree_beside_its_place_in_time(here: Path) -> None:
    call = _call_of_today(here)
    head, steps = _run(show_command, call.span_id).split("\n\n")
    assert head.splitlines() == [
        "00000000abcdef12 support-triage@1 (1.0.0) in production",
        f"  started     {call.started_at:%Y-%m-%d %H:%M:%SZ}",
        "  took        1,000 ms",
        "  outcome     solved",
        "  confidence  0.83",
        "  quality     failed, score 0.50",
        "  tokens      1,000 in, 100 out",
        "  cost        $0.0020",
        "  tenant      acme",
        "  user        u-1",
        "  request     r-1 [31m",
        "  trace       000000000000000000000000abcdef12",
    ]
    assert [re.split(r" {2,}", line.strip()) for line in steps.splitlines()] == [
        ["STEP", "AT", "TOOK", "TIME", "TOKENS", "COST", "FAILED"],
        ["invoke_workflow support-triage", "+0 ms", "1,000 ms", "█" * 24],
        ["├─ attempt", "+0 ms", "100 ms", "██", "rate_limit: openai.X"],
        ["│", "└─ chat small", "+0 ms", "100 ms", "██", "-", "$0.0000", "failed"],
        ["├─ attempt", "+300 ms", "400 ms", "█" * 10, "attempt 2"],
        ["│", "└─ chat small", "+300 ms", "400 ms", "█" * 10, "1,000 in, 100 out", "$0.0020", "attempt 2"],
        ["└─ execute_tool look_up", "+750 ms", "250 ms", "█" * 6, "timeout: TimeoutError"],
    ]


@pytest.mark.parametrize(
    ("start", "end", "drawn"),
    [(0, 1, "########"), (0.5, 0.75, "    ##  "), (0, 0, "#       "), (1, 1, "       #"), (-3, 7, "########")],
)
def test_a_bar_is_a_column_wide_at_least_and_stays_in_its_room(start: float, end: float, drawn: str) -> None:
    assert bar(start, end, 8, unicode=False) == drawn


def test_what_cannot_say_unicode_gets_ascii(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [speaks_unicode(encoding) for encoding in ("utf-8", None, "ascii", "latin-1", "no-such")] == [
        True, True, False, False, False,
    ]  # fmt: skip
    call = _call_of_today(here)
    done = CliRunner(charset="ascii").invoke(show_command, call.span_id, obj=Settings(), catch_exceptions=False)
    assert done.stdout.isascii()
    assert "|  `- chat small" in done.stdout


def test_json_of_show_has_the_keys_that_scripts_rely_on(here: Path) -> None:
    call = _call_of_today(here)
    document = json.loads(_run(show_command, call.span_id, "--json"))
    assert list(document) == [
        "call", "trace_id", "complete", "workflow", "environment", "version", "tag", "digest", "generation", "tenant",
        "user", "request_id", "conversation", "started_at", "duration_ms", "outcome", "confidence", "score",
        "score_passed", "cost_usd", "unpriced", "link", "steps",
    ]  # fmt: skip
    (top,) = document["steps"]
    assert [one["name"] for one in top["steps"]] == ["attempt", "attempt", "execute_tool look_up"]
    (model,) = top["steps"][1]["steps"]
    assert (model["cost_usd"], model["tokens"]["input"], model["offset_ms"]) == ("0.002", 1000, 300.0)
    assert document["cost_usd"] == "0.002"


def test_calls_are_listed_as_a_table(here: Path) -> None:
    call = _call_of_today(here)
    assert _run(list_command, "--workflow", "support-triage").splitlines() == [
        "CALL              STARTED               TOOK      ENDED   VERSION           ENVIRONMENT  TENANT  "
        "TOKENS             COST     TOOLS  RETRIES",
        f"00000000abcdef12  {call.started_at:%Y-%m-%d %H:%M:%SZ}  1,000 ms  solved  support-triage@1  production   "
        "acme    1,000 in, 100 out  $0.0020  1      1",
    ]


def test_no_call_found_says_how_far_was_looked(here: Path, registry: Registry) -> None:
    add_version(registry)
    told = _run(list_command, "--workflow", WORKFLOW, "--since", "2026-01-01")
    assert told == "no such call on record since 2026-01-01 00:00:00Z; --since looks back further\n"
