"""Starting other processes: this virtual environment's own interpreter, never a shim, with compiled bytecode."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_AGENT_DEPLOY = Path(sys.executable).parent / "agent-deploy"


@dataclass(frozen=True, slots=True)
class Run:
    """What one process cost. Seconds; peak memory in KiB."""

    wall_s: float
    cpu_s: float
    rss_kib: float
    exit_code: int


def python(*words: str) -> list[str]:
    """The command that runs Python with these words."""
    return [sys.executable, *words]


def agent_deploy(*words: str) -> list[str]:
    """The command that runs agent-deploy, by the interpreter that its first line names."""
    return [sys.executable, str(_AGENT_DEPLOY), *words]


def environment(**more: str) -> dict[str, str]:
    """The environment of a measured process: nobody's settings, and bytecode is written, so that a warm-up compiles."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AGENT_DEPLOY_"))}
    return {**kept, "AGENT_DEPLOY_ACTOR": "benchmark", **more}


def run_in_turns(
    series: Mapping[str, Sequence[list[str]]],
    *,
    rounds: int,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
    whole_tree: bool = False,
) -> dict[str, list[Run]]:
    """Each series' runs, in turns, without a warm-up of as many rounds as the longest series has commands.

    folder: to run in. variables: of the environment, beside ours. whole_tree: the peak memory is the sum over the
    process and all below it. Raises RuntimeError when a command fails: a failure's duration means nothing.
    """
    warm_up = max(len(commands) for commands in series.values())
    order: dict[str, Any] = {"series": series, "rounds": rounds + warm_up, "whole_tree": whole_tree}
    order["environment"] = environment(**(variables or {}))
    launcher = python("-I", "-S", str(_HERE / "launch.py"))
    answer = subprocess.run(launcher, input=json.dumps(order), capture_output=True, text=True, check=True, cwd=folder)
    results = {name: [Run(**run) for run in runs] for name, runs in json.loads(answer.stdout).items()}
    for name, runs in results.items():
        if any(run.exit_code for run in runs):
            raise RuntimeError(f"{name} failed: {answer.stderr.strip()[-500:]}")
    return {name: runs[warm_up:] for name, runs in results.items()}
