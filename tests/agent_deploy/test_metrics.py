"""`agent-deploy metrics` tells how well a workflow does, in words and as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent_deploy.cli import drawing, metrics_trend
from agent_deploy.cli.drawing import chart
from agent_deploy.cli.metrics import command
from agent_deploy.cli.options import Settings
from registry.errors import NotFound
from registry.registry import Registry
from registry.times import now
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version
from tests.telemetry.traffic import NOW, chat, prices_of, root, step, store_of

HOUR = timedelta(hours=1)


def run(*words: str) -> str:
    done = CliRunner().invoke(command, words, obj=Settings(), catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


@pytest.fixture
def traffic(here: Path) -> Path:
    """Four calls of today, of two versions, one failed, two scored; and one of yesterday, half as dear."""
    now_ago = NOW - now()
    calls = [
        root(1, now_ago + HOUR, outcome="resolved", score_passed=True, duration_ms=1000.0),
        root(2, now_ago + HOUR, outcome="resolved", score_passed=False, duration_ms=2000.0, version=2),
        root(3, now_ago + HOUR, outcome="escalated", duration_ms=3000.0, version=2),
        root(4, now_ago + HOUR, failed=True, failure_mode="timeout", duration_ms=4000.0, version=2),
    ]
    yesterday = root(5, now_ago + 30 * HOUR, outcome="resolved", duration_ms=2000.0)
    facts = [fact for call in calls for fact in (call, chat(call, 1), step(call, 2, "tool", failed=call.failed))]
    store_of(here, [*facts, yesterday, chat(yesterday, 1, input_tokens=500, output_tokens=50)])
    prices_of(here)
    (here / "agent-deploy.toml").write_text('prices = "prices.toml"\n')
    return here


def test_each_figure_stands_beside_the_window_before_and_each_version(traffic: Path) -> None:
    title, *parts, trend = run("support-triage").split("\n\n")
    assert re.fullmatch(r"support-triage, \S+ \S+Z to \S+ \S+Z", title)
    assert [[re.split(r" {2,}", line.strip()) for line in part.splitlines()] for part in parts] == [
        [
            ["LAST 24h", "BEFORE", "CHANGE", "v1", "v2"],
            ["calls", "4", "1", "+300 %", "1", "3"],
            ["failed", "25.0 %", "0.0 %", "+25.0 points", "0.0 %", "33.3 %"],
            ["quality", "50.0 %", "-", "-", "100.0 %", "0.0 %"],
            ["scored", "2", "-", "-", "1", "1"],
            ["P50", "2,500 ms", "2,000 ms", "+25 %", "1,000 ms", "3,000 ms"],
            ["P95", "3,850 ms", "2,000 ms", "+92 %", "1,000 ms", "3,900 ms"],
            ["P99", "3,970 ms", "2,000 ms", "+99 %", "1,000 ms", "3,980 ms"],
            ["cost", "$0.0080", "$0.0010", "+700 %", "$0.0020", "$0.0060"],
            ["cost per call", "$0.0020", "$0.0010", "+100 %", "$0.0020", "$0.0020"],
        ],
        [
            ["STEP", "KIND", "COUNT", "FAILED", "P50", "P95", "P99", "P95 CHANGE"],
            ["chat small", "model", "4", "0.0 %", "100 ms", "100 ms", "100 ms", "+0 %"],
            ["execute_tool look_up", "tool", "4", "25.0 %", "100 ms", "100 ms", "100 ms", "-"],
        ],
        [["TOOL", "CALLED", "SHARE", "SUCCEEDED", "BEFORE"], ["look_up", "4", "100.0 %", "75.0 %", "-"]],
        [["FAILURE MODE", "CALLS", "SHARE", "BEFORE"], ["timeout", "1", "100.0 %", "0"]],
        [
            ["OUTCOME", "CALLS", "SHARE", "COST EACH", "BEFORE", "CHANGE"],
            ["resolved", "2", "50.0 %", "$0.0040", "$0.0010", "+300 %"],
            ["escalated", "1", "25.0 %", "$0.0080", "-", "-"],
        ],
    ]
    head, line, before, after = trend.splitlines()
    assert head.split("  ")[0] == "FROM"
    assert line.split()[2:] == ["4", "50.0", "%", "25.0", "%", "3,850", "ms", "$0.0020", "#" * 20]
    begins = datetime.strptime(f"2024-{line[:11]}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert (before, after) == (f"no call before {begins:%m-%d %H:%M}", f"no call from {begins + HOUR:%m-%d %H:%M} on")


@pytest.mark.parametrize(
    ("window", "code", "said"),
    [
        ("30m", 0, "LAST 30m"), ("1h", 0, "LAST 1h"), ("1s", 0, "no call on record, nor in the 1s before"),
        ("400d", 0, "LAST 400d"), ("0s", 2, "the window has to be longer than nothing"),
        ("999999w", 2, "a window of 6,999,993 days goes back before all time"),
        ("soon", 2, "--window: must be a duration"),
    ],
)  # fmt: skip
def test_a_window_is_any_span_of_time(
    traffic: Path, registry: Registry, agent_deploy: AgentDeploy, window: str, code: int, said: str
) -> None:
    add_version(registry)
    (traffic / "agent-deploy.toml").write_text('prices = "prices.toml"\n')
    call = root(9, NOW - now() + HOUR / 6)
    store_of(traffic, [call, chat(call, 1)])
    answer = agent_deploy("metrics", WORKFLOW, "--window", window)
    assert answer.code == code
    assert said in answer.out + answer.err


def test_where_traffic_stopped_the_trend_says_since_when(traffic: Path) -> None:
    trend = run("support-triage", "--window", "7d").split("\n\n")[-1].splitlines()
    assert [line for line in trend if line.startswith("no call")] in (
        [f"no call before {(now() - 30 * HOUR):%Y-%m-%d}"],
        [f"no call before {(now() - 30 * HOUR):%Y-%m-%d}", f"no call from {now():%Y-%m-%d} on"],
    )


def test_json_has_the_keys_that_scripts_rely_on(traffic: Path) -> None:
    document: dict[str, Any] = json.loads(run("support-triage", "--window", "7d", "--json"))
    assert list(document) == [
        "workflow", "environment", "since", "until", "prices", "unpriced", "current", "before", "versions", "trend",
    ]  # fmt: skip
    latency = {"p50_ms": 2000.0, "p95_ms": 3800.0, "p99_ms": 3960.0}
    assert document["current"] == {
        "calls": 5, "failed": 1, "failure_rate": 0.2,
        "quality": {"scored": 2, "passed": 1, "rate": 0.5, "interval": pytest.approx([0.0945, 0.9055], abs=1e-4)},
        "latency": {name: pytest.approx(value) for name, value in latency.items()},
        "cost_usd": "0.009", "per_call_usd": "0.0018", "calls_of_unknown_cost": 0, "failure_modes": {"timeout": 1},
        "outcomes": [
            {"outcome": "resolved", "calls": 3, "cost_usd": "0.003"},
            {"outcome": "escalated", "calls": 1, "cost_usd": "0.009"},
        ],
        "steps": [
            {"kind": "model", "name": "chat small", "count": 5, "failed": 0,
             "latency": {"p50_ms": 100.0, "p95_ms": 100.0, "p99_ms": 100.0}},
            {"kind": "tool", "name": "execute_tool look_up", "count": 4, "failed": 1,
             "latency": {"p50_ms": 100.0, "p95_ms": 100.0, "p99_ms": 100.0}},
        ],
        "tools": [{"tool": "look_up", "count": 4, "failed": 1, "success_rate": 0.75}],
    }  # fmt: skip
    assert [(one["version"], one["calls"]) for one in document["versions"]] == [(1, 2), (2, 3)]
    assert (document["before"]["calls"], document["before"]["cost_usd"]) == (0, None)
    assert document["trend"]["bucket_s"] == 86_400
    assert sum(bucket["calls"] for bucket in document["trend"]["buckets"]) == 5


def test_calls_of_unknown_cost_are_told_with_what_to_do(here: Path) -> None:
    call = root(1, NOW - now() + HOUR)
    store_of(here, [call, replace(chat(call, 1), model="unheard-of")])
    assert run("support-triage").splitlines()[-2:] == [
        "1 call of unknown cost, in no cost above: no price, or no token counts, of acme/unheard-of",
        "  next: put their prices into the file that 'prices' in agent-deploy.toml names",
    ]


def test_a_registered_workflow_without_calls_is_told_to_have_none_and_any_other_is_not_found(
    here: Path, registry: Registry
) -> None:
    add_version(registry)
    assert run(WORKFLOW, "--env", "staging").splitlines()[1] == "no call on record, nor in the 24h before"
    with pytest.raises(NotFound, match="no workflow 'suport-triage'; did you mean 'support-triage'"):
        run("suport-triage")


def test_without_a_registry_the_facts_alone_are_asked(here: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no workflow 'support-triage'; none at all is on record here$"):
        run("support-triage")


def test_on_a_terminal_the_trend_is_a_chart(traffic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_trend, "draws_charts", lambda: True)
    charts = run("support-triage").split("\n\n")[6:]
    assert [drawn.splitlines()[0] for drawn in charts] == ["calls"]  # the others have one value
    assert charts[0].splitlines()[1].startswith("4 ┤")


def test_a_chart_runs_from_the_least_to_the_greatest_value_with_a_gap_where_there_is_none() -> None:
    title, *lines, axis = chart("P95", [1.0, 2.0, None, 4.0], ("00:00", "03:00"), ["4 ms", "1 ms"], 30).splitlines()
    assert (title, len(lines)) == ("P95", 5)
    assert [line[:6] for line in lines] == ["4 ms ┤", *["     ┤"] * 3, "1 ms ┤"]
    assert axis.split() == ["00:00", "03:00"]
    assert max(map(len, [*lines, axis])) <= 30
    assert chart("P95", [None, 1.0], ("a", "b"), ["1", "1"], 30) == ""
    assert chart("flat", [1.0, 1.0], ("a", "b"), ["1", "1"], 30).count("\n") == 6


def test_charts_are_for_terminals_that_speak_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not drawing.draws_charts()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert drawing.draws_charts()
