"""Reading the evidence of large eval sets: two runs compared, and a gate's verdict by every rule that reads them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from agent_deploy.cli.evals.diff_text import diff_text
from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.recording import record_finished, record_started
from agent_deploy.evals.reports.document import diff_document
from agent_deploy.evals.results import Result, Score
from agent_deploy.evals.running.summary import summarise
from agent_deploy.evals.runs import RunStarted
from agent_deploy.gates.facts import Facts
from agent_deploy.gates.gathering import gather, outcomes_reader
from agent_deploy.gates.policy import Policy
from agent_deploy.gates.rules import decide
from agent_deploy.gates.verdict import Gate
from agent_deploy.operations.collecting import uncollected
from agent_deploy.operations.evals.diff import diff
from agent_deploy.operations.gate import gate
from agent_deploy.operations.promote import promote
from agent_deploy.operations.register import register
from benchmarks.bundles import ACTOR, ENVIRONMENT, WORKFLOW
from benchmarks.context import Context
from benchmarks.desk import echoing, open_desk
from benchmarks.figures import Figure, at_most, seconds, told
from benchmarks.timing import in_turns, whole
from registry.catalog import version_numbered
from registry.registry import Registry
from registry.releases import find_head
from registry.times import now

_CASES = 10_000
_REPEATS = 5
_CALL = ModelCall("openai", "gpt-5-mini", Usage(input=812, output=40))
_POLICY = Policy(
    min_pass_rate=0.8, max_regression=0.05, max_cost_increase=0.1, max_latency_increase=0.1, max_age=timedelta(days=7)
)


def measure(context: Context) -> Iterator[Figure]:
    """Imports are done; files are in the system's memory, as they are soon after a run."""
    yield from _diff(context)
    yield from _gate(context)


def _diff(context: Context) -> Iterator[Figure]:
    registry = _recorded(context.scratch / "diff", repeats=1)
    before, after = f"{WORKFLOW}@1", f"{WORKFLOW}@2"
    compared, as_text, as_json = in_turns(
        whole(lambda: diff(registry, before, after)),
        whole(lambda: diff_text(diff(registry, before, after), 20)),
        whole(lambda: json.dumps(diff_document(diff(registry, before, after)))),
        rounds=context.repeats(15),
    )
    what = f"evals diff of two runs of {_CASES:,} cases"
    yield at_most(1.0, f"{what}, after imports", as_text, seconds)
    yield at_most(1.0, f"{what}, after imports, --json", as_json, seconds)
    yield told(f"{what}, before it is printed", compared, seconds)
    registry.database.close()


def _gate(context: Context) -> Iterator[Figure]:
    registry = _recorded(context.scratch / "gate", repeats=_REPEATS)
    with registry.database.read() as connection:
        target, head = version_numbered(connection, WORKFLOW, 2), find_head(connection, WORKFLOW, ENVIRONMENT)
        facts = gather(
            connection, outcomes_reader(registry), target, ENVIRONMENT, head, required_environment=None, at=now()
        )
    assert {rule.rule for rule in decide(_POLICY, facts).rules} >= {"pass_rate", "regression", "cost", "latency"}
    verdict, decided = in_turns(
        whole(lambda: gate(registry, _POLICY, WORKFLOW, "2", ENVIRONMENT)),
        whole(lambda: _decided(facts)),
        rounds=context.repeats(15),
    )
    what = f"gate verdict over two runs of {_CASES:,} cases × {_REPEATS}"
    yield at_most(0.5, f"{what}, evidence read from the store", verdict, seconds)
    yield told(f"{what}, evidence in memory", decided, seconds)
    registry.database.close()


def _decided(facts: Facts) -> Gate:
    with uncollected():  # as `operations.gate` does
        return decide(_POLICY, facts)


def _recorded(folder: Path, *, repeats: int) -> Registry:
    """Two versions, the first live, each with a finished run on one set, in which a twentieth ended otherwise."""
    registry = open_desk(folder)
    cases = [
        Case(f"letter-{n:05}", f"Letter {n}: where is my order?", f"order {n}", (f"topic-{n % 12}",), critical=n < 20)
        for n in range(_CASES)
    ]
    eval_set = EvalSet("letters.jsonl", tuple(cases))
    for number in (1, 2):
        register(registry, echoing(number), actor=ACTOR)
        _record(registry, number, eval_set, repeats)
    promote(registry, WORKFLOW, "1", ENVIRONMENT, actor=ACTOR)
    return registry


def _record(registry: Registry, number: int, eval_set: EvalSet, repeats: int) -> None:
    with registry.database.read() as connection:
        version = version_numbered(connection, WORKFLOW, number)
    started = RunStarted(
        id=f"run-{number:010x}", workflow=WORKFLOW, version=number, digest=version.digest, environment=ENVIRONMENT,
        set_path=eval_set.path, set_digest=eval_set.digest, cases=len(eval_set.cases), repeats=repeats,
        agent="agent:echo", origin="eval", tag="", actor=ACTOR, started_at=now(),
    )  # fmt: skip
    chance = random.Random(number)
    results = {(case.id, repeat): _result(case, repeat, chance) for case in eval_set.cases for repeat in range(repeats)}
    summary = summarise(started, eval_set, results, finished_at=now())
    record_started(registry, version, started, eval_set)
    record_finished(registry, version, summary.run, summary.outcomes, summary.results)


def _result(case: Case, repeat: int, chance: random.Random) -> Result:
    passed = case.critical or chance.random() < 0.95
    said = case.expected if passed else "no such order"
    score = Score("exact", passed, float(passed), "" if passed else f"expected {case.expected!r}, got {said!r}")
    return Result(
        case.id, repeat, "passed" if passed else "failed", said, (score,), latency_ms=chance.lognormvariate(6, 0.5),
        calls=(_CALL,), cost_usd=Decimal(chance.randrange(20_000, 30_000)) / 10**8,
    )  # fmt: skip
