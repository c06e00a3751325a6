"""What every group of measurements is given."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".benchmarks"


@dataclass(slots=True)
class Context:
    """scratch: a folder of this run, on a real disk, so that fsync costs what it costs. cache: kept between runs.

    versions: of the peers that were measured, by name, for the record.
    """

    scratch: Path
    cache: Path
    quick: bool
    peers: bool
    versions: dict[str, str] = field(default_factory=dict)

    def repeats(self, number: int) -> int:
        """How often to repeat what is repeated `number` times in a full run."""
        return max(3, number // 5) if self.quick else number


def say(line: str) -> None:
    """Progress, on stderr."""
    print(line, file=sys.stderr, flush=True)
