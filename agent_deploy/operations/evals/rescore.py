"""evals rescore: the answers of a run, judged by today's scorers. The agent is not asked."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from agent_deploy.config import Config
from agent_deploy.evals.cases import EvalSet
from agent_deploy.evals.recording import new_run_id, read_results, read_set, record_finished, record_started
from agent_deploy.evals.running.summary import summarise
from agent_deploy.evals.runs import Run
from agent_deploy.operations.evals.judging import Judging, judge
from agent_deploy.operations.evals.show import finished_run
from agent_deploy.operations.evaluating import bundle_of, find_cases
from registry.catalog import version_numbered
from registry.errors import BadInput
from registry.registry import Registry
from registry.times import now


@dataclass(frozen=True, slots=True)
class Rescored:
    """The new run beside the one whose answers it judges."""

    before: Run
    run: Run


def rescore(
    registry: Registry,
    config: Config,
    id_: str,
    *,
    actor: str,
    cases: str | None = None,
    clock: Callable[[], datetime] = now,
    random_hex: Callable[[], str] = lambda: secrets.token_hex(5),
) -> Rescored:
    """Judge a run's answers anew, on the eval set as its file is today, and put that on record as a run of its own.

    cases: the set's path; else the configuration's. A case that ended in an error without an answer stays errored.
    Judges are asked; what the agent cost and how long it took is taken over. Raises BadInput, before anyone is asked,
    when the set has a case to which the run has no answer. Interrupted, it leaves nothing on record.
    """
    from agent_deploy.costs.prices import open_prices
    from agent_deploy.evals.reading import read_eval_set

    before = finished_run(registry, id_)
    with registry.database.read() as connection:
        version = version_numbered(connection, before.started.workflow, before.started.version)
    path, name, on_record = find_cases(config, version.workflow, cases)
    eval_set = read_eval_set(path, name)
    _check_answered(eval_set, read_set(registry, before.started), before)
    started = replace(
        before.started, id=new_run_id(random_hex()), set_path=name, set_digest=eval_set.digest,
        cases=len(eval_set.cases), origin=f"rescore:{before.started.id}", actor=actor, started_at=clock(),
        on_record=on_record and before.started.on_record,
    )  # fmt: skip
    answers = {(result.case, result.repeat): result for result in read_results(registry, before)}
    judging = Judging(
        eval_set, bundle_of(registry, version, started.environment).output_schema, path.parent,
        config.eval_settings(version.workflow), open_prices(config.prices), started.started_at,
    )  # fmt: skip
    results, judges = asyncio.run(judge(judging, started.repeats, answers))
    summary = summarise(
        replace(started, judges=judges), eval_set, results, finished_at=clock(), priced=judging.priced,
        prices=judging.prices.version if judges else before.prices,
    )  # fmt: skip
    record_started(registry, version, summary.run.started, eval_set)
    record_finished(registry, version, summary.run, summary.outcomes, summary.results)
    return Rescored(before, summary.run)


def _check_answered(today: EvalSet, then: EvalSet, run: Run) -> None:
    inputs = {case.id: case.input for case in then.cases}
    missing = [case.id for case in today.cases if case.id not in inputs or inputs[case.id] != case.input]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise BadInput(
            f"{run.started.id} holds no answer to {len(missing)} cases of {today.path}, for they are new or ask "
            f"otherwise: {', '.join(map(repr, missing[:5]))}{more}",
            unchanged="Nothing was scored.",
            next_command=f"agent-deploy eval {run.started.workflow}@{run.started.version}",
        )
