"""traces show: one call, as the tree of its steps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent_deploy.costs.prices import Prices
from agent_deploy.errors import BadConfig
from agent_deploy.telemetry.facts.store import FactStore
from agent_deploy.telemetry.looking.calls import FEWEST_DIGITS, MOST_FOUND, find_calls, read_trace
from agent_deploy.telemetry.looking.prices import price_of
from agent_deploy.telemetry.looking.tree import CallTree, tree_of
from registry.errors import BadInput, NotFound
from registry.times import now

LINK_KEY = "traces_link"
# How far back is looked, step by step: what is asked for is new as a rule, and looking costs what is looked through.
_REACHES = (timedelta(days=1), timedelta(days=7), timedelta(days=30), None)
_AROUND = timedelta(days=1)  # a step may be so far from its call's start
_PLACEHOLDERS = ("trace_id", "call_id", "start_ms", "end_ms")


@dataclass(frozen=True, slots=True)
class ShownCall:
    """A call, and where the team's own backend shows its trace; empty where the settings do not say."""

    tree: CallTree
    link: str


def show(
    facts: FactStore,
    prices: Prices,
    text: str,
    *,
    since: datetime | None = None,
    link_template: str = "",
    clock: Callable[[], datetime] = now,
) -> ShownCall:
    """The call whose id, or whose trace's, begins so, or that has just this request id.

    since: where to stop looking back; without it the last day is looked through, then the last week, then all.
    Raises NotFound, and BadInput where the text means several calls.
    """
    trace_id, call_id, first_at = _find(facts, text, since, clock())
    with closing(facts.connection(since=first_at - _AROUND, until=first_at + _AROUND)) as connection:
        tree = tree_of(read_trace(connection, trace_id), call_id, price_of(prices))
    return ShownCall(tree, link_of(link_template, tree))


def link_of(template: str, tree: CallTree) -> str:
    """The template filled in; raises BadConfig for a placeholder that there is not."""
    if not template:
        return ""
    start_ms = int(tree.started_at.timestamp() * 1000)
    values = (tree.trace_id, tree.id, str(start_ms), str(start_ms + int(tree.duration_ms) + 1))
    link = template
    for name, value in zip(_PLACEHOLDERS, values, strict=True):
        link = link.replace(f"{{{name}}}", value)
    if "{trace_id}" not in template and "{call_id}" not in template:
        raise BadConfig(f"'{LINK_KEY}' must contain {{trace_id}}, not {template!r}")
    return link


def _find(facts: FactStore, text: str, since: datetime | None, at: datetime) -> tuple[str, str, datetime]:
    reaches = [since] if since is not None else [at - reach if reach else None for reach in _REACHES]
    for reach in reaches:
        with closing(facts.connection(since=reach)) as connection:
            found = find_calls(connection, text)
        if found:
            trace_id, call_id, first_at = _only(text, found)
            return trace_id, call_id, first_at.replace(tzinfo=UTC)
    if len(text) < FEWEST_DIGITS:
        raise BadInput(
            f"no call on record has the request id {text!r}{_since(since)}, and as an id it is too short: give "
            f"{FEWEST_DIGITS} digits at least",
            next_command="agent-deploy traces list",
        )
    raise NotFound(
        f"no call on record has an id that begins with {text!r}, or this request id{_since(since)}",
        next_command="agent-deploy traces list",
    )


def _only(text: str, found: list[tuple[str, str, datetime]]) -> tuple[str, str, datetime]:
    whole = [one for one in found if text.lower() in (one[0], one[1])]
    if len(whole or found) == 1:
        return (whole or found)[0]
    keys = [call_id or trace_id for trace_id, call_id, _ in whole or found]
    raise BadInput(f"{text!r} means {_several(keys)}", next_command=f"agent-deploy traces show {keys[0]}")


def _several(keys: list[str]) -> str:
    if len(keys) == MOST_FOUND:
        return f"{len(keys)} calls or more; give more of the id"
    return f"{len(keys)} calls: {', '.join(keys)}"


def _since(since: datetime | None) -> str:
    return f" since {since:%Y-%m-%d %H:%M}Z" if since else ""
