"""The cost cap: no question is asked that could take a run over it, and an unknown cost is never taken for none."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.errors import CapReached, CaseError
from agent_deploy.evals.ports import Question
from agent_deploy.evals.results import Reply, Result, Score
from agent_deploy.evals.running.runner import plan, run_cases
from agent_deploy.evals.running.spending import cost_now
from agent_deploy.telemetry.taxonomy import FailureMode
from tests.evals.trying import CALL, Clock, FakeAgent, bench_of, numbered

CASES = numbered(100)


def _spend(agent: FakeAgent, cap: str, concurrency: int = 8) -> tuple[int, Decimal, str]:
    """How many results came, what they cost, and why the run stopped; nothing where it did not."""
    results: list[Result] = []
    bench = bench_of(CASES, agent, cap=cap, clock=Clock())
    why = ""
    try:
        asyncio.run(run_cases(plan(CASES.cases, 1), bench, concurrency, results.append, lambda: None))
    except CapReached as reached:
        why = reached.message
    return len(results), bench.spending.spent, why


async def _a_cent(question: Question) -> Reply:
    for _ in range(int(question.input) % 3):
        await asyncio.sleep(0)
    return Reply(question.input, (CALL,))


@pytest.mark.parametrize("concurrency", [1, 8, 100])
def test_the_cap_is_used_up_and_never_exceeded(concurrency: int) -> None:
    asked, spent, why = _spend(FakeAgent(_a_cent), "0.25", concurrency)
    assert (asked, spent) == (25, Decimal("0.25"))
    assert why == "another question could exceed --max-cost-usd 0.25 ($0.2500 spent)"


def test_a_cap_that_is_wide_enough_is_in_nobody_s_way() -> None:
    agent = FakeAgent(_a_cent)
    assert _spend(agent, "1.00") == (100, Decimal("1.00"), "")
    assert agent.most_under_way > 1


def test_the_first_question_is_asked_alone_for_nobody_knows_yet_what_one_costs() -> None:
    async def dear(question: Question) -> Reply:
        for _ in range(5):
            await asyncio.sleep(0)
        return Reply(question.input, (CALL,) * 30)

    asked, spent, _ = _spend(FakeAgent(dear), "0.20", concurrency=50)
    assert (asked, spent) == (1, Decimal("0.30"))


def test_an_attempt_that_gave_no_answer_counts_as_the_dearest_answer_but_for_too_many() -> None:
    async def answer(question: Question) -> Reply:
        kinds: dict[str, FailureMode] = {"c1": "timeout", "c2": "rate_limit"}
        kind = kinds.get(question.case)
        if kind and agent.asked.count((question.case, 0)) == 1:
            raise CaseError("not now", kind=kind, retry=True)
        return Reply(question.input, (CALL,))

    agent = FakeAgent(answer)
    asked, spent, _ = _spend(agent, "0.10", concurrency=1)
    assert (asked, spent) == (9, Decimal("0.10"))


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply("0"), "the agent says nothing of its model calls"),
        (Reply("0", (ModelCall("local", "mystery", Usage(1, 1)),)), "no price for local/mystery"),
    ],
)
def test_an_answer_of_unknown_cost_ends_a_run_with_a_cap(reply: Reply, why: str) -> None:
    async def answer(_: Question) -> Reply:
        return reply

    asked, _, told = _spend(FakeAgent(answer), "10")
    assert (asked, told) == (1, f"what case 'c0' cost is unknown, so --max-cost-usd cannot hold: {why}")


def test_kept_answers_cost_nothing_and_judges_are_part_of_the_bill() -> None:
    judged = (Score("judge", True, 1.0, calls=(CALL,)),)
    known = Result("c", 0, "passed", scores=judged, cost_usd=Decimal("0.05"), judge_cost_usd=Decimal("0.01"))
    kept = Result("c", 0, "passed", cost_usd=Decimal("0.05"), cached=True)
    unknown = Result("c", 0, "passed", scores=judged, cost_usd=Decimal("0.05"))
    assert [cost_now(result) for result in (known, kept, unknown)] == [Decimal("0.06"), Decimal(0), None]
