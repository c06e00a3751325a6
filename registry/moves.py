"""A move of an environment's head, in the one order that a crash cannot leave half done.

verify the target's blobs → in one transaction check the head and append the release → publish the pointer → record
the delivery. What was planned on one head is never carried out on another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from registry.blobs import get_blobs
from registry.catalog import lock_workflow
from registry.database import Connection
from registry.delivery import deliver, find_undelivered, open_delivery
from registry.errors import CommitUnknown, Conflict, Damaged, Missing, Unavailable
from registry.failpoints import reached
from registry.manifest import parse_manifest
from registry.models import Kind, Release, Version
from registry.registry import Registry
from registry.releases import add_release, find_head
from registry.stores import Store

# Asked within the transaction that moves the head, before it does: the gate's canonical JSON, to be kept with the
# release (None: no gate was asked), or Refused, and then nothing moves.
Admit = Callable[[Connection], str | None]


def admit_all(_connection: Connection) -> None:
    """Let the move through, no gate asked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A move decided but not made: from `head` (what is live; None at first) to `target`.

    on_hold: whether the target is on hold there, for the caller to tell; the rules were applied before.
    revert_to, revert_at: of a drill: the version that readers go back to by themselves, and when.
    """

    kind: Kind
    environment: str
    head: Release | None
    target: Version
    on_hold: bool = False
    override_hold: bool = False
    revert_to: int | None = None
    revert_at: datetime | None = None

    @property
    def changes(self) -> bool:
        """Whether carrying it out would move anything: not when the target is what is live.

        It does where a drill made the target live: who moves there means it to stay, and the drill to let go.
        """
        return self.head is None or self.head.version != self.target.number or self.head.revert_to is not None


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a plan: the head now, and why its pointer is not out, empty when it is.

    committed: when the release was on record, a reading of `time.monotonic`; None when nothing had to be recorded.
    """

    release: Release
    not_delivered: str
    committed: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the store points to the release, or to a later one."""
        return not self.not_delivered


def check_expected(head: Release | None, workflow: str, environment: str, expected: int | None) -> None:
    """Raises Conflict when the caller expected another generation (0: nothing live yet)."""
    found = head.generation if head else 0
    if expected is not None and found != expected:
        raise _moved(head, workflow, environment, f"--expect-generation {expected}")


def check_whole(store: Store, version: Version) -> None:
    """Read and hash every blob of a version. Raises Damaged naming what is missing or wrong, and that nothing moved."""
    try:
        manifest = parse_manifest(version.manifest.encode(), version.digest)
        get_blobs(store, (version.digest, *manifest.digests))
    except (Missing, Damaged) as error:
        raise Damaged(
            f"{version.ref} is not whole: {error.message}",
            unchanged="Nothing was moved.",
            next_command=f"agent-deploy verify {version.workflow}",
        ) from error
    except Unavailable as error:
        raise Unavailable(
            f"{version.ref} cannot be checked: {error.message}",
            unchanged="Nothing was moved.",
            next_command="agent-deploy doctor",
        ) from error


def carry_out(
    registry: Registry,
    plan: Plan,
    *,
    actor: str,
    reason: str,
    clock: Callable[[], datetime],
    admit: Admit = admit_all,
) -> Moved:
    """Make the move, or, where the plan changes nothing, only see to it that the head is delivered.

    admit: has the last word within the transaction; what it raises, this raises, with nothing moved. Raises Damaged
    (target not whole) or Conflict (the head is not the plan's any more) before anything moved, and CommitUnknown when
    nobody can tell. A pointer that could not be published is not an error here: see `Moved`.
    """
    check_whole(registry.store, plan.target)
    reached("move.checked")
    release = _record(registry, plan, actor, reason, clock(), admit) if plan.changes else plan.head
    assert release is not None  # noqa: S101  (a plan without a head always changes something)
    committed = time.monotonic() if plan.changes else None
    reached("move.committed")
    try:
        failed = finish_deliveries(registry, release.workflow, clock())
    except Unavailable as error:
        return Moved(release, error.message, committed)
    return Moved(release, failed.get(plan.environment, ""), committed)


def finish_deliveries(registry: Registry, workflow: str, at: datetime) -> dict[str, str]:
    """Deliver what this and earlier commands on the workflow recorded; why not, by environment, where that failed."""
    with registry.database.read() as connection:
        pending = find_undelivered(connection, workflow)
    failed: dict[str, str] = {}
    for release in pending:
        try:
            deliver(registry.database, registry.store, release, at)
        except (Unavailable, Damaged) as error:
            failed[release.environment] = error.message
    return failed


def _record(registry: Registry, plan: Plan, actor: str, reason: str, at: datetime, admit: Admit) -> Release:
    workflow, environment = plan.target.workflow, plan.environment
    try:
        with registry.database.write() as connection:
            lock_workflow(connection, workflow)
            head = find_head(connection, workflow, environment)
            if (head and head.hash) != (plan.head and plan.head.hash):
                raise _moved(head, workflow, environment, "while this command was working")
            gate = admit(connection)
            open_delivery(connection, workflow, environment)
            release = add_release(
                connection, head, plan.target, environment,
                kind=plan.kind, actor=actor, reason=reason, at=at, override_hold=plan.override_hold, gate=gate,
                revert_to=plan.revert_to, revert_at=plan.revert_at,
            )  # fmt: skip
            reached("move.appended")
    except CommitUnknown as error:
        raise CommitUnknown(
            error.message,
            unchanged="Nothing was published. If it was recorded, the next command on this workflow delivers it.",
            next_command=f"agent-deploy status {workflow}",
        ) from error
    return release


def _moved(head: Release | None, workflow: str, environment: str, against: str) -> Conflict:
    if head is None:
        now = "nothing is live there"
    else:
        now = f"it is now generation {head.generation}, version {head.version}, by {head.actor}"
    return Conflict(
        f"the head of {workflow} in {environment} moved ({against}): {now}",
        unchanged="Nothing was changed by this command.",
        next_command=f"agent-deploy status {workflow} --env {environment}",
    )
