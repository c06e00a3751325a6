"""`agent-deploy evals rescore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent_deploy.cli.options import Settings, actor_option, example, json_option, pass_settings
from agent_deploy.cli.output import emit, facts

if TYPE_CHECKING:
    from agent_deploy.operations.evals.rescore import Rescored


@click.command("rescore", epilog=example("agent-deploy evals rescore run-3fa2c1d0e9"))
@click.argument("run", metavar="RUN")
@click.option("--cases", metavar="PATH", help="The eval set; else the configuration's.")
@actor_option
@json_option
@pass_settings
def command(settings: Settings, run: str, cases: str | None, actor: str | None, as_json: bool) -> None:
    """Score a run's stored outputs with today's scorers.

    The agent is not asked, judges are. What comes of it is a run of its own, on the eval set as it is today.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.evals.reports.document import run_document
    from agent_deploy.operations.evals.rescore import rescore
    from agent_deploy.wiring import open_registry

    config = settings.config()
    done = rescore(open_registry(config), config, run, actor=find_actor(actor), cases=cases)
    emit(as_json, {**run_document(done.run), "rescored": done.before.started.id}, lambda: _text(done))


def _text(done: Rescored) -> str:
    from agent_deploy.wording import percent, usd

    old, new = done.before, done.run
    pairs = [
        ("run", new.started.id),
        ("passed", f"{old.passed:,} of {old.total:,} → {new.passed:,} of {new.total:,} ({percent(new.pass_rate)})"),
        ("errored", f"{old.errored:,} → {new.errored:,}" if old.errored or new.errored else ""),
        ("judges", usd(new.judge_cost_usd) if new.judge_cost_usd != 0 else ""),
        ("next", f"agent-deploy evals diff {old.started.id} {new.started.id}"),
    ]
    return f"rescored {old.started.id} of {new.started.workflow}@{new.started.version}\n{facts(pairs)}"
