"""The runner: every case asked in every repeat, errors told apart from wrong answers, nothing left running."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import Case
from agent_deploy.evals.errors import CaseError, ScorerFailed
from agent_deploy.evals.ports import Question
from agent_deploy.evals.results import Reply, Result, Score
from agent_deploy.evals.running.asking import Patience, persist
from agent_deploy.evals.running.journal import open_journal
from agent_deploy.evals.running.runner import plan, run_cases
from tests.evals.trying import CALL, Clock, FakeAgent, FakeScorer, bench_of, numbered, run, set_of, started_of

ONE = set_of(Case("greeting", "hello", "hello"))


def test_every_case_is_asked_once_before_any_is_asked_again() -> None:
    agent, cases = FakeAgent(), numbered(3)
    run(cases, bench_of(cases, agent), repeats=2, concurrency=1)
    assert agent.asked == [("c0", 0), ("c1", 0), ("c2", 0), ("c0", 1), ("c1", 1), ("c2", 1)]


def test_what_is_done_is_not_planned_again() -> None:
    cases = numbered(2).cases
    assert plan(cases, 2, {("c0", 0), ("c1", 1)}) == [(cases[1], 0), (cases[0], 1)]


def test_a_right_answer_passes_and_a_wrong_one_fails_with_the_reason() -> None:
    cases = set_of(Case("right", "yes", "yes"), Case("wrong", "no", "yes"))
    right, wrong = run(cases, bench_of(cases, FakeAgent()), concurrency=1)
    assert right == Result("right", 0, "passed", "yes", (Score("exact", True, 1.0),), latency_ms=1.0)
    reason = "expected 'yes', got 'no'"
    assert wrong == Result("wrong", 0, "failed", "no", (Score("exact", False, 0.0, reason),), latency_ms=1.0)


def test_no_more_questions_are_under_way_than_asked_for() -> None:
    async def answer(question: Question) -> Reply:
        for _ in range(3):
            await asyncio.sleep(0)
        return Reply(question.input)

    agent, cases = FakeAgent(answer), numbered(50)
    results = run(cases, bench_of(cases, agent), concurrency=7)
    assert (agent.most_under_way, len(results)) == (7, 50)


def test_an_error_that_may_pass_is_asked_again_with_growing_waits() -> None:
    async def answer(question: Question) -> Reply:
        if len(agent.asked) < 4:
            raise CaseError("busy", kind="downstream_error", retry=True)
        return Reply(question.input)

    agent, clock = FakeAgent(answer), Clock()
    (result,) = run(ONE, bench_of(ONE, agent, attempts=4, clock=clock))
    waits = [seconds for seconds in clock.slept if seconds != 1.0]  # 1.0: the journal is synced meanwhile
    assert (result.status, result.attempts) == ("passed", 4)
    assert waits == [0.5, 2.0]
    assert clock.slept.count(1.0) >= 1


def test_half_of_a_wait_is_chance_and_it_is_never_shorter_than_the_other_side_asked_for() -> None:
    async def wait_after(error: CaseError, chance: float) -> float:
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        async def fail() -> Reply:
            raise error

        await persist(fail, Patience(1, 2, sleep, lambda: chance), lambda _: None)
        return slept[0]

    busy = CaseError("busy", retry=True)
    polite = CaseError("busy", kind="rate_limit", retry=True, retry_after_s=7.0)
    waits = [asyncio.run(wait_after(error, chance)) for error, chance in [(busy, 0.0), (busy, 1.0), (polite, 0.5)]]
    assert waits == [0.25, 0.5, 7.0]


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (CaseError("no such model"), 1),
        (CaseError("busy", retry=True), 3),
        (CaseError("come back tomorrow", kind="rate_limit", retry=True, retry_after_s=86_400), 1),
    ],
    ids=["hopeless", "for good", "longer than any run"],
)
def test_without_an_answer_a_case_is_errored_never_failed(error: CaseError, attempts: int) -> None:
    async def answer(_: Question) -> Reply:
        raise error

    (result,) = run(ONE, bench_of(ONE, FakeAgent(answer), clock=Clock()))
    kind = error.kind
    expected = Result("greeting", 0, "errored", error=error.message, error_kind=kind, attempts=attempts)
    assert result == expected


def test_an_answer_that_does_not_come_in_time_is_errored_and_given_up() -> None:
    async def answer(_: Question) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    agent = FakeAgent(answer)
    (result,) = run(ONE, bench_of(ONE, agent, attempts=2, timeout_s=0.01, clock=Clock()))
    assert (result.status, result.error, result.error_kind, result.attempts) == (
        "errored",
        "no answer within 0.01 s",
        "timeout",
        2,
    )
    assert (agent.cancelled, agent.under_way) == (2, 0)


def test_an_error_that_the_agent_did_not_foresee_costs_one_case() -> None:
    async def answer(question: Question) -> Reply:
        if question.case == "c1":
            raise KeyError("intent")
        if question.case == "c2":
            raise json.JSONDecodeError("no", "{", 1)
        return Reply(question.input)

    cases = numbered(4)
    results = run(cases, bench_of(cases, FakeAgent(answer)), concurrency=1)
    assert [(result.status, result.error, result.error_kind) for result in results] == [
        ("passed", "", None),
        ("errored", "KeyError: 'intent'", "other"),
        ("errored", "JSONDecodeError: no: line 1 column 2 (char 1)", "parse_error"),
        ("passed", "", None),
    ]


def test_a_kind_of_error_that_nobody_knows_is_other() -> None:
    async def answer(_: Question) -> Reply:
        raise CaseError("odd", kind="gremlins")  # type: ignore[arg-type]

    (result,) = run(ONE, bench_of(ONE, FakeAgent(answer)))
    assert result.error_kind == "other"


def _raises(error: Exception) -> FakeScorer:
    def judge(case: Case, reply: Reply) -> Score:
        raise error

    return FakeScorer(judge, "strict")


def _says(passed: bool, name: str = "fake") -> FakeScorer:
    return FakeScorer(lambda *_: Score(name, passed, float(passed)), name)


def test_a_case_passes_when_every_scorer_does() -> None:
    for verdicts in [(True, True), (True, False), (False, True), (False, False)]:
        scorers = [_says(verdict, str(place)) for place, verdict in enumerate(verdicts)]
        (result,) = run(ONE, bench_of(ONE, FakeAgent(), scorers))
        assert result.status == ("passed" if all(verdicts) else "failed")
        assert [score.passed for score in result.scores] == list(verdicts)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ScorerFailed("scorer 'strict' failed: no rubric"), "scorer 'strict' failed: no rubric"),
        (CaseError("away"), "scorer 'strict' failed: away"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_a_scorer_that_cannot_judge_makes_the_case_errored_and_the_answer_is_kept(error: Exception, told: str) -> None:
    (result,) = run(ONE, bench_of(ONE, FakeAgent(), [_raises(error), _says(True)]))
    assert (result.status, result.output, [score.scorer for score in result.scores]) == ("errored", "hello", ["fake"])
    assert told in result.error
    assert "strict" in result.error


def test_a_judge_is_asked_again_in_its_provider_s_turn_and_its_cost_kept_apart() -> None:
    asked = 0

    async def judge(case: Case, reply: Reply) -> Score:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ScorerFailed("busy", kind="rate_limit", retry=True, calls=(CALL,))
        return Score("judge", True, 1.0, calls=(CALL,))

    async def answer(_: Question) -> Reply:
        return Reply("hello", (CALL,))

    (result,) = run(ONE, bench_of(ONE, FakeAgent(answer), [FakeScorer(judge, "judge", "openai")], clock=Clock()))
    assert (result.status, f"{result.cost_usd}", f"{result.judge_cost_usd}") == ("passed", "0.01", "0.02")


def test_a_judge_that_never_answers_is_errored_in_time() -> None:
    def judge(case: Case, reply: Reply) -> Awaitable[Score]:
        return asyncio.Event().wait()  # type: ignore[return-value]

    (result,) = run(ONE, bench_of(ONE, FakeAgent(), [FakeScorer(judge, "judge")], timeout_s=0.01))
    told = "scorer 'judge' failed: no answer within 0.01 s"
    assert (result.status, result.error, result.error_kind) == ("errored", told, "timeout")


@pytest.mark.parametrize(
    ("calls", "cost"),
    [((), None), ((CALL, CALL), Decimal("0.02")), ((CALL, ModelCall("local", "mystery", Usage(1, 1))), None)],
    ids=["no calls told", "all priced", "one without a price"],
)
def test_what_an_answer_cost_is_known_or_said_to_be_unknown(calls: tuple[ModelCall, ...], cost: Decimal | None) -> None:
    async def answer(_: Question) -> Reply:
        return Reply("hello", calls)

    (result,) = run(ONE, bench_of(ONE, FakeAgent(answer)))
    assert (result.cost_usd, result.calls) == (cost, calls)


def test_too_many_at_one_provider_makes_everyone_wait_for_as_long_as_it_asks() -> None:
    async def answer(question: Question) -> Reply:
        if len(agent.asked) == 1:
            raise CaseError("429", kind="rate_limit", retry=True, retry_after_s=30.0)
        answered_at.append(clock.now)
        return Reply(question.input)

    agent, clock, answered_at = FakeAgent(answer), Clock(), []  # type: ignore[var-annotated]
    cases = numbered(4)
    run(cases, bench_of(cases, agent, clock=clock), concurrency=1)
    assert len(answered_at) == 4
    assert min(answered_at) >= 30.0


@pytest.mark.parametrize("output", [float("nan"), "\ud800"], ids=["NaN", "half a character"])
def test_a_result_that_has_no_json_is_errored_and_the_run_goes_on(tmp_path: Path, output: object) -> None:
    async def answer(question: Question) -> Reply:
        return Reply(output if question.case == "c0" else question.input)

    cases = numbered(2)
    bench = bench_of(cases, FakeAgent(answer))
    with closing(open_journal(tmp_path, started_of(cases))) as journal:
        asyncio.run(run_cases(plan(cases.cases, 1), bench, 1, journal.append, journal.sync))
    with closing(open_journal(tmp_path, started_of(cases))) as journal:
        bad, good = journal.kept.values()
    assert (bad.status, bad.error_kind, good.status) == ("errored", "parse_error", "passed")
    assert bad.error.startswith("what came of it is not JSON: ")


class _DiskFullError(Exception):
    pass


def test_a_result_that_cannot_be_kept_ends_the_run_at_once_and_cancels_what_is_under_way() -> None:
    async def answer(question: Question) -> Reply:
        if question.case != "c0":
            await asyncio.Event().wait()
        return Reply(question.input)

    def keep(_: Result) -> None:
        raise _DiskFullError

    agent, cases = FakeAgent(answer), numbered(20)
    bench = bench_of(cases, agent)
    with pytest.raises(_DiskFullError):
        asyncio.run(run_cases(plan(cases.cases, 1), bench, 5, keep, lambda: None))
    assert (agent.under_way, agent.cancelled, len(agent.asked)) == (0, 4, 5)


def test_a_journal_that_cannot_be_synced_ends_the_run() -> None:
    async def answer(_: Question) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    def sync() -> None:
        raise _DiskFullError

    agent = FakeAgent(answer)
    bench = bench_of(ONE, agent, clock=Clock(), timeout_s=60)
    with pytest.raises(_DiskFullError):
        asyncio.run(run_cases(plan(ONE.cases, 1), bench, 1, lambda _: None, sync))
    assert agent.under_way == 0


def test_cancelling_a_run_leaves_nothing_under_way_and_says_nothing_on_stderr(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def answer(_: Question) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    async def cancel() -> None:
        task = asyncio.create_task(run_cases(plan(cases.cases, 1), bench, 4, lambda _: None, lambda: None))
        while agent.under_way < 4:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert agent.under_way == 0

    agent, cases = FakeAgent(answer), numbered(9)
    bench = bench_of(cases, agent)
    asyncio.run(cancel())
    assert (agent.cancelled, capfd.readouterr().err) == (4, "")
