"""rollback: an environment goes back to a version that was live before. Waits for no evidence and no one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from agent_deploy.operations.move import Move, make
from registry.catalog import version_numbered
from registry.errors import NotFound, Refused
from registry.models import Release, Version
from registry.moves import Admit, Plan, admit_all, check_expected
from registry.refs import parse_ref
from registry.registry import Registry
from registry.releases import (
    find_head,
    find_live,
    find_previous_version,
    is_on_hold,
    last_with_version,
    nothing_live,
    versions_live_in,
)
from registry.times import now


def rollback(
    registry: Registry,
    workflow: str,
    environment: str,
    *,
    actor: str,
    to_version: str | None = None,
    reason: str = "",
    dry_run: bool = False,
    force: bool = False,
    expect_generation: int | None = None,
    revert_to: int | None = None,
    revert_at: datetime | None = None,
    admit: Admit = admit_all,
    clock: Callable[[], datetime] = now,
) -> Move:
    """Go back to `to_version`, or to the last version live before the current one that is not on hold.

    The version left goes on hold. A stated no-op when the target is what is live. Raises NotFound (no such version,
    nothing live, nothing to go back to), Refused (never live here without `force`; all earlier ones on hold), Conflict
    (the head moved), Damaged (the target is not whole): nothing moved then.

    A drill gives the last three: revert_to and revert_at, the version that readers go back to by themselves, and when;
    the version left then does not go on hold. admit has the last word within the transaction (`registry.moves.Admit`).
    """
    with registry.database.read() as connection:
        head = find_head(connection, workflow, environment)
        if head is None:
            raise nothing_live(connection, workflow, environment)
        check_expected(head, workflow, environment, expect_generation)
        if to_version is None:
            number = find_previous_version(connection, head)
            if number is None:
                were_live = versions_live_in(connection, workflow, environment)
                others = [(v, is_on_hold(connection, workflow, environment, v)) for v in were_live if v != head.version]
                raise _nothing_before(head, others)
            target = version_numbered(connection, workflow, number)
        else:
            target = find_live(connection, parse_ref(to_version, workflow))
        on_hold = is_on_hold(connection, workflow, environment, target.number)
        was_live = last_with_version(connection, workflow, environment, target.number) is not None
    if not was_live and not force:
        raise _never_live(target, environment)
    plan = Plan("rollback", environment, head, target, on_hold=on_hold, revert_to=revert_to, revert_at=revert_at)
    return make(registry, plan, actor=actor, reason=reason, dry_run=dry_run, clock=clock, admit=admit)


def _nothing_before(head: Release, others: list[tuple[int, bool]]) -> NotFound | Refused:
    """others: every other version that was live there, and whether it is on hold."""
    workflow, environment = head.workflow, head.environment
    named = f"{workflow}@{head.version} is live in {environment}"
    if not others:
        return NotFound(
            f"{named} and nothing was live there before it, so there is nothing to roll back to",
            unchanged="Nothing was moved.",
            next_command=f"agent-deploy promote {workflow} --version VERSION --env {environment}",
        )
    told = ", ".join(f"{version} (on hold)" if held else f"{version}" for version, held in others)
    return Refused(
        f"{named} and all below it in the log is on hold or was rolled back past; live at some time: {told}",
        unchanged="Nothing was moved.",
        next_command=f"agent-deploy rollback {workflow} --to-version VERSION --env {environment}",
    )


def _never_live(target: Version, environment: str) -> Refused:
    return Refused(
        f"{target.ref} was never live in {environment}, so going to it is no rollback",
        unchanged="Nothing was moved.",
        next_command=(
            f"agent-deploy rollback {target.workflow} --to-version {target.number} --env {environment} --force"
        ),
    )
