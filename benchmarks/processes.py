"""Whole processes: how long a person or a pipeline waits for a command, and how much memory it takes at its peak."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bundles import WORKFLOW, flags, two_versions
from benchmarks.children import agent_deploy, python, run_in_turns
from benchmarks.context import Context
from benchmarks.figures import Figure, mebibytes, no_more_than, seconds
from benchmarks.timing import typical

_CLICK = "import click"
_SQLMODEL = "import click, sqlmodel"


def measure(context: Context) -> Iterator[Figure]:
    """`--help`, and a rollback that really moves: versions 1 and 2 take turns."""
    folder = context.scratch / "processes"
    two_versions(folder).database.close()
    rollbacks = [agent_deploy(*flags(folder), "rollback", WORKFLOW, "--to-version", number) for number in "12"]
    runs = run_in_turns(
        {
            "help": [agent_deploy("--help")],
            "click": [python("-c", _CLICK)],
            "rollback": rollbacks,
            "sqlmodel": [python("-c", _SQLMODEL)],
        },
        rounds=context.repeats(40),
    )
    wall = {name: typical([run.wall_s for run in kept]) for name, kept in runs.items()}
    peak = {name: typical([run.rss_kib for run in kept]) for name, kept in runs.items()}
    yield no_more_than(
        1.5, "agent-deploy --help", wall["help"], seconds, against=f'python -c "{_CLICK}"', baseline=wall["click"]
    )
    against = f'python -c "{_SQLMODEL}"'
    yield no_more_than(
        1.35, "agent-deploy rollback", wall["rollback"], seconds, against=against, baseline=wall["sqlmodel"]
    )
    yield no_more_than(
        1.2, "agent-deploy rollback, peak memory", peak["rollback"], mebibytes, against=against,
        baseline=peak["sqlmodel"],
    )  # fmt: skip
