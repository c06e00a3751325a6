"""`agent-deploy evals calibrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, actor_option, env_option, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit, facts, short, table

if TYPE_CHECKING:
    from agent_deploy.config import Config
    from agent_deploy.operations.evals.calibrate import Calibrated, JudgeCalibrated

_MOST_CASES = 10


@click.command(
    "calibrate",
    epilog=example(
        "agent-deploy evals calibrate support-triage",
        "agent-deploy evals calibrate support-triage --judge evals/labels.jsonl",
    ),
)
@click.argument("workflow", metavar="WORKFLOW")
@env_option
@click.option("--cases", metavar="PATH", help="The eval set; else the configuration's.")
@click.option("--repeats", type=click.IntRange(min=1), metavar="K", help="Repeats of each of the two runs.")
@click.option("--run", metavar="RUN", help="Take a run with repeats that is on record; ask nothing.")
@click.option("--judge", "labels", metavar="LABELS", help="Measure the set's judges by outputs that people judged.")
@actor_option
@json_option
@pass_settings
def command(
    settings: Settings, workflow: str, environment: str | None, cases: str | None, repeats: int | None,
    run: str | None, labels: str | None, actor: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Run the live version against itself: what can the gate see?

    What flips without any change is noise, and no gate can see a change much smaller. With --judge: how far the eval
    set's LLM judges agree with people, as the gate's `judge` rule needs. Both go on record.
    """
    from agent_deploy.actor import find_actor

    if labels and (run or repeats):
        raise click.UsageError("--judge asks no agent: leave out --run and --repeats", click.get_current_context())
    config = settings.config()
    environment = config.check_environment(environment or config.default_environment)
    if labels:
        _judges(config, workflow, environment, labels, cases, find_actor(actor), as_json)
    else:
        _flips(config, workflow, environment, repeats, cases, run, find_actor(actor), as_json)


def _flips(
    config: Config, workflow: str, environment: str, repeats: int | None, cases: str | None, run: str | None,
    actor: str, as_json: bool,
) -> None:  # fmt: skip
    from agent_deploy.cli.evaluations import progress_wiped, talk
    from agent_deploy.operations.evals.calibrate import calibrate, calibrate_by_run
    from agent_deploy.wiring import open_registry

    registry = open_registry(config)
    if run:
        done = calibrate_by_run(registry, run, workflow, actor=actor)
    else:
        with progress_wiped():
            done = calibrate(
                registry, config, workflow, environment, actor=actor, repeats=repeats, cases=cases, talk=talk()
            )
    emit(as_json, _document(done), lambda: _text(done))


def _judges(
    config: Config, workflow: str, environment: str, labels: str, cases: str | None, actor: str, as_json: bool
) -> None:
    from agent_deploy.operations.evals.calibrate import calibrate_judges
    from agent_deploy.wiring import open_registry

    made = calibrate_judges(open_registry(config), config, workflow, environment, labels, actor=actor, cases=cases)
    document = {"workflow": workflow, "labels": labels, "judges": [_judge_document(found) for found in made]}
    emit(as_json, document, lambda: _judges_text(made))


def _document(done: Calibrated) -> dict[str, Any]:
    started, flips = done.run.started, done.flips
    return {
        "workflow": started.workflow,
        "version": started.version,
        "digest": started.digest,
        "run": started.id,
        "cases": flips.cases,
        "repeats": flips.repeats,
        "flip_rate": flips.rate,
        "flaky": list(flips.flaky),
        "detectable": flips.detectable,
        "pass_rate": done.run.pass_rate,
        "errored": done.run.errored,
    }


def _text(done: Calibrated) -> str:
    from agent_deploy.wording import percent

    started, flips = done.run.started, done.flips
    rest = len(flips.flaky) - _MOST_CASES
    flaky = ", ".join(flips.flaky[:_MOST_CASES]) + (f" and {rest} more" if rest > 0 else "")
    pairs = [
        ("run", started.id),
        ("asked", f"{count(flips.cases, 'case')} × {flips.repeats}"),
        ("pass rate", percent(done.run.pass_rate)),
        ("errored", str(done.run.errored) if done.run.errored else ""),
        ("flip rate", f"{percent(flips.rate)} of the cases end otherwise when asked again"),
        ("flaky", flaky or "none"),
        ("detectable", f"a change of {100 * flips.detectable:.1f} points or more"),
    ]
    heading = click.style(f"{started.workflow}@{started.version} against itself", bold=True)
    return f"{heading}\n{facts(pairs)}"


def _judge_document(found: JudgeCalibrated) -> dict[str, Any]:
    measured = found.agreement
    return {
        "judge": found.judge,
        "digest": found.digest,
        "outputs": measured.total,
        "errored": measured.errored,
        "agreement": measured.agreement,
        "sensitivity": measured.sensitivity,
        "specificity": measured.specificity,
    }


def _judges_text(made: list[JudgeCalibrated]) -> str:
    from agent_deploy.wording import percent

    rows = []
    for found in made:
        measured = found.agreement
        shares = (measured.sensitivity, measured.specificity, measured.corrected(0.9))
        told = [percent(share) if share is not None else "unknown" for share in shares]
        rows.append(
            [found.judge, short(found.digest), str(measured.total), str(measured.errored),
             percent(measured.agreement), *told]
        )  # fmt: skip
    headings = ["JUDGE", "RUBRIC", "OUTPUTS", "ERRORED", "AGREEMENT", "SENSITIVITY", "SPECIFICITY", "ITS 90 % MEANS"]
    return table(headings, rows)
