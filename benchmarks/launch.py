"""Runs commands in turns and reports what each cost. A process of its own, started with `python -I -S`, kept tiny.

Linux counts what a child's memory was before it became another program, so a child of a large process would seem large
itself. Reads one JSON object from stdin and writes one to stdout; it imports nothing of this package.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


def run(argv: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Wall and CPU seconds, peak memory in KiB and exit code of one run; its output is thrown away."""
    silence = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    started = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, environment, file_actions=silence)
    _, status, usage = os.wait4(pid, 0)
    wall_s = time.perf_counter() - started
    return {
        "wall_s": wall_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "rss_kib": usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss / 1024,
        "exit_code": os.waitstatus_to_exitcode(status),
    }


def main() -> None:
    """Series run in turns, A B A B; each goes round its commands, so that a command can undo the one before."""
    order: dict[str, Any] = json.load(sys.stdin)
    results: dict[str, list[dict[str, float]]] = {name: [] for name in order["series"]}
    for number in range(order["rounds"]):
        for name, commands in order["series"].items():
            results[name].append(run(commands[number % len(commands)], order["environment"]))
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
