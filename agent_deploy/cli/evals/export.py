"""`agent-deploy evals export`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, facts


@click.command(
    "export",
    epilog=example(
        "agent-deploy evals export run-3fa2c1d0e9 --in-toto --output statement.json",
        "agent-deploy evals export run-3fa2c1d0e9 --in-toto --fail-under 0.95",
    ),
)
@click.argument("run", metavar="RUN")
@click.option(
    "--in-toto",
    is_flag=True,
    required=True,
    expose_value=False,
    help="As an in-toto statement, predicate test-result v0.1.",
)
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Else to stdout.")
@click.option(
    "--fail-under", type=click.FloatRange(0, 1), metavar="RATE",
    help="WARNED, not FAILED, from this pass rate on; else every case has to pass.",
)  # fmt: skip
@click.option("--url", metavar="URL", default="", help="Where the run can be seen, such as the CI job.")
@json_option
@pass_settings
def command(
    settings: Settings, run: str, output: Path | None, fail_under: float | None, url: str, as_json: bool
) -> None:
    """Write a run as an in-toto test result.

    Its subject is the bundle's digest, so that a policy can ask for it beside the signature.
    """
    from agent_deploy.operations.evals.export import export

    done = export(settings.registry(), run, output, fail_under=fail_under, url=url)
    started, predicate = done.run.started, done.statement["predicate"]
    if output is None:
        emit(True, done.statement, lambda: "")
        return
    document = {
        "run": started.id,
        "workflow": started.workflow,
        "version": started.version,
        "digest": started.digest,
        "result": predicate["result"],
        "file": str(output),
    }
    pairs = [
        ("result", predicate["result"]),
        ("subject", f"{started.workflow}@{started.version} {started.digest}"),
    ]
    emit(as_json, document, lambda: f"exported {started.id} to {output}\n{facts(pairs)}")
