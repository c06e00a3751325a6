"""evals calibrate: the live version against itself, and the judges of its eval set against people."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from agent_deploy.config import Config
from agent_deploy.evals.calibration import Agreement, Flips, agreement_of, flips_of
from agent_deploy.evals.cases import Case, EvalSet, ScorerSpec
from agent_deploy.evals.labels import Labelled, read_labels
from agent_deploy.evals.recording import find_run, new_run_id, read_outcomes
from agent_deploy.evals.results import Result
from agent_deploy.evals.runs import Run, RunStarted
from agent_deploy.operations.evals.judging import Judging, judge
from agent_deploy.operations.evaluating import CALIBRATE, Talk, Trial, Wanted, find_cases
from agent_deploy.operations.running import carry_out
from registry.catalog import lock_workflow, version_numbered
from registry.errors import BadInput
from registry.evidence import add_evidence
from registry.models import Version
from registry.refs import Ref
from registry.registry import Registry
from registry.releases import find_live
from registry.times import now

CALIBRATION = "calibration"
JUDGE_CALIBRATION = "judge-calibration"


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What the repeats of a run say of the noise in it; on record as evidence of its version."""

    run: Run
    flips: Flips


@dataclass(frozen=True, slots=True)
class JudgeCalibrated:
    """A judge measured by labelled outputs; on record by its rubric's digest, which is what the gate looks for."""

    judge: str
    digest: str
    agreement: Agreement


def calibrate(
    registry: Registry,
    config: Config,
    workflow: str,
    environment: str,
    *,
    actor: str,
    repeats: int | None = None,
    cases: str | None = None,
    talk: Talk | None = None,
    clock: Callable[[], datetime] = now,
    random_hex: Callable[[], str] = lambda: secrets.token_hex(5),
) -> Calibrated:
    """Run what is live twice over, no kept responses used, and record how often it disagrees with itself.

    repeats: of each of the two; else the configuration's. Raises NotFound when nothing is live, and what `eval` raises.
    """
    from agent_deploy.evals.reading import read_eval_set

    with registry.database.read() as connection:
        version = find_live(connection, Ref(workflow, "environment", environment))
    path, name, on_record = find_cases(config, workflow, cases)
    eval_set = read_eval_set(path, name)
    settings = Wanted(cache=False).over(config.eval_settings(workflow))
    settings = replace(settings, repeats=2 * (repeats or settings.repeats))
    started = RunStarted(
        id=new_run_id(random_hex()), workflow=workflow, version=version.number, digest=version.digest,
        environment=environment, set_path=name, set_digest=eval_set.digest, cases=len(eval_set.cases),
        repeats=settings.repeats, agent=settings.agent, origin=CALIBRATE, tag="", actor=actor, started_at=clock(),
        on_record=on_record,
    )  # fmt: skip
    trial = Trial(version, eval_set, path.parent, settings, started)
    tried = asyncio.run(carry_out(registry, config, trial, resumed=False, talk=talk or Talk(), clock=clock))
    return _recorded(registry, version, tried.run, actor, clock())


def calibrate_by_run(
    registry: Registry, run_id: str, workflow: str, *, actor: str, clock: Callable[[], datetime] = now
) -> Calibrated:
    """The same from a run with repeats that is on record already; nothing is asked."""
    with registry.database.read() as connection:
        run = find_run(connection, run_id, workflow)
        if isinstance(run, RunStarted):
            again = f"agent-deploy eval --resume {run.id}"
            raise BadInput(f"{run.id} is not complete", next_command=again)
        version = version_numbered(connection, workflow, run.started.version)
    if run.started.repeats < 2:
        raise BadInput(f"{run.started.id} asked every case once: nothing in it can disagree")
    return _recorded(registry, version, run, actor, clock())


