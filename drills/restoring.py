"""Putting the baseline back, again and again until it is done, or until that is clearly not to be."""

from __future__ import annotations

from dataclasses import dataclass

from drills.course import Clock, one_line
from drills.errors import RestoreFailed, Yielded
from drills.models import DrillPlan
from drills.places import told, whose
from drills.ports import Ports
from registry.errors import RegistryError
from registry.registry import Registry
from registry.releases import find_head

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0


@dataclass(frozen=True, slots=True)
class Restored:
    """The baseline is live, and readers can see it. moved: False when it never was away.

    committed_ms: milliseconds from the first attempt until it was on record.
    """

    moved: bool
    attempts: int
    committed_ms: float


@dataclass(frozen=True, slots=True)
class _Attempt:
    """moved: whether there is a restore on record. trouble: why readers cannot see it, empty when they can.

    committed_ms: what it took to record it; None when it was on record already.
    """

    moved: bool
    trouble: str = ""
    committed_ms: float | None = None


def put_back(registry: Registry, ports: Ports, plan: DrillPlan, clock: Clock, *, until: float, reason: str) -> Restored:
    """Restore, with ever longer pauses between attempts, up to the monotonic reading `until`; one attempt at least.

    Raises Yielded when the head is neither the baseline nor the drill's, RestoreFailed when time is up.
    """
    requested, pause_s, attempts = clock.monotonic(), _FIRST_PAUSE_S, 0
    committed_ms: float | None = None
    while True:
        attempts += 1
        began_ms = (clock.monotonic() - requested) * 1000
        try:
            done = _attempt(registry, ports, plan, reason)
        except RegistryError as error:
            trouble = one_line(error)
        else:
            if committed_ms is None:
                committed_ms = began_ms + (done.committed_ms or 0.0)
            if not done.trouble:
                return Restored(done.moved, attempts, committed_ms)
            trouble = done.trouble
        left_s = until - clock.monotonic()
        if left_s <= 0:
            raise RestoreFailed(f"the baseline could not be put back in {attempts} attempts: {trouble}")
        clock.sleep(min(pause_s, left_s))
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _attempt(registry: Registry, ports: Ports, plan: DrillPlan, reason: str) -> _Attempt:
    """One look, and one move where it takes one. Raises as the ports do."""
    with registry.database.read() as connection:
        head = find_head(connection, plan.workflow, plan.place)
    stands = whose(head, plan)
    if stands == "baseline":
        return _Attempt(moved=False)
    if stands == "restored":
        return _Attempt(moved=True, trouble=ports.deliver(plan.workflow, plan.place))
    if stands == "other" or head is None:
        raise Yielded(f"somebody moved the head: {told(head)}")
    moved = ports.restore(plan, head, reason)
    return _Attempt(moved=True, trouble=moved.not_delivered, committed_ms=moved.committed_ms)
