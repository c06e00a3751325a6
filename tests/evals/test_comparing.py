"""Two runs compared: which cases got worse, which better, which are flaky, and what that says by tag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_deploy.evals.cases import Case
from agent_deploy.evals.comparing import CaseChange, Comparison, Side, Tally, compare, disagreeing, verdict_of
from agent_deploy.evals.outcomes import outcomes_of
from agent_deploy.evals.results import ToolCall, result_document
from agent_deploy.evals.slices import Slice, SliceChange, holm, lost_and_gained, slices_of
from agent_deploy.evals.stored import StoredResults
from agent_deploy.statistics.paired import mcnemar_exact
from tests.evals.recorded import result_of, results_of

_LETTERS = st.text("PFE", min_size=1, max_size=4)
_RUNS = st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(*[st.sampled_from("PFE")] * 2), min_size=1)


def _side(
    letters: Mapping[str, str], outputs: Mapping[str, Any] | None = None, flaky: frozenset[str] = frozenset(),
    tags: Mapping[str, tuple[str, ...]] | None = None,
) -> Side:  # fmt: skip
    results = results_of(letters, outputs)
    repeats = len(next(iter(letters.values())))
    cases = [Case(id_, id_, tags=(tags or {}).get(id_, ()), critical=id_ == "vital") for id_ in letters]
    keyed = {(result.case, result.repeat): result for row in results.values() for result in row}
    documents = [result_document(result) for row in results.values() for result in row]
    return Side(outcomes_of(cases, keyed, repeats), StoredResults(documents), flaky)


def _kinds(comparison: Comparison) -> dict[str, str]:
    return {change.case: change.kind for change in comparison.changes}


def test_every_case_whose_verdict_changed_is_told_worst_first() -> None:
    old = _side({"better": "F", "came": "E", "same": "P", "vital": "P", "went": "P"})
    new = _side({"better": "P", "came": "F", "same": "P", "vital": "F", "went": "E"}, tags={"vital": ("card",)})
    assert compare(old, new) == Comparison(
        compared=5,
        changes=(
            CaseChange("vital", "pass_to_fail", "P", "F", flaky=False, critical=True, tags=("card",)),
            CaseChange("went", "to_errored", "P", "E", flaky=False, critical=False, tags=()),
            CaseChange("better", "fail_to_pass", "F", "P", flaky=False, critical=False, tags=()),
            CaseChange("came", "from_errored", "E", "F", flaky=False, critical=False, tags=()),
        ),
        unchanged=1,
        before=Tally(3, 1, 1),
        after=Tally(2, 2, 1),
        lost=2,
        gained=1,
        p=mcnemar_exact(2, 1),
        slices=(SliceChange("card", 1, 1.0, 0.0, 1, 0, mcnemar_exact(1, 0)),),
    )


@pytest.mark.parametrize(
    ("letters", "verdict"),
    [
        ("P", "passed"), ("F", "failed"), ("E", "errored"), ("PPP", "passed"), ("PPE", "errored"), ("FFE", "errored"),
        ("PFP", "flaky"), ("PFE", "flaky"),
    ],
)  # fmt: skip
def test_a_run_says_of_a_case_what_its_repeats_agree_on(letters: str, verdict: str) -> None:
    assert verdict_of(letters) == verdict


def test_a_case_whose_repeats_disagree_is_neither_passed_nor_failed() -> None:
    found = compare(_side({"a": "PP", "b": "PF", "c": "PF"}), _side({"a": "PF", "b": "FF", "c": "PF"}))
    assert [(change.case, change.kind, change.flaky) for change in found.changes] == [
        ("a", "flaky", True), ("b", "flaky", True), ("c", "flaky", True),
    ]  # fmt: skip


def test_a_change_on_which_other_runs_of_the_version_disagree_is_marked() -> None:
    found = compare(_side({"a": "P", "b": "P"}, flaky=frozenset("a")), _side({"a": "F", "b": "F"}))
    assert [(change.case, change.kind, change.flaky) for change in found.changes] == [
        ("a", "pass_to_fail", True), ("b", "pass_to_fail", False),
    ]  # fmt: skip


def test_cases_that_runs_of_one_version_disagree_on_are_found_and_errors_say_nothing() -> None:
    runs = [_side({"a": "P", "b": "P", "c": "P"}), _side({"a": "F", "b": "E", "c": "P"})]
    assert disagreeing(side.outcomes for side in runs) == {"a"}


def test_another_answer_with_the_same_verdict_is_a_change_too() -> None:
    found = compare(_side({"a": "F", "b": "F"}, {"a": "x"}), _side({"a": "F", "b": "F"}, {"a": "y"}))
    assert (_kinds(found), found.unchanged) == ({"a": "output_changed"}, 1)


def test_with_repeats_an_answer_given_before_is_no_change() -> None:
    rows = [[result_of("a", repeat, "P", said) for repeat, said in enumerate(told)] for told in ("xy", "yz", "zz")]
    old, new, newest = (StoredResults(map(result_document, row)) for row in rows)
    columns = _side({"a": "PP"}).outcomes
    assert _kinds(compare(Side(columns, old), Side(columns, new))) == {}
    assert _kinds(compare(Side(columns, old), Side(columns, newest))) == {"a": "output_changed"}


def test_other_tools_asked_for_are_another_answer() -> None:
    columns = _side({"a": "P"}).outcomes
    sides = []
    for name in ("lookup", "refund"):
        document = result_document(result_of("a", 0, "P")) | {"tool_calls": [{"name": name, "arguments": None}]}
        sides.append(Side(columns, StoredResults([document])))
        assert sides[-1].results["a"][0].tool_calls == (ToolCall(name),)
    assert _kinds(compare(sides[0], sides[1])) == {"a": "output_changed"}


def test_only_what_both_runs_have_alike_is_compared_and_the_rest_is_named() -> None:
    old, new = _side({"a": "P", "gone": "P", "edited": "P"}), _side({"a": "P", "edited": "F", "new": "F"})
    found = compare(old, new, frozenset({"edited"}))
    assert (found.compared, found.changes, found.only_before, found.only_after, found.edited) == (
        1, (), ("gone",), ("new",), ("edited",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("P", "F"), (1, 0)), (("F", "P"), (0, 1)), (("P", "E"), (1, 0)), (("E", "F"), (0, 0)), (("E", "P"), (0, 0)),
        (("PP", "PF"), (1, 0)), (("P", "PF"), (1, 0)), (("PE", "PP"), (0, 0)), (("FE", "PP"), (0, 1)),
    ],
)  # fmt: skip
def test_an_error_afterwards_is_a_loss_and_one_before_is_no_gain(
    pair: tuple[str, str], expected: tuple[int, int]
) -> None:
    assert lost_and_gained([pair]) == expected


def test_more_lost_than_chance_explains_is_said_to_be_worse() -> None:
    cases = [f"{number}" for number in range(20)]
    old = _side(dict.fromkeys(cases, "P"))
    worse = compare(old, _side({case: "F" if int(case) < 5 else "P" for case in cases}))
    not_worse = compare(old, _side({case: "F" if int(case) < 4 else "P" for case in cases}))
    assert [(found.lost, round(found.p, 12), found.got_worse) for found in (worse, not_worse)] == [
        (5, 1 / 32, True), (4, 1 / 16, False),
    ]  # fmt: skip


def test_tags_are_compared_each_and_corrected_for_their_number() -> None:
    cases = [f"{number}" for number in range(12)]
    tags: dict[str, tuple[str, ...]] = {case: ("bad",) if int(case) < 6 else ("good", "odd") for case in cases}
    old = _side(dict.fromkeys(cases, "P"))
    new = _side({case: "F" if int(case) < 6 else "P" for case in cases}, tags=tags)
    assert compare(old, new).slices == (
        SliceChange("bad", 6, 1.0, 0.0, 6, 0, 3 * mcnemar_exact(6, 0)),
        SliceChange("good", 6, 1.0, 1.0, 0, 0, 1.0),
        SliceChange("odd", 6, 1.0, 1.0, 0, 0, 1.0),
    )
    assert [(found.tag, found.got_worse) for found in compare(old, new).moved_slices] == [("bad", True)]


def test_a_run_by_tag_counts_errors_as_not_passed() -> None:
    side = _side({"a": "PP", "b": "PE", "c": "FF"}, tags={"a": ("x",), "b": ("x", "y")})
    assert slices_of(side.outcomes) == (Slice("x", 2, 0.75), Slice("y", 1, 0.5))


@pytest.mark.slow  # imports statsmodels
@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_what_statsmodels_computes(p_values: list[float]) -> None:
    from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


@given(_RUNS)
def test_a_run_beside_itself_has_no_change(pairs: dict[str, tuple[str, str]]) -> None:
    side = _side({case: before for case, (before, _) in pairs.items()})
    found = compare(side, side)
    assert (found.changes, found.unchanged, found.lost, found.gained, found.p) == ((), len(pairs), 0, 0, 1.0)


@given(_RUNS)
def test_what_one_direction_loses_the_other_gains_where_nothing_errs(pairs: dict[str, tuple[str, str]]) -> None:
    answered = {case: pair for case, pair in pairs.items() if "E" not in pair} or {"a": ("P", "P")}
    old, new = (_side({case: pair[side] for case, pair in answered.items()}) for side in (0, 1))
    forward, back = compare(old, new), compare(new, old)
    assert (forward.lost, forward.gained) == (back.gained, back.lost)
    assert [change.case for change in forward.of_kind("pass_to_fail")] == [
        change.case for change in back.of_kind("fail_to_pass")
    ]
    assert forward.compared == forward.unchanged + len(forward.changes)
