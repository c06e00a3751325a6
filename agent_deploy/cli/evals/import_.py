"""`agent-deploy evals import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, actor_option, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit, facts

if TYPE_CHECKING:
    from agent_deploy.evals.runs import Run


@click.command(
    "import",
    epilog=example(
        "agent-deploy evals import results.json --version support-triage@42",
        "agent-deploy evals import results.json --version support-triage@42 --cases evals/support-triage.yaml",
    ),
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--version", "ref", metavar="REF", required=True, help="The version that the results are of.")
@click.option(
    "--format", "format_", type=click.Choice(["promptfoo", "inspect", "junit"]), help="Else told by the file's looks."
)
@click.option("--column", type=click.IntRange(min=1), metavar="N", help="promptfoo: which prompt and provider it was.")
@click.option("--cases", metavar="PATH", help="The eval set whose cases these are; else one of the file's own cases.")
@click.option("--env", "environment", metavar="ENV", default="", help="The environment that the run is for.")
@actor_option
@json_option
@pass_settings
def command(
    settings: Settings, file: Path, ref: str, format_: Any, column: int | None, cases: str | None, environment: str,
    actor: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Take the results of another tool as a run.

    FILE: JSON of promptfoo, a log of Inspect (.json, .eval) or JUnit XML. Only with --cases, and just its cases in the
    file, can a gate count the run.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.evals.reports.document import run_document
    from agent_deploy.operations.evals.import_ import import_
    from agent_deploy.wiring import open_registry

    config = settings.config()
    environment = config.check_environment(environment) if environment else ""
    run = import_(
        open_registry(config), config, file, ref, actor=find_actor(actor), environment=environment, format_=format_,
        column=column, cases=cases,
    )  # fmt: skip
    emit(as_json, run_document(run), lambda: _text(run, file))


def _text(run: Run, file: Path) -> str:
    from agent_deploy.wording import usd

    started = run.started
    pairs = [
        ("run", started.id),
        ("cases", f"{started.cases:,}" + (f", each {started.repeats} times" if started.repeats > 1 else "")),
        ("passed", f"{run.passed:,}"),
        ("failed", f"{run.failed:,}"),
        ("errored", f"{run.errored:,}"),
        ("cost", usd(run.cost_usd)),
        ("counts", "for the gate" if started.on_record else "for no gate: the set is not the workflow's own"),
        ("next", f"agent-deploy evals show {started.id} --failed"),
    ]
    return f"imported {count(run.total, 'result')} of {started.workflow}@{started.version} from {file}\n{facts(pairs)}"
