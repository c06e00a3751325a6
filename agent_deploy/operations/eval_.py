"""eval: a version is tried on an eval set, and what came of it goes on record."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from agent_deploy.config import Config
from agent_deploy.evals.cases import EvalSet
from agent_deploy.evals.recording import find_run, new_run_id, newest_that_counts, read_set
from agent_deploy.evals.results import Result
from agent_deploy.evals.runs import Run, RunStarted
from agent_deploy.gates.facts import Baseline
from agent_deploy.gates.gathering import baseline_of
from agent_deploy.gates.policy import Policy
from agent_deploy.operations.ahead import lines_ahead
from agent_deploy.operations.evaluating import CALIBRATE, EVAL, Talk, Trial, Wanted, find_cases, is_own_agent
from agent_deploy.operations.running import carry_out, journal_path
from agent_deploy.operations.show import find
from registry.catalog import version_numbered
from registry.errors import BadInput
from registry.models import Version
from registry.registry import Registry
from registry.releases import find_head
from registry.times import now


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run on record. results: by case and repeat. spent_usd: what is known to have been spent on it, judges included.

    baseline: what is live, and was evaluated first, on the same set.
    missing_baseline: what is live in the run's environment, when it has no finished run on this set; None otherwise.
    notes: what was said of the run before it began.
    """

    version: Version
    eval_set: EvalSet
    run: Run
    results: Mapping[tuple[str, int], Result]
    spent_usd: Decimal
    baseline: Evaluation | None = None
    missing_baseline: Version | None = None
    notes: tuple[str, ...] = ()

    def by_case(self) -> dict[str, tuple[Result, ...]]:
        """The results of each case, in the order of repeats."""
        repeats = range(self.run.started.repeats)
        return {case.id: tuple(self.results[case.id, repeat] for repeat in repeats) for case in self.eval_set.cases}


def evaluate(
    registry: Registry,
    config: Config,
    ref: str,
    wanted: Wanted,
    environment: str,
    *,
    actor: str,
    policy: Policy | None = None,
    tag: str = "",
    with_baseline: bool = False,
    talk: Talk | None = None,
    clock: Callable[[], datetime] = now,
    random_hex: Callable[[], str] = lambda: secrets.token_hex(5),
) -> Evaluation:
    """Ask a version every case, score what it answers, and put the run on record.

    environment: whose gate it is for, and policy what that gate needs. with_baseline: evaluate what is live there
    first, when it has no finished run on this set. Raises BadInput before anything is asked or recorded; RunStopped
    when it ended early, all that was done kept.
    """
    from agent_deploy.evals.reading import read_eval_set

    talk = talk or Talk()
    version = find(registry, ref)
    path, name, on_record = find_cases(config, version.workflow, wanted.cases)
    eval_set = read_eval_set(path, name)
    set_digest = eval_set.digest
    settings = wanted.over(config.eval_settings(version.workflow))

    def trial_of(version: Version) -> Trial:
        started = RunStarted(
            id=new_run_id(random_hex()), workflow=version.workflow, version=version.number, digest=version.digest,
            environment=environment, set_path=name, set_digest=set_digest, cases=len(eval_set.cases),
            repeats=settings.repeats, agent=settings.agent, origin=EVAL, tag=tag, actor=actor, started_at=clock(),
            on_record=on_record and is_own_agent(config, version.workflow, settings.agent),
        )  # fmt: skip
        return Trial(version, eval_set, path.parent, settings, started)

    baseline, live = find_baseline(registry, version, environment, set_digest)
    compared = baseline is not None and baseline.digest != version.digest
    failing = failing_cases(registry, version.workflow, baseline, set_digest) if compared else 0.0
    notes = lines_ahead(policy, environment, eval_set, settings.repeats, compared=compared, failing=failing)
    for line in notes:
        talk.say(line)
    first = None
    if with_baseline and live:
        talk.say(f"first {live.ref}, which is live in {environment}")
        first = _evaluated(registry, config, trial_of(live), talk, clock)
        talk.say(f"now {version.ref}")
    spent = first.spent_usd if first else Decimal()
    made = _evaluated(registry, config, trial_of(version), talk, clock, spent)
    return replace(made, baseline=first, missing_baseline=None if first else live, notes=tuple(notes))


