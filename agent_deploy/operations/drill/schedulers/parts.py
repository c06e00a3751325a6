"""What every scheduler is told: how often, where, and with which words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from registry.errors import BadInput

# Off the full hour, where everybody else's jobs start, and GitHub drops some.
MINUTE = 17
_MINUTES, _HOURS = (5, 10, 15, 20, 30), (1, 2, 3, 4, 6, 8, 12, 24)


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written. name: what it is usually called there."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Every:
    """How often: a number of minutes that divides an hour, or of hours that divides a day."""

    minutes: int

    @property
    def cron(self) -> str:
        """The five fields of a crontab."""
        if self.minutes < 60:
            return f"{MINUTE % self.minutes}-59/{self.minutes} * * * *"
        return f"{MINUTE} {self._hours('*', '*/', '0')} * * *"

    @property
    def calendar(self) -> str:
        """The same as systemd.time(7) writes it, in UTC: no hour is skipped or read twice there."""
        if self.minutes < 60:
            return f"*-*-* *:{MINUTE % self.minutes:02}/{self.minutes}:00 UTC"
        return f"*-*-* {self._hours('*', '00/', '00')}:{MINUTE}:00 UTC"

    @property
    def words(self) -> str:
        """`every 15 minutes`, `hourly`, `every 6 hours`, `daily`."""
        if self.minutes < 60:
            return f"every {self.minutes} minutes"
        return {1: "hourly", 24: "daily"}.get(self.minutes // 60, f"every {self.minutes // 60} hours")

    def _hours(self, all_: str, step: str, once: str) -> str:
        hours = self.minutes // 60
        return {1: all_, 24: once}.get(hours, f"{step}{hours}")


def every_of(span: timedelta) -> Every:
    """How often, checked. Raises BadInput for what a crontab cannot say."""
    seconds = int(span.total_seconds())
    minutes, rest = divmod(seconds, 60)
    if rest or (minutes not in _MINUTES and minutes not in [60 * hours for hours in _HOURS]):
        spans = [*(f"{minutes}m" for minutes in _MINUTES), *(f"{hours}h" for hours in _HOURS)]
        raise BadInput(f"--every {seconds}s: schedulers can keep one of {', '.join(spans)}")
    return Every(minutes)


@dataclass(frozen=True, slots=True)
class Job:
    """The job that is to be run. folder: where it runs, absolute. words: the command line, with the program's path.

    image: of the container, where there is one.
    """

    every: Every
    folder: Path
    words: tuple[str, ...]
    image: str = "agent-deploy:latest"
