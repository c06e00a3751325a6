"""drill show reads the drill that it is asked for and those before it, however much else is on record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent_deploy.operations.drill.show import EARLIER, show
from registry.errors import Damaged
from registry.registry import Registry
from tests.drills.records import NOON, add_drill
from tests.faults.tampering import tamper

_ALL = EARLIER + 3  # the twelve before the last but one, one before those, and the last


@pytest.fixture
def drills(drilled: Registry) -> list[str]:
    """The ids of weekly drills, oldest first; the evidence of the workflow is numbered as they are, from 1."""
    weeks = (NOON + timedelta(weeks=number) for number in range(_ALL))
    return [add_drill(drilled, number=number, at=at).plan.id for number, at in enumerate(weeks, start=1)]


def _edit(registry: Registry, number: int) -> None:
    tamper(registry, f"UPDATE evidence SET body = 'no JSON' WHERE number = {number}")  # noqa: S608


def test_a_drill_comes_with_a_quarter_of_a_year_of_those_before_it(drilled: Registry, drills: list[str]) -> None:
    shown = show(drilled, drills[-2])
    assert shown.record.number == _ALL - 1
    assert [drill.plan.id for drill in shown.earlier] == drills[1:-2][::-1]
    assert show(drilled, drills[0]).earlier == ()


@pytest.mark.parametrize("number", [1, _ALL], ids=["older than the twelve", "newer"])
def test_a_record_that_has_no_part_in_it_may_be_edited(drilled: Registry, drills: list[str], number: int) -> None:
    before = show(drilled, drills[-2])
    _edit(drilled, number)
    assert show(drilled, drills[-2]) == before


def test_one_that_has_is_named(drilled: Registry, drills: list[str]) -> None:
    _edit(drilled, 2)
    with pytest.raises(Damaged, match="evidence 2 of support-triage was edited"):
        show(drilled, drills[-2])
