"""What promote and rollback share: carrying a plan out, and the result that both give."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from agent_deploy.log import event
from registry.models import Release
from registry.moves import Admit, Moved, Plan, admit_all, carry_out, check_whole
from registry.registry import Registry

if TYPE_CHECKING:
    from agent_deploy.gates.verdict import Gate
    from agent_deploy.operations.gate import Admission


@dataclass(frozen=True, slots=True)
class Move:
    """A move made, found needless, or only planned.

    release: the head afterwards; None for a dry run that would make the first one. changed: whether this call moved
    it. not_delivered: why the store does not point to the head yet, empty when it does. undo: the exact command that
    takes it back, empty when there is nothing to take back. elapsed_ms: milliseconds from start to delivery.
    gate: the verdict of a promotion, passed or overridden; None where no gate was asked. committed_ms: milliseconds
    from start to when it was on record; None when nothing had to be.
    """

    plan: Plan
    release: Release | None
    changed: bool
    dry_run: bool
    not_delivered: str
    undo: str
    elapsed_ms: float
    gate: Gate | None = None
    committed_ms: float | None = field(default=None, compare=False)

    @property
    def delivered(self) -> bool:
        """Whether readers can see the head; a dry run delivers nothing."""
        return not self.dry_run and not self.not_delivered


def make(
    registry: Registry,
    plan: Plan,
    *,
    actor: str,
    reason: str,
    dry_run: bool,
    clock: Callable[[], datetime],
    admission: Admission | None = None,
    admit: Admit = admit_all,
) -> Move:
    """Carry out a plan, or check that it could be.

    admission: the gate that has to let it through, if any; without one, admit has the last word (`registry.moves`).
    """
    started = time.monotonic()
    admission = admission if plan.changes else None
    if admission:
        admission.rehearse()
        admit = admission.admit
    if dry_run:
        check_whole(registry.store, plan.target)
        gate = admission.gate if admission else None
        return Move(plan, plan.head, changed=False, dry_run=True, not_delivered="", undo="",
                    elapsed_ms=_ms_since(started), gate=gate)  # fmt: skip
    moved = carry_out(registry, plan, actor=actor, reason=reason, clock=clock, admit=admit)
    if plan.changes:
        _log(moved)
    return Move(
        plan=plan,
        release=moved.release,
        changed=plan.changes,
        dry_run=False,
        not_delivered=moved.not_delivered,
        undo=undo_command(moved.release, plan.head) if plan.changes else "",
        elapsed_ms=_ms_since(started),
        gate=admission.gate if admission else None,
        committed_ms=None if moved.committed is None else (moved.committed - started) * 1000,
    )


def _ms_since(started: float) -> float:
    return (time.monotonic() - started) * 1000


def _log(moved: Moved) -> None:
    release = moved.release
    event(
        "released",
        workflow=release.workflow,
        environment=release.environment,
        kind=release.kind,
        generation=release.generation,
        version=release.version,
        actor=release.actor,
        delivered=moved.delivered,
    )


def undo_command(release: Release, before: Release | None) -> str:
    """The command that takes this release back, and refuses if the head has moved since; empty for the first one.

    A rollback is taken back by promoting the version that it put on hold: rolling forward would put the good one,
    which was rolled back to, on hold instead. before: the head that it was made on; taking back what was done in the
    middle of a drill leads to what was live before the drill.
    """
    if release.previous_version is None:
        return ""
    in_drill = before is not None and before.revert_to is not None
    version = before.revert_to if before is not None and in_drill else release.previous_version
    where = f"--env {release.environment} --expect-generation {release.generation}"
    if release.kind == "rollback":
        override = "" if in_drill else " --override-hold"
        return f"agent-deploy promote {release.workflow} --version {version} {where}{override}"
    return f"agent-deploy rollback {release.workflow} --to-version {version} {where}"
