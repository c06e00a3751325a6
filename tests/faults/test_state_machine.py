"""The registry against a plain model of it: whatever is done in whatever order, both tell the same story."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from agent_deploy.operations.deliver import deliver
from agent_deploy.operations.move import Move
from agent_deploy.operations.promote import promote
from agent_deploy.operations.register import register
from agent_deploy.operations.rollback import rollback
from agent_deploy.operations.verify import verify
from registry.catalog import list_versions
from registry.delivery import delivered_generation
from registry.errors import Conflict, Missing, NotFound, Refused, RegistryError, Unavailable
from registry.pointers import read_pointer
from registry.registry import Registry
from registry.releases import find_head, find_previous_version, is_on_hold, list_releases
from registry.source import Source
from tests.builders import open_registry, source_of
from tests.faults.away import StoreAway
from tests.faults.model import Environment, Model, default_target, on_hold

TORTURE = os.environ.get("AGENT_DEPLOY_TORTURE")
STEPS = 30
ENVIRONMENTS = ("production", "staging")
_ERRORS: dict[type[RegistryError], str] = {
    NotFound: "not found",
    Conflict: "conflict",
    Refused: "refused",
    Unavailable: "unavailable",
}
_numbers = itertools.count(1)

contents = st.integers(1, 6)
environments = st.sampled_from(("production", "production", "production", "staging"))
versions = st.sampled_from((1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7))
# How far from the head the caller believes it to be; mostly it does not say.
beliefs = st.sampled_from((None, None, None, None, 0, 0, 1))


class RegistryMachine(RuleBasedStateMachine):
    """Each example is a workflow of its own in one shared registry."""

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self.store = StoreAway(registry.store, away=False)
        self.registry = Registry(registry.database, self.store)
        self.workflow = f"workflow-{next(_numbers)}"
        self.model = Model()

    @initialize()
    def begin_with_four_versions_of_which_three_were_live(self) -> None:
        for number in range(1, 5):
            self.register(number)
        for number in range(1, 4):
            self.promote("production", number, override=False, belief=None)

    @rule(content=contents)
    def register(self, content: int) -> None:
        def act() -> str:
            done = register(self.registry, _source(content, self.workflow), actor="ci")
            assert done.version.number == expected_number
            return "created" if done.created else "present"

        told = self.model.register(content)
        expected_number = self.model.contents.index(content) + 1 if content in self.model.contents else 0
        assert _outcome(act) == told

    @rule(environment=environments, version=versions, override=st.booleans(), belief=beliefs)
    def promote(self, environment: str, version: int, override: bool, belief: int | None) -> None:
        expect = self._expected(environment, belief)
        told = self.model.promote(environment, version, override=override, expect=expect)
        self._check_move(
            environment,
            told,
            lambda: promote(
                self.registry, self.workflow, str(version), environment,
                actor="ci", override_hold=override, expect_generation=expect,
            ),
        )  # fmt: skip

    @rule(environment=environments, belief=beliefs)
    def rollback_to_the_default(self, environment: str, belief: int | None) -> None:
        self._rollback(environment, None, force=False, belief=belief)

    @rule(environment=environments, version=versions, force=st.booleans(), belief=beliefs)
    def rollback_to_a_version(self, environment: str, version: int, force: bool, belief: int | None) -> None:
        self._rollback(environment, version, force=force, belief=belief)

    def _rollback(self, environment: str, version: int | None, *, force: bool, belief: int | None) -> None:
        expect = self._expected(environment, belief)
        told = self.model.rollback(environment, version, force=force, expect=expect)
        self._check_move(
            environment,
            told,
            lambda: rollback(
                self.registry, self.workflow, environment,
                actor="ci", to_version=None if version is None else str(version), force=force, expect_generation=expect,
            ),
        )  # fmt: skip

    def _expected(self, environment: str, belief: int | None) -> int | None:
        here = self.model.environments.get(environment, Environment())
        return None if belief is None else len(here.log) + belief

    def _check_move(self, environment: str, told: str, act: Callable[[], Move]) -> None:
        def outcome() -> str:
            move = act()
            here = self.model.environments[environment]
            assert move.delivered == (here.delivered == len(here.log))
            assert move.release
            assert (move.release.generation, move.release.version) == (len(here.log), here.live)
            return "changed" if move.changed else "same"

        assert _outcome(outcome) == told

    @rule()
    def deliver(self) -> None:
        done = deliver(self.registry)
        waiting = [name for name, here in self.model.environments.items() if here.delivered < len(here.log)]
        told = done.failed if self.model.away else [(release, "") for release in done.published]
        assert sorted(release.environment for release, _ in told) == sorted(waiting)
        self.model.deliver()

    @rule()
    def store_goes_away_or_comes_back(self) -> None:
        self.model.away = self.store.away = not self.store.away

    @rule()
    def verify(self) -> None:
        assert verify(self.registry, self.workflow).faults == []

    @invariant()
    def versions_are_the_models(self) -> None:
        with self.registry.database.read() as connection:
            found = list_versions(connection, self.workflow)[::-1]
        assert [(version.number, version.digest) for version in found] == [
            (number, _source(content, self.workflow).digest)
            for number, content in enumerate(self.model.contents, start=1)
        ]

    @invariant()
    def releases_are_the_models(self) -> None:
        for environment in ENVIRONMENTS:
            here = self.model.environments.get(environment, Environment())
            with self.registry.database.read() as connection:
                found = list_releases(connection, self.workflow, environment, 1000)[::-1]
                delivered = delivered_generation(connection, self.workflow, environment)
                numbers = range(1, len(self.model.contents) + 1)
                held = {n for n in numbers if is_on_hold(connection, self.workflow, environment, n)}
            assert [(one.kind, one.version, one.previous_version) for one in found] == [
                (moved.kind, moved.version, moved.before) for moved in here.log
            ]
            assert [one.generation for one in found] == list(range(1, len(found) + 1))
            assert (delivered, held) == (here.delivered, on_hold(here.log))

    @invariant()
    def readers_see_what_was_delivered_last(self) -> None:
        for environment, here in self.model.environments.items():
            try:
                pointer = read_pointer(self.store, environment, self.workflow)
            except Missing:
                assert here.delivered == 0
            else:
                assert pointer.generation == here.delivered
                assert pointer.version == here.log[here.delivered - 1].version

    @invariant()
    def a_bare_rollback_would_go_down_the_stack(self) -> None:
        for environment, here in self.model.environments.items():
            with self.registry.database.read() as connection:
                head = find_head(connection, self.workflow, environment)
                assert head
                assert find_previous_version(connection, head) == default_target(here.log)

    def teardown(self) -> None:
        self.store.away = False
        deliver(self.registry)
        if self.model.contents:
            assert verify(self.registry, self.workflow).faults == []


@cache
def _source(content: int, workflow: str) -> Source:
    return source_of(f"Content {content}.\n", workflow)


def _outcome(act: Callable[[], str]) -> str:
    """What came of it, an error by its kind."""
    try:
        return act()
    except tuple(_ERRORS) as error:
        return _ERRORS[type(error)]


def _run(registry: Registry, examples: int) -> None:
    chosen = settings(
        max_examples=int(TORTURE or examples),
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=TORTURE is None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )

    class Machine(RegistryMachine):
        def __init__(self) -> None:
            super().__init__(registry)

    run_state_machine_as_test(Machine, settings=chosen)


@pytest.mark.slow
def test_the_registry_on_sqlite_behaves_as_the_model_does() -> None:
    memory = Path("/dev/shm")  # the disk's patience is not what this is about
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        registry = open_registry(Path(folder))
        _run(registry, 60)
        registry.database.close()


@pytest.mark.slow
def test_the_registry_on_postgresql_behaves_as_the_model_does(postgres_url: str, tmp_path: Path) -> None:
    registry = open_registry(tmp_path, postgres_url)
    _run(registry, 15)
    registry.database.close()
