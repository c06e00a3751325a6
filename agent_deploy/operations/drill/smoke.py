"""Smoke cases: does the version that a drill goes back to still answer, on the models of today?"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from agent_deploy.client import Bundle, Client
from agent_deploy.config import Config
from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.recording import newest_runs, read_outcomes
from agent_deploy.evals.results import Result
from agent_deploy.operations.evaluating import bundle_of
from drills.models import Check, DrillPlan, PhaseName, Side
from drills.policy import SmokeSpec
from registry.catalog import version_numbered
from registry.registry import Registry

_CONCURRENCY = 4
_NEVER_S = 86_400.0  # a client that looks once, and then is closed


def ask_smoke(
    registry: Registry, config: Config, plan: DrillPlan, spec: SmokeSpec, side: Side, phase: PhaseName
) -> list[Check]:
    """A check a case; in phase `verify` through a client, and first one of whether that is served the side itself.

    Empty where neither the spec nor the workflow names an eval set. Raises BadInput for a set or agent that is none.
    """
    found = _cases(registry, config, plan.workflow, spec, side)
    served: list[Check] = []
    if phase == "verify":
        bundle, check = _served(registry, plan, side)
        served.append(check)
    else:
        with registry.database.read() as connection:
            version = version_numbered(connection, plan.workflow, side.version)
        bundle = bundle_of(registry, version, plan.place)
    if found is None or bundle is None:
        return served
    eval_set, folder = found
    within_s = spec.within.total_seconds()
    try:
        results = asyncio.run(_asked(config, plan.workflow, bundle, eval_set, folder, within_s))
    except TimeoutError:
        return [*served, Check("smoke cases", phase, ok=False, detail=f"not all answered within {within_s:g} s")]
    return [*served, *(_check(result, phase) for result in results)]


def _served(registry: Registry, plan: DrillPlan, side: Side) -> tuple[Bundle | None, Check]:
    """What an application that starts now is served. It leaves no record of itself: nobody counts it as a reader."""
    client = Client(registry.store, environment=plan.place, cache=False, poll_interval=_NEVER_S, heartbeat=_NEVER_S)
    with client:
        bundle = client.bundle(plan.workflow)
    same = (bundle.generation, bundle.digest) == (side.generation, side.digest)
    sample = {"generation": bundle.generation, "version": bundle.version, "digest": bundle.digest}
    told = f"a new client is served version {bundle.version}, generation {bundle.generation}"
    return (bundle if same else None), Check("served by a client", "verify", same, told, sample)


def _cases(
    registry: Registry, config: Config, workflow: str, spec: SmokeSpec, side: Side
) -> tuple[EvalSet, Path] | None:
    """The set with the chosen cases alone, and its folder; None where there is no set, or no case is wanted."""
    from agent_deploy.evals.reading import read_eval_set

    settings = config.eval_settings(workflow)
    path = settings.folder / spec.cases if spec.cases else settings.cases
    if path is None or not spec.most:
        return None
    eval_set = read_eval_set(path)
    chosen = _chosen(eval_set, spec, _known_failures(registry, workflow, side, eval_set))
    return replace(eval_set, cases=chosen), path.parent


def _chosen(eval_set: EvalSet, spec: SmokeSpec, failures: frozenset[str]) -> tuple[Case, ...]:
    """Those with the tag, or the critical ones, or where none is critical all; less those the version always failed."""
    if spec.tag:
        fit = [case for case in eval_set.cases if spec.tag in case.tags]
    else:
        fit = [case for case in eval_set.cases if case.critical] or list(eval_set.cases)
    return tuple([case for case in fit if case.id not in failures][: spec.most])


def _known_failures(registry: Registry, workflow: str, side: Side, eval_set: EvalSet) -> frozenset[str]:
    """What this version is on record as failing on this very set: an older one may lack what a newer case asks for."""
    with registry.database.read() as connection:
        runs = newest_runs(connection, workflow, side.digest, eval_set.digest)
    if not runs:
        return frozenset()
    outcomes = read_outcomes(registry, runs[0])
    pairs = zip(outcomes.cases, outcomes.status, strict=True)
    return frozenset(case for case, status in pairs if "F" in status)


async def _asked(
    config: Config, workflow: str, bundle: Bundle, eval_set: EvalSet, folder: Path, within_s: float
) -> list[Result]:
    """What became of each case: asked afresh, with no kept response, scored as in an eval, and recorded nowhere."""
    from agent_deploy.evals.agents import open_agent
    from agent_deploy.evals.providers import Providers
    from agent_deploy.evals.providers.limits import Limits
    from agent_deploy.evals.running.asking import Patience
    from agent_deploy.evals.running.spending import Spending
    from agent_deploy.evals.running.trying import Bench, try_case
    from agent_deploy.evals.scorers.assembly import scorers_for

    settings, providers = config.eval_settings(workflow), Providers()
    try:
        scorers = scorers_for(
            eval_set, output_schema=bundle.output_schema, providers=providers.get, folder=folder,
            modules=settings.folder,
        )  # fmt: skip
        async with asyncio.timeout(within_s):
            agent = await open_agent(
                settings.agent, bundle, timeout_s=settings.timeout_s, concurrency=_CONCURRENCY,
                folder=settings.folder, memory_limit_mb=settings.memory_limit_mb, providers=providers,
            )  # fmt: skip
            try:
                patience = Patience(settings.timeout_s, settings.attempts)
                bench = Bench(agent, scorers, lambda _: None, defaultdict(Limits), patience, Spending(None))
                return list(await asyncio.gather(*(try_case(bench, case, 0) for case in eval_set.cases)))
            finally:
                await agent.close()
    finally:
        await providers.close()


def _check(result: Result, phase: PhaseName) -> Check:
    wanting = [f"{score.scorer}: {score.reason}" for score in result.scores if not score.passed]
    detail = result.error if result.status == "errored" else "; ".join(wanting)
    sample = {"status": result.status, "latency_ms": round(result.latency_ms, 1), "attempts": result.attempts}
    return Check(f"case {result.case}", phase, result.status == "passed", " ".join(detail.split())[:200], sample)
