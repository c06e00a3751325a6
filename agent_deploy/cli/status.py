"""`agent-deploy status`."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit, moment, table, tell_error
from agent_deploy.cli.releases import gate_of, gate_word

if TYPE_CHECKING:
    from agent_deploy.cli.drill.beside import Drills
    from agent_deploy.costs.compare import CostDelta
    from agent_deploy.operations.drill.status import DrillStatus
    from agent_deploy.operations.live_cost import LiveCost, LiveCosts
    from agent_deploy.operations.status import Live, Status
    from registry.models import Release

_HEADINGS = ["WORKFLOW", "ENVIRONMENT", "VERSION", "TAG", "GENERATION", "GATE", "SINCE", "BY", "DELIVERED", "READERS"]


@click.command("status", epilog=example("agent-deploy status", "agent-deploy status support-triage --env production"))
@click.argument("workflow", metavar="[WORKFLOW]", required=False)
@click.option("--env", "environment", metavar="ENV", help="One environment only; all if left out.")
@json_option
@pass_settings
def command(settings: Settings, workflow: str | None, environment: str | None, as_json: bool) -> None:
    """Show what is live where, and who serves it.

    Readers are current (serve the head), behind (serve an older generation) or silent (have not been heard of).
    """
    from agent_deploy.cli.drill.beside import drills_of
    from agent_deploy.operations.live_cost import live_costs
    from agent_deploy.operations.status import status
    from agent_deploy.wiring import open_registry

    config = settings.config()
    registry = open_registry(config)
    found = status(registry, workflow, environment)
    heads = [live.release for live in found.live]
    costs, drills = live_costs(registry, config, heads), drills_of(registry, config, heads)
    emit(as_json, _document(found, costs, drills), lambda: _text(found, environment, costs, drills))
    if found.store_error:
        tell_error(f"readers could not be counted: {found.store_error}", "", "agent-deploy doctor")
    elif costs.error:  # the same store as a rule
        tell_error(f"costs could not be told: {costs.error.message}", "", costs.error.next_command)
    if any(not live.delivered for live in found.live):
        tell_error("not every release is delivered; readers serve older ones", "", "agent-deploy deliver")


def _document(found: Status, costs: LiveCosts, drills: Drills) -> dict[str, Any]:
    workflows = [
        {"workflow": workflow, "environments": [_environment(live, costs, drills) for live in lives]}
        for workflow, lives in groupby(found.live, key=lambda live: live.release.workflow)
    ]
    besides = {
        "store_error": found.store_error,
        "costs_error": costs.error.message if costs.error else "",
        "cost_deltas_untold": costs.untold,
    }
    return {"workflows": workflows, **{name: said for name, said in besides.items() if said}}


def _environment(live: Live, costs: LiveCosts, drills: Drills) -> dict[str, Any]:
    from registry.times import to_text

    release = live.release
    known = _known(release, costs)
    return {
        "environment": release.environment,
        "version": release.version,
        "tag": release.tag,
        "digest": release.digest,
        "generation": release.generation,
        "kind": release.kind,
        "actor": release.actor,
        "reason": release.reason,
        "released_at": to_text(release.released_at),
        "gate": gate_of(release),
        "delivered": live.delivered,
        "readers": {"current": live.readers.current, "behind": live.readers.behind, "silent": live.readers.silent},
        "cost_delta": _delta(known.delta) if known and known.delta else None,
        "unpriced": list(known.unpriced) if known else [],
        **_drill(drills.get((release.workflow, release.environment))),
    }


def _drill(status: DrillStatus | None) -> dict[str, Any]:
    """Nothing where there is no drill policy."""
    if status is None:
        return {}
    from agent_deploy.cli.drill.status import document

    return {"drill": document(status)}


def _delta(delta: CostDelta) -> dict[str, Any]:
    return {
        "from": delta.from_version,
        "to": delta.to_version,
        "ratio": delta.ratio,
        "low": delta.low,
        "high": delta.high,
        "verdict": delta.verdict,
    }


def _text(found: Status, environment: str | None, costs: LiveCosts, drills: Drills) -> str:
    from agent_deploy.cli.drill.beside import line

    if not found.live:
        if environment:
            return f"nothing is live in {environment}; next: agent-deploy status   # of every environment"
        return "nothing is live yet; next: agent-deploy promote WORKFLOW --version 1"
    notes = [note for live in found.live for note in _notes(live.release, costs)]
    if costs.untold:
        notes.append(f"what {count(costs.untold, 'more release')} changed in cost: agent-deploy status WORKFLOW")
    notes += map(line, drills.values())
    return "\n".join([table(_HEADINGS, [_cells(live) for live in found.live]), *([""] if notes else []), *notes])


def _notes(release: Release, costs: LiveCosts) -> list[str]:
    """What traffic says: whether the version is dearer than the one before, and which models have no price."""
    from agent_deploy.costs.wording import sentence

    place, known = f"{release.workflow} in {release.environment}", _known(release, costs)
    if known is None:
        return []
    notes = []
    if known.delta and known.delta.verdict != "not_enough_data":
        notes.append(f"{place}: {sentence(known.delta)}")
    if known.unpriced:
        notes.append(f"{place}: no price is known for {', '.join(known.unpriced)}, so costs leave those calls out")
    return notes


def _known(release: Release, costs: LiveCosts) -> LiveCost | None:
    return costs.by_place.get((release.workflow, release.environment))


def _cells(live: Live) -> list[str]:
    release, readers = live.release, live.readers
    counts = (("current", readers.current), ("behind", readers.behind), ("silent", readers.silent))
    told = ", ".join(f"{number} {name}" for name, number in counts if number) or "none"
    return [
        release.workflow, release.environment, str(release.version), release.tag,
        f"{release.generation} ({release.kind})", gate_word(release), moment(release.released_at), release.actor,
        "yes" if live.delivered else "NO", told,
    ]  # fmt: skip
