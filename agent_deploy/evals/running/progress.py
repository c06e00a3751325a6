"""How far a run is: counted as results come, told at most ten times a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from agent_deploy.evals.results import Result
from agent_deploy.evals.running.spending import cost_now

_TELL_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """A run at one moment. total: cases times repeats. spent_usd: what is known to have been spent on it so far.

    left_s: seconds to go at the pace so far, None before the first result.
    """

    total: int
    passed: int = 0
    failed: int = 0
    errored: int = 0
    spent_usd: Decimal = Decimal()
    left_s: float | None = None

    @property
    def done(self) -> int:
        """Results so far."""
        return self.passed + self.failed + self.errored


class Meter:
    """Counts results, and tells `watch` of it now and then. taken_over: results of before the interruption."""

    def __init__(
        self,
        total: int,
        watch: Callable[[Progress], None],
        taken_over: Iterable[Result] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ):
        self._total = total
        self._watch = watch
        self._monotonic = monotonic
        self._counts = {"passed": 0, "failed": 0, "errored": 0}
        self._spent = Decimal()
        for result in taken_over:
            self._count(result)
        self._before = sum(self._counts.values())
        self._started = self._told = monotonic()

    def add(self, result: Result) -> None:
        """Count one more result."""
        self._count(result)
        now = self._monotonic()
        if now - self._told >= _TELL_EVERY_S:
            self._told = now
            self._watch(self.progress(now))

    def progress(self, now: float) -> Progress:
        """How far it is. now: of the monotonic clock."""
        done = sum(self._counts.values())
        new = done - self._before
        left = (now - self._started) / new * (self._total - done) if new else None
        return Progress(self._total, **self._counts, spent_usd=self._spent, left_s=left)

    def _count(self, result: Result) -> None:
        self._counts[result.status] += 1
        self._spent += cost_now(result) or Decimal()
