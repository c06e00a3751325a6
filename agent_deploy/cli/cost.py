"""`agent-deploy cost`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, tell_error

if TYPE_CHECKING:
    from agent_deploy.config import Config
    from agent_deploy.operations.cost import Costs
    from agent_deploy.telemetry.spending.totals import By


@click.command(
    "cost",
    epilog=example(
        "agent-deploy cost support-triage --by version --since 7d",
        "agent-deploy cost support-triage --by tenant --outcome resolved --env production",
        "agent-deploy cost support-triage --compare 41 42 --since 14d",
    ),
)
@click.argument("workflow", metavar="WORKFLOW")
@click.option("--env", "environment", metavar="ENV", help="One environment only; all if left out.")
@click.option("--since", metavar="WHEN", default="7d", show_default=True, help="A span ago (24h, 7d), or a date.")
@click.option("--until", metavar="WHEN", help="Likewise; now if left out.")
@click.option("--by", type=click.Choice(["version", "tenant", "model", "step", "day"]), help="A line for each.")
@click.option("--outcome", metavar="NAME", help="Cost per this outcome alone; all outcomes if left out.")
@click.option("--compare", nargs=2, metavar="REF REF", help="The fair difference from one version to another.")
@json_option
@pass_settings
def command(
    settings: Settings, workflow: str, environment: str | None, since: str, until: str | None, by: By | None,
    outcome: str | None, compare: tuple[str, str] | None, as_json: bool,
) -> None:  # fmt: skip
    """Show what a workflow's calls cost.

    Costs are worked out from tokens, at the prices of the day. A call of a model without a price is counted as unknown,
    never as free. With --compare: both versions at the same prices and over the same mix of tenants and input sizes,
    how sure that is, and why they differ.
    """
    from agent_deploy.operations.moments import moment_of
    from registry.errors import BadInput
    from registry.times import now

    at = now()
    first = moment_of(since, "--since", at)
    last = moment_of(until, "--until", at) if until else None
    if first >= (last or at):
        raise BadInput(f"--since {since} is not before {f'--until {until}' if until else 'now'}")
    config = settings.config()
    if environment:
        config.check_environment(environment)
    if compare:
        _refuse_with_compare(by, outcome)
        _compare(settings, config, workflow, compare, environment, first, last, as_json)
    else:
        _report(config, workflow, environment, first, last, by, outcome, as_json)


def _refuse_with_compare(by: By | None, outcome: str | None) -> None:
    if by or outcome:
        raise click.UsageError(f"--compare does not go with {'--by' if by else '--outcome'}")


def _report(
    config: Config, workflow: str, environment: str | None, since: datetime, until: datetime | None, by: By | None,
    outcome: str | None, as_json: bool,
) -> None:  # fmt: skip
    from agent_deploy.cli.cost_text import report_document, report_text
    from agent_deploy.costs.prices import open_prices
    from agent_deploy.operations.cost import cost
    from agent_deploy.operations.workflows import workflows_on_record
    from agent_deploy.telemetry.facts.store import open_facts

    found = cost(
        open_facts(config), open_prices(config.prices), workflow, since=since, until=until, environment=environment,
        by=by, known=lambda: workflows_on_record(config),
    )  # fmt: skip
    emit(as_json, report_document(found, outcome), lambda: report_text(found, outcome))
    _tell_unknown(found, config)


def _compare(
    settings: Settings, config: Config, workflow: str, refs: tuple[str, str], environment: str | None,
    since: datetime, until: datetime | None, as_json: bool,
) -> None:  # fmt: skip
    from agent_deploy.cli.cost_text import delta_document, delta_text
    from agent_deploy.costs.prices import open_prices
    from agent_deploy.operations.cost_delta import fair_delta, version_of
    from agent_deploy.telemetry.facts.store import open_facts

    old, new = (version_of(settings.registry, workflow, ref) for ref in refs)
    facts, prices = open_facts(config), open_prices(config.prices)
    delta = fair_delta(facts, prices, workflow, old, new, since=since, until=until, environment=environment)
    emit(as_json, delta_document(delta, workflow, prices.version), lambda: delta_text(delta))


def _tell_unknown(found: Costs, config: Config) -> None:
    """The alarm: what is in no figure, for nobody knows its price."""
    from agent_deploy.cli.output import count

    for each in found.unpriced:
        why = f"no price is known for {each.source}" if each.why == "no price" else f"{each.source}: no token counts"
        where = config.prices or f"a file that 'prices' in {config.file or 'agent-deploy.toml'} names"
        add = f"add a [[price]] to {where}   # docs/prices.md" if each.why == "no price" else ""
        tell_error(f"{why} ({count(each.model_calls, 'model call')})", "", add)