def resume(
    registry: Registry,
    config: Config,
    run_id: str,
    wanted: Wanted,
    *,
    talk: Talk | None = None,
    clock: Callable[[], datetime] = now,
) -> Evaluation:
    """Go on with a run that was stopped: with its version, its set as it was, its agent and its repeats.

    What its journal holds is taken over, errors excepted. Raises NotFound, BadInput when it is complete already,
    Conflict when another process is at it.
    """
    talk = talk or Talk()
    with registry.database.read() as connection:
        started = _unfinished(find_run(connection, run_id), config)
        version = version_numbered(connection, started.workflow, started.version)
    eval_set = read_set(registry, started)
    asked = replace(wanted, agent=started.agent, repeats=started.repeats)
    if started.origin == CALIBRATE:  # which wants to see repeats disagree
        asked = replace(asked, cache=False)
    settings = asked.over(config.eval_settings(version.workflow))
    path = _set_file(started, settings.folder)
    _tell_differences(config, started, path, talk)
    trial = Trial(version, eval_set, path.parent, settings, started)
    made = _evaluated(registry, config, trial, talk, clock, resumed=True)
    _, live = find_baseline(registry, version, started.environment, eval_set.digest)
    return replace(made, missing_baseline=live)


def find_baseline(
    registry: Registry, version: Version, environment: str, set_digest: str
) -> tuple[Baseline | None, Version | None]:
    """What the gate there compares with; and its version too, when it is another one and has no finished run on this
    set.
    """
    with registry.database.read() as connection:
        baseline = baseline_of(connection, find_head(connection, version.workflow, environment))
        if baseline is None or baseline.digest == version.digest:
            return baseline, None
        if newest_that_counts(connection, version.workflow, baseline.digest, set_digest):
            return baseline, None
        return baseline, version_numbered(connection, version.workflow, baseline.version)


def failing_cases(registry: Registry, workflow: str, baseline: Baseline | None, set_digest: str) -> float:
    """How many cases the baseline fails in the run on this set that the gate goes by; 0 while there is none."""
    with registry.database.read() as connection:
        run = newest_that_counts(connection, workflow, baseline.digest, set_digest) if baseline else None
    return run.failed / run.started.repeats if run else 0.0


def _evaluated(
    registry: Registry,
    config: Config,
    trial: Trial,
    talk: Talk,
    clock: Callable[[], datetime],
    spent_usd: Decimal = Decimal(),
    *,
    resumed: bool = False,
) -> Evaluation:
    tried = asyncio.run(
        carry_out(registry, config, trial, resumed=resumed, talk=talk, clock=clock, spent_usd=spent_usd)
    )
    return Evaluation(trial.version, trial.eval_set, tried.run, tried.results, tried.spent_usd)


def _unfinished(found: Run | RunStarted, config: Config) -> RunStarted:
    if isinstance(found, Run):
        id_ = found.started.id
        journal_path(config, id_).unlink(missing_ok=True)  # a process killed after the record left it
        raise BadInput(f"{id_} is complete already", next_command=f"agent-deploy evals show {id_}")
    if found.origin not in (EVAL, CALIBRATE):
        raise BadInput(f"{found.id} cannot be resumed: it is an {found.origin}, and asked nobody anything")
    return found


def _set_file(started: RunStarted, folder: Path) -> Path:
    """Where the set's file is now, if it still is anywhere: relative to the configuration, or to us."""
    here = Path(started.set_path)
    there = folder / here
    return there if there.exists() or not here.exists() else here


def _tell_differences(config: Config, started: RunStarted, path: Path, talk: Talk) -> None:
    if not journal_path(config, started.id).exists():
        talk.say(f"{started.id} has no journal on this machine: every case is asked again")
    if not _is_as_it_was(path, started.set_digest):
        talk.say(f"{started.set_path} has changed since {started.id} began; it goes on with the set as it was")


def _is_as_it_was(path: Path, set_digest: str) -> bool:
    from agent_deploy.evals.reading import read_eval_set

    try:
        return read_eval_set(path).digest == set_digest
    except BadInput:
        return False
