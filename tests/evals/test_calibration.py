"""Calibration, the pure part: how much is noise, and how far a judge agrees with people."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_deploy.evals.calibration import Agreement, agreement_of, detectable_change, flips_of
from agent_deploy.evals.labels import Labelled, read_labels
from agent_deploy.evals.outcomes import Outcomes
from registry.errors import BadInput


def _outcomes(*status: str) -> Outcomes:
    count, repeats = len(status), len(status[0])
    ids = tuple(f"c{number}" for number in range(count))
    unknown = ((None,) * repeats,) * count
    return Outcomes(ids, repeats, status, (False,) * count, ("",) * count, ((),) * count, unknown, unknown)


def test_a_version_that_never_wavers_flips_nothing() -> None:
    flips = flips_of(_outcomes("PP", "FF", "EE"))
    assert (flips.rate, flips.flaky, flips.cases, flips.repeats) == (0.0, (), 3, 2)


def test_the_flip_rate_is_the_share_of_pairs_of_tries_that_end_differently() -> None:
    status = ("PPFF", "PFPP", "PPPP", "EFEF", "PEPE")
    pairs = [pair for row in status for pair in combinations(row, 2)]
    flips = flips_of(_outcomes(*status))
    assert flips.rate == pytest.approx(sum((a == "P") != (b == "P") for a, b in pairs) / len(pairs))
    assert flips.flaky == ("c0", "c4", "c1")


@pytest.mark.parametrize(
    ("cases", "flip_rate", "change"),
    [(100, 0.0, 0.0618), (100, 0.1, 0.1154), (1000, 0.1, 0.0281), (10_000, 0.1, 0.0082), (4, 0.5, 1.0)],
)
def test_the_smallest_change_that_can_be_seen_shrinks_with_cases_and_grows_with_noise(
    cases: int, flip_rate: float, change: float
) -> None:
    assert detectable_change(cases, flip_rate) == pytest.approx(change, abs=5e-5)


@given(st.integers(1, 100_000), st.floats(0, 0.5), st.floats(0, 0.5))
def test_more_noise_never_shows_a_smaller_change(cases: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 < detectable_change(cases, low) <= detectable_change(cases, high) <= 1


def test_a_judge_is_measured_by_what_people_said_of_the_same_outputs() -> None:
    people = [True, True, True, True, False, False]
    judge = [True, True, False, None, False, True]
    found = agreement_of(people, judge)
    assert found == Agreement(total=6, agreed=3, errored=1, sensitivity=0.5, specificity=0.5)
    assert (found.agreement, found.corrected(0.9)) == (0.5, None)


def test_where_people_failed_nothing_the_specificity_is_unknown() -> None:
    found = agreement_of([True, True], [True, False])
    assert (found.sensitivity, found.specificity, found.corrected(0.9)) == (0.5, None, None)


@given(st.floats(0, 1), st.floats(0.55, 1), st.floats(0.55, 1))
def test_the_corrected_rate_is_the_rate_that_the_judge_was_shown(
    true: float, sensitivity: float, specificity: float
) -> None:
    reported = true * sensitivity + (1 - true) * (1 - specificity)
    found = Agreement(100, 80, 0, sensitivity, specificity)
    assert found.corrected(reported) == pytest.approx(true, abs=1e-6)


def test_a_corrected_rate_is_a_rate() -> None:
    found = Agreement(100, 80, 0, 0.9, 0.9)
    assert (found.corrected(0.0), found.corrected(1.0)) == (0.0, 1.0)


LABELS = [
    Labelled("a", "Where is it?", "On its way.", None, True),
    Labelled("row-2", "Where is it?", "No idea.", "On its way.", False),
]
_FILES = {
    "labels.jsonl": '{"id": "a", "input": "Where is it?", "output": "On its way.", "label": "passed"}\n'
    '{"input": "Where is it?", "output": "No idea.", "expected": "On its way.", "label": "failed"}\n',
    "labels.yaml": "- {id: a, input: Where is it?, output: On its way., label: passed}\n"
    "- {input: Where is it?, output: No idea., expected: On its way., label: failed}\n",
    "labels.csv": "id,input,output,expected,label\na,Where is it?,On its way.,,passed\n"
    ",Where is it?,No idea.,On its way.,failed\n",
}


@pytest.mark.parametrize("name", _FILES)
def test_labels_are_read_from_every_kind_of_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(_FILES[name])
    assert read_labels(tmp_path / name, name) == LABELS


def test_an_empty_table_of_labels_is_refused(tmp_path: Path) -> None:
    for text in ("", "id,output,label\n"):
        (tmp_path / "labels.csv").write_text(text)
        with pytest.raises(BadInput) as raised:
            read_labels(tmp_path / "labels.csv", "labels.csv")
        assert raised.value.message == "labels.csv: holds no labelled output"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "labels.jsonl:1: is empty"),
        ('{"output": "x", "label": "good"}\n', "labels.jsonl:1: 'label' must be passed or failed, not 'good'"),
        ('{"output": "x"}\n', "labels.jsonl:1: has no 'label'"),
        ('{"label": "passed"}\n', "labels.jsonl:1: has no 'output'"),
        ('\n{"outptu": "x", "label": "passed"}\n', "labels.jsonl:2: unknown key 'outptu'; did you mean 'output'?"),
        ('{"id": "a", "output": "x", "label": "passed"}\n' * 2, "labels.jsonl:2: id 'a' is there twice"),
        ("nonsense\n", "labels.jsonl:1: "),
    ],
)
def test_what_is_wrong_with_labels_is_named_by_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(text)
    with pytest.raises(BadInput) as raised:
        read_labels(path, "labels.jsonl")
    assert raised.value.message.startswith(message)
