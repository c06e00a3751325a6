"""What a workflow's versions and releases should be, told as naively as can be: lists, and rules that replay them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["promote", "rollback", "restore"]


@dataclass(frozen=True)
class Moved:
    """One release: how it came about, the version that it set live, and the one live before.

    drill: it is a drill's rollback, and no judgement of either version.
    """

    kind: Kind
    version: int
    before: int | None
    drill: bool = False


def on_hold(log: Sequence[Moved]) -> set[int]:
    """The versions that were rolled back from and have not been live since."""
    held: set[int] = set()
    for moved in log:
        if moved.drill:
            continue
        if moved.kind == "rollback" and moved.before is not None:
            held.add(moved.before)
        held.discard(moved.version)
    return held


def stack(log: Sequence[Moved]) -> list[int]:
    """A promote puts a version on top; a rollback to V brings back the stack that V was on top of when last live.

    In the middle of a drill a promote puts it on top of what the drill went back from.
    """
    stacks: list[list[int]] = []
    for number, moved in enumerate(log):
        earlier = [stacks[at] for at in range(number) if log[at].version == moved.version]
        if moved.kind != "promote" and earlier:
            stacks.append(earlier[-1])
        else:
            below = [at for at in range(number) if not log[at].drill]
            stacks.append([*(stacks[below[-1]] if below else []), moved.version])
    return stacks[-1] if stacks else []


def default_target(log: Sequence[Moved]) -> int | None:
    """Where a bare rollback goes: down the stack, past what is live and what is on hold."""
    held = on_hold(log)
    below = [version for version in stack(log)[:-1] if version != log[-1].version and version not in held]
    return below[-1] if below else None


@dataclass
class Environment:
    """The log of one environment, and how many of its releases were delivered and are in the store."""

    log: list[Moved] = field(default_factory=list)
    delivered: int = 0

    @property
    def live(self) -> int | None:
        """The version that is live."""
        return self.log[-1].version if self.log else None


@dataclass
class Model:
    """One workflow. contents: of each version, oldest first. away: whether the store takes no writes."""

    contents: list[int] = field(default_factory=list)
    environments: dict[str, Environment] = field(default_factory=dict)
    away: bool = False

    def register(self, content: int) -> str:
        """What becomes of it: "created", "present" or "unavailable"."""
        if self.away:
            return "unavailable"
        created = content not in self.contents
        if created:
            self.contents.append(content)
        self.deliver()
        return "created" if created else "present"

    def promote(self, environment: str, version: int, *, override: bool, expect: int | None) -> str:
        """What becomes of it: "changed", "same", or the error that it is refused with."""
        here = self.environments.get(environment, Environment())
        if not 1 <= version <= len(self.contents):
            return "not found"
        if expect not in (None, len(here.log)):
            return "conflict"
        if version in on_hold(here.log) and not override and version != here.live:
            return "refused"
        return self._move(environment, "promote", version)

    def rollback(self, environment: str, version: int | None, *, force: bool, expect: int | None) -> str:
        """What becomes of it: "changed", "same", or the error that it is refused with."""
        here = self.environments.get(environment)
        if here is None:
            return "not found"
        if expect not in (None, len(here.log)):
            return "conflict"
        were_live = {moved.version for moved in here.log}
        if version is None:
            version = default_target(here.log)
            if version is None:
                return "refused" if len(were_live) > 1 else "not found"
        if not 1 <= version <= len(self.contents):
            return "not found"
        if version not in were_live and not force:
            return "refused"
        return self._move(environment, "rollback", version)

    def deliver(self) -> None:
        """Readers see every head, if the store takes it."""
        if not self.away:
            for here in self.environments.values():
                here.delivered = len(here.log)

    def _move(self, environment: str, kind: Kind, version: int) -> str:
        here = self.environments.setdefault(environment, Environment())
        changed = here.live != version or here.log[-1].drill  # who goes where a drill went means it to stay
        if changed:
            here.log.append(Moved(kind, version, here.live))
        self.deliver()
        return "changed" if changed else "same"
