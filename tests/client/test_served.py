"""What is served, in memory: a turn to what a drill reverts to happens once, and no late answer undoes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agent_deploy.client.bundle import Bundle
from agent_deploy.client.clocks import Clocks
from agent_deploy.client.served import Served, Serving, Slot
from registry.stores.memory import MemoryStore
from tests.client.releases import NOON, WORKFLOW, FakeTime, Releases


@pytest.fixture
def drill(at: FakeTime) -> Serving:
    """Version 2, which reverts to version 1 a minute after noon."""
    releases = Releases(MemoryStore())
    pointer = releases.release(2, revert_to=1, revert_at=NOON + timedelta(seconds=60))

    def bundle(version: int) -> Bundle:
        tag, digest = f"1.{version}.0", releases.digests[version]
        return Bundle(WORKFLOW, "production", 1, version, tag, digest, "store", None)  # type: ignore[arg-type]

    return Serving(bundle(2), pointer, "token", at.wall(), reverts=bundle(1))


@pytest.fixture
def served(at: FakeTime) -> Served:
    return Served(Clocks(at.wall, at.monotonic), None)


@pytest.fixture
def slot(served: Served) -> Slot:
    return served.slot(WORKFLOW)


def test_the_warm_answer_holds_until_the_moment(served: Served, slot: Slot, drill: Serving, at: FakeTime) -> None:
    served.serve(slot, drill)
    assert (served.warm[WORKFLOW].version, served.until, served.turns_at) == (2, at.reading + 60, at.reading + 60)
    at.pass_s(60)
    assert served.answer(slot).version == 1
    assert (served.warm[WORKFLOW].version, served.until) == (1, None)


def test_what_was_loaded_before_the_moment_and_served_after_it_is_turned_at_once(
    served: Served, slot: Slot, drill: Serving, at: FakeTime
) -> None:
    at.pass_s(60)
    served.serve(slot, drill)
    assert served.warm[WORKFLOW].version == 1


def test_a_late_answer_about_the_same_release_does_not_turn_it_back(
    served: Served, slot: Slot, drill: Serving, at: FakeTime
) -> None:
    served.serve(slot, drill)
    at.pass_s(60)
    served.turn()
    at.moment = NOON
    served.serve(slot, drill)
    assert served.warm[WORKFLOW].version == 1


def test_the_next_release_is_served_as_it_is(served: Served, slot: Slot, drill: Serving, at: FakeTime) -> None:
    served.serve(slot, drill)
    at.pass_s(60)
    served.turn()
    assert drill.pointer is not None
    later = replace(drill, pointer=replace(drill.pointer, generation=2, revert_to=None, revert_at=None), reverts=None)
    served.serve(slot, later)
    assert served.warm[WORKFLOW].version == 2


def test_nothing_is_warm_once_closed(served: Served, slot: Slot, drill: Serving) -> None:
    served.serve(slot, drill)
    served.close()
    served.serve(slot, drill)
    assert served.warm == {}
