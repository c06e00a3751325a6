"""How a gate's verdict is printed: by `gate`, and by a promotion that it refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.output import count, emit, short, table, tell_error

if TYPE_CHECKING:
    from agent_deploy.gates.verdict import Gate

REFUSED = 4
_COLOURS = {"passed": "green", "failed": "red", "inconclusive": "yellow"}
_HEADINGS = ["RULE", "VERDICT", "NEEDED", "SEEN", "WHY"]


@contextmanager
def refusal_told(as_json: bool) -> Iterator[None]:
    """A gate that refuses within is told rule by rule before the error; the command ends with exit code 4."""
    from agent_deploy.operations.gate import GateRefused

    try:
        yield
    except GateRefused as refused:
        from agent_deploy.gates.verdict import gate_document

        told = (refused.message, refused.unchanged, refused.next_command)
        error = dict(zip(("message", "unchanged", "next_command"), told, strict=True))
        document = {"error": {"exit_code": REFUSED, **error}, "gate": gate_document(refused.gate)}
        gate = refused.gate
        emit(as_json, document, lambda: rules_text(gate))
        tell_error(*told)
        click.get_current_context().exit(REFUSED)


def rules_text(gate: Gate) -> str:
    """One line a rule, aligned."""
    rows = [[rule.rule.replace("_", " "), rule.verdict, rule.needed, rule.seen, rule.why] for rule in gate.rules]
    lines = table(_HEADINGS, rows).splitlines()
    coloured = [
        line.replace(rule.verdict, click.style(rule.verdict, fg=_COLOURS[rule.verdict]), 1)
        for line, rule in zip(lines[1:], gate.rules, strict=True)
    ]
    return "\n".join([lines[0], *coloured])


def verdict_words(gate: Gate | None) -> str:
    """`passed`, `failed`, `inconclusive`, or that there is none, coloured."""
    return click.style(gate.verdict, fg=_COLOURS[gate.verdict], bold=True) if gate else "no gate is required"


def gate_pairs(gate: Gate) -> list[tuple[str, str]]:
    """What a verdict rests on, as facts for people."""
    baseline: dict[str, Any] = gate.baseline or {}
    live = f"version {baseline['version']}" if baseline else "nothing is live"
    return [
        ("compared", live),
        ("runs", ", ".join(gate.runs)),
        ("calls", calls_words(gate)),
        ("policy", short(gate.policy_digest)),
    ]


def calls_words(gate: Gate) -> str:
    """`+1 % a call (95 % CI −2 % to +4 %), by 4,800 calls of version 42 and 5,000 of 41 in staging`; empty where the
    gate went by no calls.
    """
    from agent_deploy.costs.wording import percent

    found = gate.call_costs
    if found is None:
        return ""
    calls = found["calls"]
    by = f"{count(calls['to'], 'call')} of version {found['to']} and {calls['from']:,} of {found['from']}"
    if found["ratio"] is None or not found["enough"]:
        return f"{by} in {found['environment']}"
    interval = f"95 % CI {percent(found['low'])} to {percent(found['high'])}"
    return f"{percent(found['ratio'])} a call ({interval}), by {by} in {found['environment']}"
