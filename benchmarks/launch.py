"""Runs commands in turns and reports what each cost. A process of its own, started with `python -I -S`, kept tiny.

Linux counts what a child's memory was before it became another program, so a child of a large process would seem large
itself. Reads one JSON object from stdin and writes one to stdout; it imports nothing of this package.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

_LOOK_EVERY_S = 0.01
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def run(argv: list[str], environment: dict[str, str], whole_tree: bool) -> dict[str, float]:
    """Wall and CPU seconds, peak memory in KiB and exit code of one run; its output is thrown away.

    whole_tree: the memory is that of the process and all below it at one moment, sampled, where the system has /proc.
    """
    silence = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    started = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, environment, file_actions=silence)
    tree_kib = _watched(pid) if whole_tree else 0
    _, status, usage = os.wait4(pid, 0)
    wall_s = time.perf_counter() - started
    return {
        "wall_s": wall_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "rss_kib": max(tree_kib, usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss / 1024),
        "exit_code": os.waitstatus_to_exitcode(status),
    }


def _watched(pid: int) -> int:
    """The largest sum seen, in KiB, until the process has ended; it is left to be waited for."""
    most = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        most = max(most, _tree_kib(pid))
        time.sleep(_LOOK_EVERY_S)
    return most


def _tree_kib(pid: int, parent: bytes = b"") -> int:
    """The resident memory of a process and all below it; pages that two share are counted twice.

    parent: its parent's command line. A child that still has the same is no other program yet, and has no other pages.
    """
    try:
        process = Path(f"/proc/{pid}")
        command = (process / "cmdline").read_bytes()
        total = int((process / "statm").read_text().split()[1]) * _PAGE_KIB if command != parent else 0
        for thread in (process / "task").iterdir():
            total += sum(_tree_kib(int(child), command) for child in (thread / "children").read_text().split())
    except (OSError, IndexError):  # it has just ended
        return 0
    return total


def main() -> None:
    """Series run in turns, A B A B; each goes round its commands, so that a command can undo the one before."""
    order: dict[str, Any] = json.load(sys.stdin)
    results: dict[str, list[dict[str, float]]] = {name: [] for name in order["series"]}
    for number in range(order["rounds"]):
        for name, commands in order["series"].items():
            command = commands[number % len(commands)]
            results[name].append(run(command, order["environment"], order["whole_tree"]))
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
