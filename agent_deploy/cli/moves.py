"""What promote and rollback print, and how they wait for readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.exit_codes import NOT_DELIVERED
from agent_deploy.cli.gates import calls_words
from agent_deploy.cli.output import count, emit, facts, progress, short, tell_error

if TYPE_CHECKING:
    from agent_deploy.operations.cost_delta import EvalCostDelta
    from agent_deploy.operations.move import Move
    from agent_deploy.operations.readers import Convergence
    from registry.registry import Registry

_DONE = {"promote": "promoted", "rollback": "rolled back", "restore": "restored"}


def finish(
    registry: Registry, move: Move, wait_s: float | None, as_json: bool, expected: EvalCostDelta | None = None
) -> None:
    """Wait if asked, print the result, and exit 6 when readers cannot see the head or do not serve it in time.

    expected: of a dry run, what the eval runs let expect of the cost.
    """
    readers = None
    if wait_s is not None and move.delivered and move.release:
        from agent_deploy.operations.readers import wait_for_readers

        readers = wait_for_readers(registry.store, move.release, wait_s, progress=_show_progress)
        progress("")
    emit(as_json, _document(move, readers, expected), lambda: _text(move, readers, expected))
    where = f"{move.plan.target.workflow} --env {move.plan.environment}"
    if move.not_delivered:
        unchanged = "The release is recorded; readers still serve what they served."
        tell_error(f"not delivered: {move.not_delivered}", unchanged, "agent-deploy deliver")
    elif readers and not readers.converged:
        late = (
            f"{count(len(readers.late), 'live reader')} did not serve it within {wait_s:g} s: {', '.join(readers.late)}"
        )
        tell_error(late, "The release is recorded and delivered.", f"agent-deploy status {where}")
    else:
        return
    click.get_current_context().exit(NOT_DELIVERED)


def _show_progress(found: Convergence) -> None:
    progress(f"waiting: {found.current} of {count(found.current + len(found.late), 'live reader')} serve it")


def _document(move: Move, readers: Convergence | None, expected: EvalCostDelta | None) -> dict[str, Any]:
    plan, head = move.plan, move.plan.head
    generation = move.release.generation if move.release else 0
    document: dict[str, Any] = {
        "workflow": plan.target.workflow,
        "environment": plan.environment,
        "kind": plan.kind,
        "changed": move.changed,
        "generation": generation,
        "version": plan.target.number,
        "tag": plan.target.tag,
        "digest": plan.target.digest,
        "previous_version": head.version if head else None,
        "delivered": move.delivered,
        "elapsed_ms": round(move.elapsed_ms, 1),
        "dry_run": move.dry_run,
        "on_hold": plan.on_hold,
        "hash": move.release.hash if move.release else None,
        "undo": move.undo,
        "gate": _gate_document(move),
    }
    if expected:
        document["expected_cost"] = {
            "cases": expected.cases, "ratio": expected.ratio, "low": expected.low, "high": expected.high,
        }  # fmt: skip
    if readers:
        document["readers"] = {
            "current": readers.current, "late": list(readers.late), "silent": list(readers.silent)
        }  # fmt: skip
    return document


def _text(move: Move, readers: Convergence | None, expected: EvalCostDelta | None) -> str:
    plan = move.plan
    what = f"{plan.target.ref} ({plan.target.tag})"
    was = f"version {plan.head.version} ({plan.head.tag})" if plan.head else "nothing"
    if not plan.changes:
        return f"{what} is what is live in {plan.environment} already; nothing was changed"
    if move.dry_run:
        heading = (
            f"would {plan.kind.replace('rollback', 'roll back')} {plan.environment} to {what}; nothing was changed"
        )
    else:
        heading = click.style(f"{_DONE[plan.kind]} {plan.environment} to {what}", bold=True)
    pairs = [("was", was), ("digest", short(plan.target.digest)), ("gate", _gate(move)), ("hold", _hold(move))]
    if move.gate:
        pairs.append(("calls", calls_words(move.gate)))
    if expected:
        pairs.append(("cost", _expected(expected)))
    if move.release and not move.dry_run:
        pairs.append(("release", f"generation {move.release.generation}, by {move.release.actor}"))
        pairs.append(("delivered", f"in {move.elapsed_ms:.0f} ms" if move.delivered else "no"))
    if readers:
        silent = f", {len(readers.silent)} silent" if readers.silent else ""
        pairs.append(("readers", f"{readers.current} serve it, {len(readers.late)} do not{silent}"))
    pairs.append(("undo", move.undo))
    return f"{heading}\n{facts(pairs)}"


def _gate_document(move: Move) -> dict[str, Any] | None:
    """The verdict that the release stores; None where no gate was asked."""
    if move.gate is None:
        return None
    from agent_deploy.gates.verdict import gate_document

    return gate_document(move.gate) | {"overridden": move.gate.verdict != "passed"}


def _gate(move: Move) -> str:
    """The verdict in words; empty where no gate was asked."""
    if move.gate is None:
        return "none required" if move.plan.kind == "promote" else ""
    if move.gate.verdict == "passed":
        return f"passed, {count(len(move.gate.rules), 'rule')}"
    open_rules = ", ".join(rule.rule.replace("_", " ") for rule in move.gate.rules if rule.verdict != "passed")
    return f"OVERRIDDEN: {move.gate.verdict} ({open_rules})"


def _expected(delta: EvalCostDelta) -> str:
    """`+60 % a case is to be expected (95 % CI +59 to +60 %), by the eval runs on 61 cases`."""
    from agent_deploy.costs.wording import percent

    low, high = percent(delta.low), percent(delta.high)
    cases = count(delta.cases, "case")
    return f"{percent(delta.ratio)} a case is to be expected (95 % CI {low} to {high}), by the eval runs on {cases}"


def _hold(move: Move) -> str:
    """Who is on hold after this move, in words."""
    plan = move.plan
    if plan.kind == "rollback" and plan.head:
        leaves = f"version {plan.head.version} {'would be' if move.dry_run else 'is'} on hold"
        return f"{leaves}; version {plan.target.number} was, and no longer is" if plan.on_hold else leaves
    if plan.override_hold:
        return f"version {plan.target.number} was on hold: overridden"
    return ""
