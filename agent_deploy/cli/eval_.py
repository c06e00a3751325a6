"""`agent-deploy eval`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent_deploy.cli.options import Settings, actor_option, env_option, example, json_option, pass_settings

if TYPE_CHECKING:
    from agent_deploy.config import Config
    from agent_deploy.operations.eval_ import Evaluation
    from agent_deploy.operations.evaluating import Wanted

# What a resumed run has from its start, and cannot be told otherwise.
_OF_THE_START = ("ref", "cases", "agent", "repeats", "environment", "tag", "with_baseline")


class _Usd(click.ParamType[Decimal]):
    name = "usd"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        from decimal import InvalidOperation

        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal(0)
        if not amount.is_finite() or amount <= 0:
            self.fail(f"{value!r} is not an amount of US dollars above 0", param, ctx)
        return amount


@click.command(
    "eval",
    epilog=example(
        "agent-deploy eval support-triage@42",
        "agent-deploy eval support-triage@42 --with-baseline --repeats 3 --max-cost-usd 2.50",
        "agent-deploy eval --resume run-3fa2c1d0e9",
    ),
)
@click.argument("ref", metavar="[REF]", required=False)
@click.option("--cases", metavar="PATH", help="The eval set; else the configuration's.")
@click.option("--agent", metavar="AGENT", help="module:function, 'cmd: …', 'lines: …', a URL, bundle, bundle:PROMPT.")
@click.option("--repeats", type=click.IntRange(min=1), metavar="K", help="Ask each case so many times.")
@click.option("--concurrency", type=click.IntRange(min=1), metavar="N", help="Questions under way at once.")
@env_option
@click.option("--tag", metavar="TAG", help="A label for the run, to find it by.")
@click.option("--resume", metavar="RUN", help="Go on with a run that was stopped, instead of starting one.")
@click.option("--max-cost-usd", type=_Usd(), metavar="X", help="Stop before more than X US dollars are spent.")
@click.option("--no-cache", is_flag=True, help="Ask providers anew, even what they answered before.")
@click.option("--with-baseline", is_flag=True, help="Evaluate what is live in ENV first, if it has no run on this set.")
@click.option("--fail-under", type=click.FloatRange(0, 1), metavar="RATE", help="Exit 4 when fewer than RATE pass.")
@click.option(
    "--max-error-rate", type=click.FloatRange(0, 1), metavar="RATE",
    help="Exit 1 when more than RATE end in an error; else the gate's limit, else 0.02.",
)  # fmt: skip
@click.option("--report", type=click.Choice(["markdown"]), help="Print a report for a pull request instead of text.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write JUnit XML too.")
@actor_option
@json_option
@pass_settings
def command(
    settings: Settings, ref: str | None, cases: str | None, agent: str | None, repeats: int | None,
    concurrency: int | None, environment: str | None, tag: str | None, resume: str | None,
    max_cost_usd: Decimal | None, no_cache: bool, with_baseline: bool, fail_under: float | None,
    max_error_rate: float | None, report: str | None, junit: Path | None, actor: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Try a version on its eval set, and record what came of it.

    Every case is asked, scored and put on record as one run, which the gate reads. Ctrl-C keeps what is done; --resume
    goes on from there. Exit 0 when the run is complete, whatever the scores.
    """
    from agent_deploy.cli.evaluations import finish, progress_wiped
    from agent_deploy.operations.evaluating import Wanted
    from agent_deploy.operations.writing import check_can_write

    _check_words(ref, resume)
    if junit:
        check_can_write(junit)
    wanted = Wanted(cases, agent, repeats, concurrency, max_cost_usd, False if no_cache else None)
    config = settings.config()
    with progress_wiped():
        if resume is not None:
            done = _resume(config, resume, wanted)
        else:
            done = _evaluate(config, str(ref), wanted, environment, tag or "", actor, with_baseline)
    limit = max_error_rate if max_error_rate is not None else _error_limit(config, done)
    finish(done, limit, fail_under, report, junit, as_json)


def _check_words(ref: str | None, resume: str | None) -> None:
    context = click.get_current_context()
    if resume is None and ref is None:
        raise click.UsageError("Give a version, like support-triage@42, or --resume RUN.", context)
    given = [name for name in _OF_THE_START if context.params[name]]
    if resume is not None and given:
        words = "REF" if given[0] == "ref" else "--env" if given[0] == "environment" else f"--{given[0]}"
        message = f"--resume goes on with what the run began with: leave out {words.replace('_', '-')}"
        raise click.UsageError(message, context)


def _evaluate(
    config: Config, ref: str, wanted: Wanted, environment: str | None, tag: str, actor: str | None, with_baseline: bool
) -> Evaluation:
    from agent_deploy.actor import find_actor
    from agent_deploy.cli.evaluations import talk
    from agent_deploy.operations.eval_ import evaluate
    from agent_deploy.wiring import gate_policy, open_registry
    from registry.refs import parse_ref

    environment = config.check_environment(environment or config.default_environment)
    policy = gate_policy(config, parse_ref(ref).workflow, environment)
    return evaluate(
        open_registry(config), config, ref, wanted, environment, actor=find_actor(actor), policy=policy, tag=tag,
        with_baseline=with_baseline, talk=talk(),
    )  # fmt: skip


def _resume(config: Config, run: str, wanted: Wanted) -> Evaluation:
    from agent_deploy.cli.evaluations import talk
    from agent_deploy.operations.eval_ import resume
    from agent_deploy.wiring import open_registry

    return resume(open_registry(config), config, run, wanted, talk=talk())


def _error_limit(config: Config, done: Evaluation) -> float:
    """The gate's limit; the default one where there is no gate."""
    from agent_deploy.gates.policy import Policy
    from agent_deploy.wiring import gate_policy

    started = done.run.started
    return (gate_policy(config, started.workflow, started.environment) or Policy()).max_error_rate
