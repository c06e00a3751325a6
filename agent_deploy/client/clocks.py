"""The two clocks: one that says when something is due, one that says how long ago something was."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry.times import now


@dataclass(frozen=True, slots=True)
class Clocks:
    """wall: the present moment, aware. monotonic: seconds that never go back."""

    wall: Callable[[], datetime] = now
    monotonic: Callable[[], float] = time.monotonic

    def reading_at(self, moment: datetime) -> float:
        """What the monotonic clock shows when the wall clock shows `moment`, past or future."""
        return self.monotonic() + (moment - self.wall()).total_seconds()

    def moment_at(self, reading: float) -> datetime:
        """What the wall clock shows when the monotonic clock shows `reading`, past or future."""
        return self.wall() + timedelta(seconds=reading - self.monotonic())
