"""`agent-deploy evals show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.evals.writing import write_or_print
from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit

if TYPE_CHECKING:
    from agent_deploy.operations.evals.show import ShownRun


@click.command(
    "show",
    epilog=example(
        "agent-deploy evals show run-3fa2c1d0e9 --failed",
        "agent-deploy evals show run-3fa2c1d0e9 --junit evals.xml",
    ),
)
@click.argument("run", metavar="RUN")
@click.option("--failed", is_flag=True, help="Only the cases that did not pass in every repeat.")
@click.option("--case", metavar="ID", help="Only this case, whole.")
@click.option("--report", type=click.Choice(["markdown"]), help="Print a report for a pull request instead of text.")
@click.option("--junit", metavar="FILE", help="Write JUnit XML; - prints it instead of text.")
@json_option
@pass_settings
def command(
    settings: Settings, run: str, failed: bool, case: str | None, report: str | None, junit: str | None, as_json: bool
) -> None:
    """Show one run: its figures and its cases.

    Outputs are shortened; --case shows one whole, --json all of them.
    """
    from agent_deploy.operations.evals.show import show

    if sum((bool(report), junit == "-", as_json)) > 1:
        raise click.UsageError("Of --report, --junit - and --json, give one: each prints to stdout.")
    shown = show(settings.registry(), run, failed=failed, case=case)
    if junit is not None:
        from agent_deploy.evals.reports.junit import junit_xml

        write_or_print(junit, junit_xml(shown.run, shown.eval_set, shown.results).decode())
    if junit != "-":
        emit(as_json, _document(shown), lambda: _markdown(shown) if report else _text(shown, whole=case is not None))


def _document(shown: ShownRun) -> dict[str, Any]:
    from agent_deploy.evals.reports.document import case_document, run_document, slices_document
    from agent_deploy.evals.slices import slices_of

    return {
        "run": run_document(shown.run),
        "slices": slices_document(slices_of(shown.outcomes)),
        "flaky": sorted(shown.flaky),
        "cases": [case_document(case, shown.results[case.id], flaky=case.id in shown.flaky) for case in shown.cases],
    }


def _markdown(shown: ShownRun) -> str:
    from agent_deploy.evals.reports.markdown import run_report

    return run_report(shown.run, shown.eval_set, shown.outcomes, shown.results).rstrip("\n")


def _text(shown: ShownRun, *, whole: bool) -> str:
    from agent_deploy.cli.evals.show_text import show_text

    return show_text(shown, whole=whole)
