"""Where a bare rollback goes back to, by a log that is a plain list."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.models import Kind, Release
from registry.targets import previous_version

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Log:
    """An environment's releases, oldest first."""

    releases: list[Release] = field(default_factory=list)

    def append(self, kind: Kind, version: int, *, drill: bool = False) -> None:
        """Add a release after the head. drill: it is a drill's rollback, from which readers go back by themselves."""
        head = self.releases[-1] if self.releases else None
        self.releases.append(
            Release(
                workflow="support-triage", environment="production", generation=len(self.releases) + 1,
                version=version, tag=f"1.0.{version}", digest=f"sha256:{version:064x}", kind=kind, actor="ann",
                reason="", released_at=_NOON, previous_version=head.version if head else None, override_hold=False,
                previous_hash="", hash="", revert_to=head.version if head and drill else None,
            )
        )  # fmt: skip

    def last_with(self, version: int, before: int) -> int | None:
        """The highest generation below `before` at which the version was live."""
        found = [r.generation for r in self.releases if r.version == version and r.generation < before]
        return max(found, default=None)

    def is_on_hold(self, version: int) -> bool:
        """Whether the version was rolled back from later than it was last set live."""
        judged = [release for release in self.releases if release.revert_to is None]
        left = [r.generation for r in judged if r.kind == "rollback" and r.previous_version == version]
        return max(left, default=0) > max((r.generation for r in judged if r.version == version), default=0)

    def previous(self) -> int | None:
        """What is under test, asked of this log."""
        return previous_version(
            self.releases[-1], lambda generation: self.releases[generation - 1], self.last_with, self.is_on_hold
        )


def _log(words: str) -> Log:
    """A log from words: `p3` promotes version 3, `r2` rolls back to 2, `s3` restores 3, `r` is a bare rollback, `d2` a
    drill's rollback to 2.
    """
    log = Log()
    for word in words.split():
        kind: Kind = {"p": "promote", "r": "rollback", "d": "rollback", "s": "restore"}[word[0]]  # type: ignore[assignment]
        version = int(word[1:]) if word[1:] else log.previous()
        assert version is not None
        log.append(kind, version, drill=word[0] == "d")
    return log


CASES = [
    ("p1", None, "nothing was live before"),
    ("p1 p2", 1, "the one before"),
    ("p1 p2 p3 r", 1, "two in a row go back two and never flip"),
    ("p1 p2 p3 r r", None, "and there it ends"),
    ("p1 p2 p3 r p4", 2, "after a new promote, back to where it came from"),
    ("p1 p2 p3 r p4 r", 1, "what was rolled back from is never gone back to"),
    ("p1 p2 p3 r1", None, "a rollback to a version takes off all above it"),
    ("p1 p2 p3 r1 p4", 1, "and what it skipped stays skipped"),
    ("p1 p2 r p2", 1, "promoted again over its hold, it stands where it stood"),
    ("p1 p2 p1", 2, "an older version promoted again is on top"),
    ("p1 p2 p1 r", None, "and version 1 below is the one just left"),
    ("p1 p2 p3 p2", 3, "the version left by a promote is not on hold"),
    ("p1 p2 p3 p2 r", 1, "below 3 comes 2, which is on hold now, so 1"),
    ("p1 p2 p3 r1 r3", 2, "an explicit way back up stands where that version stood"),
    ("p1 p2 r9", 1, "forced to a version never live, it is put on top like a promote; 2 below was left, so 1"),
    ("p1 p2 p3 s1", None, "a restore goes back as a rollback does"),
    ("p1 p2 r1 s2", 1, "a drill's restore puts back what it left"),
    ("p1 p2 p3 r2 s3", 2, "and the way back under it is as before"),
    ("p1 p2 p3 d1 s3", 2, "a drill and its restore leave no trace"),
    ("p1 p2 p3 d1 s3 d2 s3 r", 1, "nor do several of them"),
    ("p1 p2 p3 d1 p4", 3, "a promote in the middle of a drill stands on what the drill went back from"),
    ("p1 p2 p3 d1 p4 r", 2, "and further down it is as if there had been no drill"),
    ("p1 p2 p3 d2", 1, "in the middle of a drill it leaves the drill's target, and what the drill left, behind"),
    ("p1 p2 p3 d2 r2", 1, "and going where the drill went, to stay, is a rollback like any other"),
]


@pytest.mark.parametrize(("words", "expected", "why"), CASES, ids=[f"{words}: {why}" for words, _, why in CASES])
def test_a_bare_rollback_reads_the_log_as_a_stack(words: str, expected: int | None, why: str) -> None:
    assert _log(words).previous() == expected


_WITH_DRILLS = st.lists(
    st.tuples(st.sampled_from(["promote", "rollback", "drill"]), st.integers(1, 5)), min_size=1, max_size=14
)


@settings(deadline=None)  # the machine may be busy
@given(moves=_WITH_DRILLS)
def test_drills_that_end_in_their_restore_change_neither_the_way_back_nor_the_holds(
    moves: list[tuple[str, int]],
) -> None:
    drilled, plain = _log("p1"), _log("p1")
    for kind, version in moves:
        live = plain.releases[-1].version
        if version == live:
            continue
        if kind != "drill":
            for log in (drilled, plain):
                log.append(kind, version)  # type: ignore[arg-type]
        elif any(release.version == version for release in plain.releases):
            drilled.append("rollback", version, drill=True)
            drilled.append("restore", live)
    assert drilled.previous() == plain.previous()
    held = [[v for v in range(1, 6) if log.is_on_hold(v)] for log in (drilled, plain)]
    assert held[0] == held[1]


_MOVES = st.lists(st.tuples(st.sampled_from(get_args(Kind)), st.integers(1, 5)), max_size=14)


def _play(moves: list[tuple[Kind, int]]) -> tuple[Log, list[list[int]]]:
    """The log of these moves, no-ops left out, and the stack after each of its releases, by a model of its own."""
    log, stacks = _log("p1"), [[1]]
    for kind, version in moves:
        if version == log.releases[-1].version:
            continue
        came_from = log.last_with(version, len(log.releases) + 1)
        on_top = kind == "promote" or came_from is None
        stacks.append([*stacks[-1], version] if on_top or came_from is None else stacks[came_from - 1])
        log.append(kind, version)
    return log, stacks


@settings(deadline=None)  # the machine may be busy
@given(moves=_MOVES)
def test_it_agrees_with_a_stack_kept_beside_the_log(moves: list[tuple[Kind, int]]) -> None:
    log, stacks = _play(moves)
    below = [version for version in reversed(stacks[-1][:-1]) if version != stacks[-1][-1]]
    assert log.previous() == next((version for version in below if not log.is_on_hold(version)), None)


@settings(deadline=None)  # the machine may be busy
@given(moves=_MOVES)
def test_it_is_never_the_current_version_nor_one_on_hold(moves: list[tuple[Kind, int]]) -> None:
    log, _ = _play(moves)
    target = log.previous()
    assert target != log.releases[-1].version
    assert target is None or not log.is_on_hold(target)


@settings(deadline=None)  # the machine may be busy
@given(moves=_MOVES)
def test_bare_rollbacks_in_a_row_end_and_never_visit_a_version_twice(moves: list[tuple[Kind, int]]) -> None:
    log, _ = _play(moves)
    visited = [log.releases[-1].version]
    while (target := log.previous()) is not None:
        assert target not in visited
        visited.append(target)
        log.append("rollback", target)
