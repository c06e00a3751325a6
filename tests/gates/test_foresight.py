"""What no outcome could pass is said before the run is paid for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_deploy.gates.foresight import detectable, possible
from agent_deploy.gates.policy import CostFrom, Policy
from tests.gates.situations import facts_of, outcomes_of, rule_of

_FEW = (
    "51 cases cannot show that a version is at most 5.0 points worse: "
    "one that loses none of them passes from 52 cases on"
)


@pytest.mark.parametrize(
    ("policy", "cases", "repeats", "baseline", "failing", "expected"),
    [
        (Policy(), 52, 1, True, 0, []),
        (Policy(), 51, 1, True, 0, [_FEW]),
        (Policy(), 51, 3, True, 0, [f"{_FEW} (repeats do not stand in for cases)"]),
        (Policy(), 51, 1, False, 0, []),
        (Policy(), 20, 1, True, 10, []),
        (Policy(required=False), 1, 1, True, 0, []),
        (Policy(max_regression=None), 1, 1, True, 0, []),
        (Policy(max_regression=0.0), 500, 1, True, 0,
         ["max_regression = 0 lets only a clearly better version pass, and there may be nothing left to better"]),
        (Policy(max_regression=0.0), 500, 1, True, 50, []),
        (Policy(max_regression=None, max_cost_increase=0.1, max_latency_increase=0.1), 19, 1, True, 0,
         ["max_cost_increase compares 20 cases or more, and there are 19",
          "max_latency_increase compares 20 cases or more, and there are 19"]),
        (Policy(max_regression=None, max_cost_increase=0.1, cost_from=CostFrom("staging")), 19, 1, True, 0, []),
    ],
)  # fmt: skip
def test_it_says_why_no_outcome_could_pass(
    policy: Policy, cases: int, repeats: int, baseline: bool, failing: float, expected: list[str]
) -> None:
    assert possible(policy, cases, repeats, baseline, failing) == expected


@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(cases=st.integers(1, 80), failing=st.integers(0, 80))
def test_it_agrees_with_the_verdict_on_the_best_run_there_is(cases: int, failing: int) -> None:
    failing = min(failing, cases)
    old = outcomes_of(["F"] * failing + ["P"] * (cases - failing))
    best = rule_of("regression", facts_of(outcomes_of(["P"] * cases), old)).verdict
    assert (best == "passed") == (possible(Policy(), cases, 1, True, failing) == [])


def test_what_a_set_can_show_is_said_in_words() -> None:
    assert detectable(400) == (
        "400 cases can show a change of 3.9 points or more "
        "(found four times in five, when 10% of the cases end differently)"
    )
