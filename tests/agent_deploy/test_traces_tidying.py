"""`agent-deploy traces compact` and `traces prune`, typed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.config import load_config
from agent_deploy.telemetry.facts.lease import take_lease
from agent_deploy.telemetry.facts.segments import list_segments
from agent_deploy.telemetry.facts.store import FactStore, open_facts
from registry.times import now
from tests.agent_deploy.conftest import AgentDeploy
from tests.telemetry.facts.made import HOUR, call, read_facts, seal


@pytest.fixture
def facts(here: Path) -> FactStore:
    """The facts where commands without further settings look."""
    return open_facts(load_config(environ={}))


@pytest.fixture
def yesterday() -> datetime:
    """The beginning of an hour that is over."""
    return (now() - timedelta(days=1)).replace(minute=0, second=0, microsecond=0)


def test_compact_seals_what_is_finished_and_merges_what_is_over(
    facts: FactStore, yesterday: datetime, agent_deploy: AgentDeploy
) -> None:
    seal(facts, call(1, yesterday))
    (first,) = list_segments(facts.store)
    facts.spool().append(call(2, yesterday))
    facts.close()
    answer = agent_deploy("traces", "compact", "--json")
    (merged,) = list_segments(facts.store)
    before = answer.document["compacted"].pop("bytes_before")
    assert (answer.code, before > first.size) == (0, True)
    assert answer.document == {
        "sealed": {"files": 1, "facts": 3, "segments": 1},
        "damaged_lines_kept": [],
        "compacted": {"hours": 1, "merged": 2, "written": 1, "bytes_before": before, "bytes_after": merged.size},
        "set_aside": [],
    }
    assert read_facts(facts) == [*call(1, yesterday), *call(2, yesterday)]
    assert agent_deploy("traces", "compact").out == (
        "sealed 0 facts in 0 segments\nmerged 0 segments of 0 hours into 0 (0 bytes, now 0)\n"
    )


def test_compact_says_until_when_another_process_has_the_lease(facts: FactStore, agent_deploy: AgentDeploy) -> None:
    take_lease(facts.store)
    answer = agent_deploy("traces", "compact")
    assert answer.code == 5
    assert answer.err.startswith(
        f"error: another process tidies the facts in {facts.store.url}: it has the lease until"
    )
    assert answer.err.endswith("  No fact was moved or removed.\n  next: the same command again, later\n")


def test_a_damaged_segment_exits_7_with_its_name_and_set_aside_it_stands_in_nobodys_way(
    facts: FactStore, yesterday: datetime, agent_deploy: AgentDeploy
) -> None:
    for number in (1, 2):
        seal(facts, call(number, yesterday))
    bad, good = list_segments(facts.store)
    facts.store.replace(bad.key, b"other", expect=None)
    answer = agent_deploy("traces", "compact")
    assert (answer.code, f"error: {bad.key} in {facts.store.url} is damaged" in answer.err) == (7, True)
    answer = agent_deploy("traces", "compact", "--set-aside")
    assert (answer.code, answer.out.splitlines()[0]) == (0, f"set aside {bad.key}")
    assert list_segments(facts.store) == [good]


def test_prune_removes_what_is_older_and_says_so_day_by_day(
    facts: FactStore, yesterday: datetime, agent_deploy: AgentDeploy
) -> None:
    old = [yesterday - timedelta(days=9), yesterday - timedelta(days=9) + HOUR, yesterday - timedelta(days=8)]
    seal(facts, [one for number, at in enumerate(old) for one in call(number, at)])
    seal(facts, call(9, yesterday))
    *gone, kept = list_segments(facts.store)
    sizes = sum(segment.size for segment in gone)
    answer = agent_deploy("traces", "prune", "--older-than", "7d", "--dry-run")
    total = f"would remove 3 segments ({sizes:,} bytes) from before "
    assert (answer.code, answer.out.splitlines()[-1].startswith(total)) == (0, True)
    assert list_segments(facts.store) == [*gone, kept]
    answer = agent_deploy("traces", "prune", "--older-than", "7d", "--json")
    assert answer.document.pop("before") < f"{now() - timedelta(days=7):%Y-%m-%dT%H:%M:%S.%fZ}"
    assert answer.document | {"before": ""} == {
        "dry_run": False,
        "removed": [segment.key for segment in gone],
        "freed_bytes": sizes,
        "before": "",
    }
    assert list_segments(facts.store) == [kept]
    assert agent_deploy("traces", "prune", "--older-than", "7d").out.startswith("removed 0 segments (0 bytes)")


def test_prune_names_each_day_once(facts: FactStore, agent_deploy: AgentDeploy) -> None:
    day = datetime.fromisoformat("2020-02-03T04:00:00Z")
    seal(facts, [*call(1, day), *call(2, day + HOUR), *call(3, day + 24 * HOUR)])
    lines = agent_deploy("traces", "prune", "--older-than", "90d", "--dry-run").out.splitlines()
    assert [line.rpartition(" (")[0] for line in lines[:-1]] == [
        "would remove 2020-02-03: 2 segments",
        "would remove 2020-02-04: 1 segment",
    ]


@pytest.mark.parametrize("words", [["prune"], ["prune", "--older-than", "90"], ["prune", "--older-than", "-1d"]])
def test_prune_wants_a_span(facts: FactStore, agent_deploy: AgentDeploy, words: list[str]) -> None:
    answer = agent_deploy("traces", *words)
    assert (answer.code, "--older-than" in answer.err) == (2, True)


def test_a_span_longer_than_time_removes_nothing(facts: FactStore, agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy("traces", "prune", "--older-than", "999999w", "--json")
    assert (answer.code, answer.document["removed"], answer.document["before"]) == (
        0,
        [],
        "1970-01-01T00:00:00.000000Z",
    )