def calibrate_judges(
    registry: Registry,
    config: Config,
    workflow: str,
    environment: str,
    labels: str,
    *,
    actor: str,
    cases: str | None = None,
    clock: Callable[[], datetime] = now,
) -> list[JudgeCalibrated]:
    """Have every judge of the workflow's eval set judge outputs that people have judged, and record how far they agree.

    labels: the file (`evals.labels`). Raises BadInput when the set has no judge, or the file is not as it has to be.
    """
    from agent_deploy.costs.prices import open_prices
    from agent_deploy.evals.reading import read_eval_set

    with registry.database.read() as connection:
        version = find_live(connection, Ref(workflow, "environment", environment))
    path, name, _ = find_cases(config, workflow, cases)
    labelled, eval_set = read_labels(Path(labels), labels), read_eval_set(path, name)
    judges = _judges(eval_set, path.parent)
    outputs = tuple(Case(found.id, found.input, found.expected) for found in labelled)
    judging = Judging(
        EvalSet(labels, outputs, judges), None, path.parent, config.eval_settings(workflow),
        open_prices(config.prices), clock(),
    )  # fmt: skip
    answers = {(found.id, 0): Result(found.id, 0, "failed", found.output) for found in labelled}
    results, digests = asyncio.run(judge(judging, 1, answers))
    made = [
        JudgeCalibrated(name, digest, _agreement(name, labelled, results)) for name, digest in sorted(digests.items())
    ]
    _record_judges(registry, version, made, actor, clock())
    return made


def _judges(eval_set: EvalSet, folder: Path) -> tuple[ScorerSpec, ...]:
    """The judges among the scorers of a set and its cases, each once. Raises BadInput when there is none."""
    from agent_deploy.evals.scorers import build_scorer

    specs = [*eval_set.scorers, *(spec for case in eval_set.cases for spec in case.scorers)]
    asked = (_upright(spec) for spec in specs)
    found = {build_scorer(spec, folder=folder).digest: spec for spec in asked if spec.name == "judge"}
    if not found:
        raise BadInput(f"{eval_set.path}: no scorer of the set is a judge", unchanged="Nothing was judged.")
    return tuple(found.values())


def _upright(spec: ScorerSpec) -> ScorerSpec:
    """The scorer, not turned round: people say what passes by the rubric."""
    options = {name: value for name, value in spec.options.items() if name != "not"}
    return ScorerSpec(spec.name.removeprefix("not_"), options)


def _agreement(name: str, labelled: list[Labelled], results: Mapping[tuple[str, int], Result]) -> Agreement:
    def verdict(found: Labelled) -> bool | None:
        scores = results[found.id, 0].scores
        return next((score.passed for score in scores if score.scorer == name), None)

    return agreement_of([found.passed for found in labelled], [verdict(found) for found in labelled])


def _recorded(registry: Registry, version: Version, run: Run, actor: str, at: datetime) -> Calibrated:
    flips = flips_of(read_outcomes(registry, run))
    body = {
        "run": run.started.id,
        "set_digest": run.started.set_digest,
        "cases": flips.cases,
        "repeats": flips.repeats,
        "flip_rate": flips.rate,
        "flaky": list(flips.flaky),
        "detectable": flips.detectable,
    }
    _record(registry, version, [(CALIBRATION, run.started.id, body)], actor, at)
    return Calibrated(run, flips)


def _record_judges(registry: Registry, version: Version, made: list[JudgeCalibrated], actor: str, at: datetime) -> None:
    records = []
    for found in made:
        body = {
            "judge": found.digest,
            "scorer": found.judge,
            "n": found.agreement.total,
            "errored": found.agreement.errored,
            "agreement": found.agreement.agreement,
            "sensitivity": found.agreement.sensitivity,
            "specificity": found.agreement.specificity,
        }
        records.append((JUDGE_CALIBRATION, found.digest, body))
    _record(registry, version, records, actor, at)


def _record(
    registry: Registry, version: Version, records: list[tuple[str, str, dict[str, Any]]], actor: str, at: datetime
) -> None:
    with registry.database.write() as connection:
        lock_workflow(connection, version.workflow)
        for kind, subject, body in records:
            add_evidence(connection, version, kind=kind, subject=subject, body=body, actor=actor, at=at)
