"""A place in which drills are run and die, told as naively as can be: the log, what a kill leaves, what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.drills.scenes import PLACE
from tests.faults.model import Environment, Model, Moved, default_target, on_hold

EVERY = 4  # of so many drills that got beyond being blocked one goes further back than it has to

# What a drill has done when it dies there. Nothing is on record; its intent is; the target is live; the baseline is
# again; its record is written.
NOTHING = ("drill.plan", "drill.blockers", "drill.prechecks", "drill.intent", "drill.appended")
BEGUN = ("drill.steady_before", "drill.rollback", "move.checked", "move.appended")
UNDELIVERED = ("move.committed", "deliver.published")
AWAY = ("deliver.recorded", "drill.rolled_back", "drill.verify", "drill.hold", "drill.restore")
BACK = ("drill.restored", "drill.verify_restored", "drill.steady_after", "drill.record", "drill.recording")
OVER = ("drill.recorded",)
IN_A_DRILL = (*NOTHING, *BEGUN, *UNDELIVERED, *AWAY, *BACK, *OVER)

_NOT_MOVED = ("move.checked", "move.appended")
IN_A_RECOVERY = (*_NOT_MOVED, *UNDELIVERED, "deliver.recorded", "drill.recording", *OVER)


@dataclass
class DrillModel(Model):
    """One workflow in one place. dead: whether a drill is that every process of died. ends: what came of the others."""

    dead: bool = False
    ends: list[str] = field(default_factory=list)

    @property
    def here(self) -> Environment:
        """The place."""
        return self.environments[PLACE]

    @property
    def at_target(self) -> bool:
        """Whether what is live is a drill's target, and not what somebody decided."""
        return self.here.log[-1].drill

    @property
    def settled(self) -> Sequence[Moved]:
        """The log up to what was live before the drill that is in the middle, if one is."""
        return self.here.log[:-1] if self.at_target else self.here.log

    def targets(self) -> set[int]:
        """Where a drill may go that is told of no target; empty where it has nowhere to go."""
        usual = default_target(self.settled)
        gone_through = sum(end != "blocked" for end in self.ends)
        were_live = {moved.version for moved in self.here.log}
        older = were_live - {self.settled[-1].version, usual} - on_hold(self.here.log)
        if older and (gone_through + 1) % EVERY == 0:
            return older
        return {usual} if usual is not None else set()

    def refuses(self, target: int | None) -> str:
        """The error that no drill to this target gets beyond; empty when one does."""
        if target is None:
            return "" if self.targets() else "not found"
        if not 1 <= target <= len(self.contents):
            return "not found"
        were_live = {moved.version for moved in self.here.log}
        return "" if target in were_live and target != self.settled[-1].version else "refused"

    def drill(self, target: int | None) -> str:
        """What comes of a drill that nothing kills. target: where it went; None when it went nowhere."""
        if not self.dead and target is not None:
            self._go(target)
            self._come_back()
        self.ends.append("blocked" if self.dead else "succeeded")
        return self.ends[-1]

    def die(self, failpoint: str, target: int | None) -> None:
        """A drill to this target is killed there."""
        self.dead = failpoint not in (*NOTHING, *OVER)
        if failpoint in (*UNDELIVERED, *AWAY, *BACK, *OVER):
            assert target is not None
            self._go(target, delivered=failpoint not in UNDELIVERED)
        if failpoint in (*BACK, *OVER):
            self._come_back()
        if failpoint in OVER:
            self.ends.append("succeeded")

    def recover(self) -> list[str]:
        """What comes of the drill that is dead, once its lease ran out, when somebody comes by."""
        if not self.dead:
            return []
        self._come_back()
        self.dead = False
        self.ends.append("interrupted")
        return ["interrupted"]

    def die_recovering(self, failpoint: str) -> bool:
        """Whoever brings the dead drill to its end is killed there; whether it gets there."""
        pending = self.here.delivered < len(self.here.log)
        if not (failpoint.startswith("drill.") or self.at_target or (pending and failpoint.startswith("deliver."))):
            self.recover()
            return False
        if failpoint not in _NOT_MOVED:
            self._come_back(delivered=failpoint not in UNDELIVERED)
        if failpoint in OVER:
            self.recover()
        return True

    def _go(self, target: int, *, delivered: bool = True) -> None:
        here = self.here
        here.log.append(Moved("rollback", target, here.live, drill=True))
        here.delivered = len(here.log) if delivered else here.delivered

    def _come_back(self, *, delivered: bool = True) -> None:
        """The baseline is live again, where it is a drill's target that is."""
        here = self.here
        if self.at_target:
            assert here.log[-1].before is not None
            here.log.append(Moved("restore", here.log[-1].before, here.live))
        here.delivered = len(here.log) if delivered else here.delivered
