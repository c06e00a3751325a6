"""Sixteen processes at once, on SQLite and on PostgreSQL: one head, one numbering, nothing lost, nobody locked out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent_deploy.operations.register import put_blobs
from registry.catalog import list_versions
from registry.registry import Registry
from registry.source import read_source
from tests.builders import WORKFLOW, add_version, open_registry, write_bundle
from tests.commands import Answer, call, line
from tests.faults.racing import RACERS, race
from tests.faults.states import look

pytestmark = pytest.mark.slow

CONFLICT = 5
ROUNDS = 2


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """An empty registry on each database in turn."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    registry = open_registry(tmp_path, url)
    yield registry
    registry.database.close()


@dataclass(frozen=True)
class Turns:
    """Command lines for one process, one after the other; each is typed again as long as it is told of a conflict."""

    lines: tuple[tuple[str, ...], ...]


def take_turns(turns: Turns) -> list[Answer]:
    """Every answer, the conflicts among them."""
    answers = []
    for words in turns.lines:
        while True:
            answers.append(call(None, *words))
            if answers[-1].code != CONFLICT:
                break
    return answers


def _race(registry: Registry, commands: Sequence[Sequence[tuple[str, ...]]]) -> list[Answer]:
    """The answers of the commands that went through, of a race in which none may fail but by conflict."""
    turns = [Turns(tuple(tuple(line(registry, *words, "--json")) for words in own)) for own in commands]
    answers = [answer for own in race(take_turns, turns) for answer in own]
    assert {answer.code for answer in answers} <= {0, CONFLICT}, [answer.err for answer in answers if answer.err]
    assert not [answer.err for answer in answers if "lock" in answer.err.replace("blocked", "")]
    return [answer for answer in answers if answer.code == 0]


def _promote(number: int) -> tuple[str, ...]:
    return ("promote", WORKFLOW, "--version", str(number), "--override-hold")


def test_promotes_of_different_versions_at_once_make_one_unbroken_history(registry: Registry) -> None:
    for number in range(1, 2 * RACERS + 1):
        add_version(registry, number)
    both = [(1 + number, 1 + number + RACERS) for number in range(RACERS)]
    done = _race(registry, [[_promote(pair[turn % 2]) for turn in range(ROUNDS)] for pair in both])
    told = {answer.document["generation"]: answer.document["version"] for answer in done}
    state = look(registry)
    assert sorted(told) == list(range(1, ROUNDS * RACERS + 1))
    assert state.releases == tuple(told[generation] for generation in sorted(told))
    assert all(answer.document["changed"] and answer.document["delivered"] for answer in done)
    assert state.settled


def test_rollbacks_and_promotes_at_once_make_one_unbroken_history(registry: Registry) -> None:
    for number in (1, 2):
        add_version(registry, number)
        call(registry, *_promote(number))
    rollback = ("rollback", WORKFLOW, "--to-version", "1")
    done = _race(registry, [[_promote(2), rollback, _promote(2)] for _ in range(RACERS)])
    told = [answer.document for answer in done if answer.document["changed"]]
    state = look(registry)
    assert sorted(answer["generation"] for answer in told) == list(range(3, len(state.releases) + 1))
    assert all(state.releases[answer["generation"] - 1] == answer["version"] for answer in told)
    assert all(before != after for before, after in zip(state.releases, state.releases[1:], strict=False))
    assert state.settled


def test_of_promotes_that_expect_the_same_head_exactly_one_wins(registry: Registry) -> None:
    for number in range(1, RACERS + 1):
        add_version(registry, number)
    lines = [line(registry, *_promote(number), "--expect-generation", "0") for number in range(1, RACERS + 1)]
    answers = race(call_line, [tuple(words) for words in lines])
    assert sorted(answer.code for answer in answers) == [0] + [CONFLICT] * (RACERS - 1)
    assert look(registry).releases == (1 + [answer.code for answer in answers].index(0),)
    assert look(registry).settled


def call_line(words: tuple[str, ...]) -> Answer:
    """A whole command line, once."""
    return call(None, *words)


def test_registers_of_different_bundles_at_once_number_and_tag_each_once(registry: Registry, tmp_path: Path) -> None:
    done = _race(registry, [[("register", str(bundle))] for bundle in _bundles(tmp_path)])
    told = [answer.document for answer in done]
    assert sorted(version["version"] for version in told) == list(range(1, RACERS + 1))
    assert len({version["tag"] for version in told}) == RACERS
    assert len(look(registry).versions) == RACERS


def test_registers_of_one_bundle_at_once_create_one_version(registry: Registry, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    done = _race(registry, [[("register", str(bundle))]] * RACERS)
    told = [answer.document for answer in done]
    assert sum(version.pop("created") for version in told) == 1
    assert {(version["version"], version["tag"], version["digest"]) for version in told} == {
        (1, "1.0.0", read_source(bundle).digest)
    }
    assert len(look(registry).versions) == 1


def test_gc_beside_registers_takes_no_blob_that_a_version_needs(registry: Registry, tmp_path: Path) -> None:
    bundles = _bundles(tmp_path)
    for bundle in bundles:  # as killed registers leave them: there, and nobody's yet
        put_blobs(registry.store, read_source(bundle).packed)
    registers = [[("register", str(bundle))] for bundle in bundles[1:]]
    _race(registry, [*registers, [("gc",)] * 2 * RACERS])
    assert len(look(registry).versions) == len(registers)
    orphans = {"sha256:" + entry.key.rpartition("/")[2] for entry in registry.store.entries("blobs/")}
    with registry.database.read() as connection:
        digests = {version.digest for version in list_versions(connection, WORKFLOW)}
    assert read_source(bundles[0]).digest not in orphans
    assert digests <= orphans


def _bundles(folder: Path) -> list[Path]:
    return [write_bundle(folder / f"bundle-{number}", prompt=f"Bundle {number}.\n") for number in range(RACERS)]
