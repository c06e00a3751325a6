"""Simulated traffic of a workflow: facts whose true costs the test knows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent_deploy.costs.price_file import read_price_file
from agent_deploy.costs.prices import Prices
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.store import FactStore
from registry.stores.memory import MemoryStore

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORKFLOW = "support-triage"
# Per million tokens: small costs 1 and 10, cached input a tenth; large ten times that; dated costs twice as much from
# the 24th on.
PRICE_FILE = """\
[[price]]
provider = "acme"
model = "small"
input = 1
output = 10
cache_read = 0.1
cache_write = 1.25
[[price]]
provider = "acme"
model = "large"
input = 10
output = 100
[[price]]
provider = "acme"
model = "dated"
input = 1
output = 10
[[price]]
provider = "acme"
model = "dated"
from = "2026-11-24"
input = 2
output = 20
[[price]]
provider = "acme"
model = "mute"
input = 1
"""

_ids = itertools.count(1)


@dataclass(frozen=True)
class Step:
    """A model call to be: tokens and what else its fact says."""

    input: int | None = 100
    output: int | None = 10
    model: str = "small"
    more: tuple[tuple[str, Any], ...] = ()


def step(input: int | None = 100, output: int | None = 10, model: str = "small", **more: Any) -> Step:
    """A model call. more: other columns of its fact."""
    return Step(input, output, model, tuple(more.items()))


def call(*steps: Step, at: datetime = NOON, tools: int = 0, **root: Any) -> list[Fact]:
    """A call of the workflow and its steps. root: columns of the root's fact; version, tenant and environment are of
    the steps too.
    """
    trace, span = f"{next(_ids):032x}", f"{next(_ids):016x}"
    stamp = {
        "workflow": root.pop("workflow", WORKFLOW),
        "environment": root.pop("environment", "production"),
        "version": root.pop("version", 1),
        "tenant": root.pop("tenant", "acme"),
        "conversation": root.pop("conversation", ""),
    }
    whole = Fact(trace, span, "", span, "call", f"invoke_workflow {WORKFLOW}", at, 900.0, **stamp, **root)
    inner = [_model(each, trace, span, at, place, stamp) for place, each in enumerate(steps, start=1)]
    used = [_tool(trace, span, at, stamp) for _ in range(tools)]
    return [whole, *inner, *used]


def _model(each: Step, trace: str, span: str, at: datetime, place: int, stamp: dict[str, Any]) -> Fact:
    more = dict(each.more)
    columns: dict[str, Any] = {
        "provider": "acme", "model": each.model, "input_tokens": each.input, "output_tokens": each.output,
    } | more  # fmt: skip
    begun = at + timedelta(milliseconds=place)
    name = f"chat {each.model}"
    return Fact(trace, f"{next(_ids):016x}", span, span, "model", name, begun, 300.0, **stamp, **columns)


def _tool(trace: str, span: str, at: datetime, stamp: dict[str, Any]) -> Fact:
    name, begun = "execute_tool lookup", at + timedelta(milliseconds=500)
    return Fact(trace, f"{next(_ids):016x}", span, span, "tool", name, begun, 20.0, tool="lookup", **stamp)


def store_of(folder: Path, calls: Iterable[Sequence[Fact]]) -> FactStore:
    """A facts store that holds these calls."""
    facts = FactStore(MemoryStore(), folder)
    facts.spool().append([fact for each in calls for fact in each])
    return facts


def prices(folder: Path, more: str = "") -> Prices:
    """The prices of PRICE_FILE, and more."""
    path = folder / "prices.toml"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(PRICE_FILE + more)
    return Prices(read_price_file(path), path.name)
