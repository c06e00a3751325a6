"""The table, on a terminal and as benchmarks/RESULTS.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import HEADINGS, Figure, cells
from benchmarks.machine import facts

RESULTS = Path(__file__).parent / "RESULTS.md"

_INTRODUCTION = """\
# What was measured

Written by `make bench PEERS=1`, which measures all of this anew. Trust the ratios: both sides of each were sampled in
turns in one run. Of the samples the first quartile is given, except where "slowest" is said. Nothing is asked of a
row without "asked"; it is there to explain the others. Sizes are workflows × versions of each × releases of each.
"""


def table(figures: Sequence[Figure]) -> str:
    """Aligned columns for a terminal."""
    rows = [HEADINGS, *(cells(figure) for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def write_results(groups: Mapping[str, Sequence[Figure]], scratch: Path, peers: Mapping[str, str], load: str) -> None:
    """Write RESULTS.md, one table a group."""
    parts = [_INTRODUCTION, f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"]
    parts += [f"- {name}: {value}" for name, value in facts(scratch, peers)]
    parts += [f"- load averages when it began: {load}"]
    for title, figures in groups.items():
        parts += ["", f"## {title}", "", _row(HEADINGS), _row(["---"] * len(HEADINGS))]
        parts += [_row(cells(figure)) for figure in figures]
    RESULTS.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _row(row: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
