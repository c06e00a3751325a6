"""Drills, kills, operators and schedulers in any order, against a plain model: whoever comes next puts it right."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from agent_deploy.operations.drill.recover import recover
from agent_deploy.operations.drill.run import run_drill
from agent_deploy.operations.drill.tick import tick
from agent_deploy.operations.move import Move
from agent_deploy.operations.promote import promote
from agent_deploy.operations.rollback import rollback
from drills.models import Drill
from drills.windows import week_of
from registry.delivery import delivered_generation
from registry.errors import NotFound, Refused
from registry.pointers import read_pointer
from registry.releases import find_head, find_previous_version, is_on_hold, list_releases
from registry.times import now
from tests.builders import WORKFLOW
from tests.drills.scenes import PLACE, later, make_scene, policy_of
from tests.drills.scheduled import config_of
from tests.faults.drill_model import AWAY, IN_A_DRILL, IN_A_RECOVERY, UNDELIVERED, DrillModel
from tests.faults.drilling import ALWAYS, Order, ended, order_of, start_drill
from tests.faults.model import Environment, Moved, default_target, on_hold

TORTURE = os.environ.get("AGENT_DEPLOY_TORTURE")
EXAMPLES, STEPS = 20, 15
KILLED = -signal.SIGKILL
_HOUR, _WEEK = timedelta(hours=1), timedelta(weeks=1)  # a lease lasts seconds

versions = st.sampled_from((1, 2, 3, 4, 1, 2, 3, 4, 5))
targets = st.one_of(st.none(), versions)
failpoints = st.sampled_from((*AWAY, *UNDELIVERED, *IN_A_DRILL))  # what leaves most to be done comes first, and oftener
late = st.sampled_from((False, False, True))


class DrillMachine(RuleBasedStateMachine):
    """Each example is a registry of its own, with versions 1 to 3 live one after the other, and 4 never.

    Every step is a command, which first brings a drill that is dead to its end, as all commands do. late: it comes
    after the lease of that drill ran out; else it finds the drill as the kill left it, and goes ahead.
    """

    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")  # the disk's patience is not what this is about
        self.folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        self.scene = make_scene(Path(self.folder.name))
        log = [Moved("promote", 1, None), Moved("promote", 2, 1), Moved("promote", 3, 2)]
        self.model = DrillModel([1, 2, 3, 4], {PLACE: Environment(log, 3)})
        self.ahead = timedelta(days=8)
        self.orders = 0
        self.attempted: set[str] = set()

    def _now(self) -> datetime:
        return now() + self.ahead

    def _arrive(self, *, late: bool, by: timedelta = _HOUR) -> None:
        """Somebody comes by, and the drill that is dead by then is finished."""
        self.ahead += by if late else timedelta()
        expected = self.model.recover() if late else []
        assert self._recovered() == expected
        self.seen.update(expected)

    def _recovered(self) -> list[str]:
        found = recover(self.scene.registry, self.scene.config, actor="next", clock=later(self.ahead))
        return [drill.outcome for drill in found]

    @rule(version=versions, override=st.booleans(), late=late)
    def promote(self, version: int, override: bool, late: bool) -> None:
        self._arrive(late=late)
        self._note_yield()
        told = self.model.promote(PLACE, version, override=override, expect=None)
        assert told == _outcome(
            lambda: promote(
                self.scene.registry, WORKFLOW, str(version), PLACE, actor="olga", override_hold=override
            )
        )  # fmt: skip

    @rule(version=targets, late=late)
    def roll_back(self, version: int | None, late: bool) -> None:
        self._arrive(late=late)
        self._note_yield()
        told = self.model.rollback(PLACE, version, force=False, expect=None)
        to_version = None if version is None else str(version)
        assert told == _outcome(
            lambda: rollback(self.scene.registry, WORKFLOW, PLACE, actor="olga", to_version=to_version)
        )  # fmt: skip

    def _note_yield(self) -> None:
        self.seen["an operator in the middle of a dead drill"] += self.model.dead and self.model.at_target

    @rule(to=targets, late=late)
    def drill(self, to: int | None, late: bool) -> None:
        self._arrive(late=late)
        refused = self.model.refuses(to)
        if refused:
            assert _outcome(lambda: self._drill(to)) == refused
        else:
            self._check(self._drill(to), to)

    def _drill(self, to: int | None = None, drill: str | None = None, week: str = "") -> Drill:
        return run_drill(
            self.scene.registry, self.scene.config, WORKFLOW, PLACE, actor="dora", policy=policy_of(),
            target=None if to is None else str(to), drill_id=drill, week=week, clock=later(self.ahead),
        )  # fmt: skip

    def _check(self, drill: Drill, to: int | None = None) -> None:
        """That it went where it may, and ended as it should."""
        went = drill.plan.target.version
        assert went in ({to} if to else self.model.targets())
        assert drill.outcome == self.model.drill(went)
        self.seen[f"a drill {drill.outcome}"] += 1

    @rule(late=late, next_week=st.booleans())
    def tick(self, late: bool, next_week: bool) -> None:
        if next_week:
            self._arrive(late=True, by=_WEEK)
        else:
            self._arrive(late=late)
        week, ran = week_of(self._now(), "UTC"), list[Drill]()
        had, fresh = week in self._weeks_that_had_theirs(), week not in self.attempted

        def run(workflow: str, environment: str, *, drill: str, week: str) -> Drill:
            assert (workflow, environment) == (WORKFLOW, PLACE)
            ran.append(self._drill(drill=drill, week=week))
            self._check(ran[0])
            return ran[0]

        registry = self.scene.registry
        done = tick(registry, config_of(registry, ALWAYS), run, list, clock=self._now)
        outcomes = [one.outcome for one in done.ran]
        assert outcomes == ([drill.outcome for drill in ran] or ["blocked"] * len(outcomes))
        assert len(outcomes) <= (0 if had else 1)
        assert outcomes or had or not fresh
        self.attempted.add(week)
        self.seen[f"a tick that ran {len(ran)}"] += 1

    @rule(failpoint=failpoints)
    def drill_is_killed(self, failpoint: str) -> None:
        self._arrive(late=True)
        self._killed(failpoint, scheduled=False)

    @rule(failpoint=failpoints)
    def scheduled_drill_is_killed(self, failpoint: str) -> None:
        self._arrive(late=True, by=_WEEK)
        self._killed(failpoint, scheduled=True)

    def _killed(self, failpoint: str, *, scheduled: bool) -> None:
        allowed = self.model.targets()
        if not allowed:
            return
        order = self._order(failpoint=failpoint, by="tick" if scheduled else "operator")
        assert ended(start_drill(order)) == KILLED, f"{failpoint} was not reached"
        went = self.scene.target_of(order.drill)
        assert went in {None, *allowed}
        self.model.die(failpoint, went)
        self.attempted |= {week_of(self._now(), "UTC")} if scheduled else set()
        self.seen[f"a drill died at {failpoint}"] += 1

    @precondition(lambda self: self.model.dead)
    @rule(failpoint=st.sampled_from(IN_A_RECOVERY))
    def who_finishes_a_dead_drill_is_killed(self, failpoint: str) -> None:
        self.ahead += _HOUR
        killed = self.model.die_recovering(failpoint)
        order = self._order(failpoint=failpoint, by="recovery")
        assert ended(start_drill(order)) == (KILLED if killed else 0)
        self.seen["a recovery died"] += killed

    def _order(self, **more: object) -> Order:
        self.orders += 1
        return order_of(self.scene, self.orders, ahead=self.ahead, **more)

    def _weeks_that_had_theirs(self) -> list[str]:
        good = [drill.plan for drill in self.scene.records() if drill.outcome == "succeeded"]
        return [plan.week or week_of(plan.planned_at, "UTC") for plan in good]

    @invariant()
    def releases_are_the_models(self) -> None:
        with self.scene.registry.database.read() as connection:
            found = list_releases(connection, WORKFLOW, PLACE, 1000)[::-1]
            held = {number for number in (1, 2, 3, 4) if is_on_hold(connection, WORKFLOW, PLACE, number)}
            delivered = delivered_generation(connection, WORKFLOW, PLACE)
        here = self.model.here
        assert [Moved(one.kind, one.version, one.previous_version, one.revert_to is not None) for one in found] == (
            here.log
        )
        assert (held, delivered) == (on_hold(here.log), here.delivered)

    @invariant()
    def readers_see_the_head_or_while_a_drill_is_dead_the_one_before_it(self) -> None:
        pointer, log = read_pointer(self.scene.registry.store, PLACE, WORKFLOW), self.model.here.log
        assert pointer.generation in ({len(log), len(log) - 1} if self.model.dead else {len(log)})
        assert pointer.version == log[pointer.generation - 1].version
        assert pointer.generation >= self.model.here.delivered

    @invariant()
    def a_bare_rollback_would_go_down_the_stack(self) -> None:
        with self.scene.registry.database.read() as connection:
            head = find_head(connection, WORKFLOW, PLACE)
            assert head
            assert find_previous_version(connection, head) == default_target(self.model.here.log)

    @invariant()
    def what_began_is_on_record_once_or_is_the_one_that_is_dead(self) -> None:
        records, lease = self.scene.records(), self.scene.lease()
        assert [drill.outcome for drill in records] == self.model.ends
        began = [drill.plan.id for drill in records if drill.outcome != "blocked"]
        assert self.scene.intents() == began + ([lease.drill] if lease else [])
        assert (lease is not None) == self.model.dead

    @invariant()
    def no_week_had_two_scheduled_drills(self) -> None:
        good = [drill.plan.week for drill in self.scene.records() if drill.outcome == "succeeded"]
        scheduled = [week for week in good if week]
        assert len(scheduled) == len(set(scheduled))

    def teardown(self) -> None:
        self._arrive(late=True)
        assert (self.model.at_target, self.scene.lease(), self.scene.head().version) == (
            False,
            None,
            self.model.here.live,
        )
        self.scene.assert_whole()
        self.scene.registry.database.close()
        self.folder.cleanup()


def _outcome(act: Callable[[], Move | Drill]) -> str:
    """What came of it, an error by its kind."""
    try:
        done = act()
    except NotFound:
        return "not found"
    except Refused:
        return "refused"
    return "changed" if isinstance(done, Drill) or done.changed else "same"


@pytest.mark.slow
def test_a_place_with_drills_that_die_in_it_behaves_as_the_model_does() -> None:
    DrillMachine.seen.clear()
    chosen = settings(
        max_examples=int(TORTURE or EXAMPLES),
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=TORTURE is None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(DrillMachine, settings=chosen)
    common = {
        "interrupted", "an operator in the middle of a dead drill", "a drill succeeded", "a drill blocked",
        "a tick that ran 0", "a tick that ran 1", "a recovery died",
    }  # fmt: skip
    assert common <= set(DrillMachine.seen), DrillMachine.seen
