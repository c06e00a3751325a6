"""`agent-deploy evals diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit

if TYPE_CHECKING:
    from agent_deploy.evals.comparing import Diff


@click.command(
    "diff",
    epilog=example(
        "agent-deploy evals diff support-triage@production support-triage@43",
        "agent-deploy evals diff run-3fa2c1d0e9 run-81b0c4e2aa --report markdown",
    ),
)
@click.argument("before", metavar="REF|RUN")
@click.argument("after", metavar="REF|RUN")
@click.option("--env", "environment", metavar="ENV", help="For a REF: only runs made for this environment.")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, metavar="N", help="Cases a kind.")
@click.option("--report", type=click.Choice(["markdown"]), help="Print a report for a pull request instead of text.")
@json_option
@pass_settings
def command(
    settings: Settings, before: str, after: str, environment: str | None, limit: int, report: str | None, as_json: bool
) -> None:
    """Show which cases changed from one run to another.

    Of a REF its newest finished run is taken, on the newest eval set that both have runs on. Flaky cases, on which
    repeats or other runs of one version disagree, are marked. --json has every case and every output whole.
    """
    from agent_deploy.operations.evals.diff import diff

    if report and as_json:
        raise click.UsageError("Of --report and --json, give one: each prints to stdout.")
    found = diff(settings.registry(), before, after, environment)
    if report:
        emit(False, {}, lambda: _markdown(found))
    else:
        from agent_deploy.evals.reports.document import diff_document

        emit(as_json, diff_document(found) if as_json else {}, lambda: _text(found, limit))


def _markdown(found: Diff) -> str:
    from agent_deploy.evals.reports.markdown import diff_report

    return diff_report(found).rstrip("\n")


def _text(found: Diff, limit: int) -> str:
    from agent_deploy.cli.evals.diff_text import diff_text

    return diff_text(found, limit)
