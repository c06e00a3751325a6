"""`python -m benchmarks [--peers] [--only NAME] [--quick]`: measure, print the table, write RESULTS.md."""

from __future__ import annotations

import argparse
import importlib
import shutil
import tempfile
import traceback
from pathlib import Path
from textwrap import shorten

from benchmarks.context import CACHE, Context, say
from benchmarks.figures import Figure, not_measured
from benchmarks.machine import load
from benchmarks.report import table, write_results

GROUPS = {
    "processes": "Whole processes",
    "reads": "Warm reads, in process",
    "moves": "Promote, in process",
    "propagation": "From release to readers",
    "scale": "At scale",
    "calls": "A traced call",
    "evals": "Evals and the gate",
    "drills": "Drills",
    "facts": "Traces in, facts out",
}

_LONGEST_REASON = 120


def main() -> None:
    """A full run rewrites RESULTS.md; a part of one, or a quick one, only prints."""
    options = _options()
    began_at = load()
    CACHE.mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=CACHE))
    context = Context(scratch, CACHE, quick=options.quick, peers=options.peers)
    try:
        groups = {GROUPS[name]: _measured(name, context) for name in options.only or GROUPS}
        print(table([figure for figures in groups.values() for figure in figures]))
        if not options.only and not options.quick:
            write_results(groups, scratch, context.versions, began_at)
            say("written to benchmarks/RESULTS.md")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed; assert nothing.")
    parser.add_argument("--peers", action="store_true", help="install the peers, apart, and measure them too")
    parser.add_argument("--only", action="append", choices=GROUPS, metavar="NAME", help=f"one of {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="fewer repeats and a smaller large registry")
    return parser.parse_args()


def _measured(name: str, context: Context) -> list[Figure]:
    figures = []
    say(f"{GROUPS[name]} …")
    try:
        for figure in importlib.import_module(f"benchmarks.{name}").measure(context):
            say(f"  {figure.what}: {figure.measured}")
            figures.append(figure)
    except Exception as error:  # noqa: BLE001  (one group's trouble must not cost the figures of the others)
        traceback.print_exc()
        why = shorten(f"{type(error).__name__}: {error}", _LONGEST_REASON)
        figures.append(not_measured(f"the rest of: {GROUPS[name]}", why))
    return figures


if __name__ == "__main__":
    main()
