"""Peers: each installed in an environment of its own, and measured there by a script that answers line by line.

A script says {"version": …} when it is ready; then, for each line with the name of a call, the seconds that one took.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import environment
from benchmarks.context import Context
from benchmarks.peers.installing import NotMeasured, in_python, last_line
from benchmarks.timing import Sampler

__all__ = ["NotMeasured", "Peer", "started"]

_HERE = Path(__file__).parent
_SCRIPTS = {"langfuse": "langfuse_prompt.py", "openfeature-sdk": "openfeature_value.py", "mlflow": "mlflow_prompt.py"}


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer that is running. errors: the file that takes its stderr."""

    name: str
    version: str
    process: subprocess.Popen[str]
    errors: Path

    @property
    def title(self) -> str:
        """Its name and version."""
        return f"{self.name} {self.version}"

    def sampler(self, call: str) -> Sampler:
        """Has the peer make this call and say how long it took."""
        return lambda: float(_answer(self.process, self.errors, call))


@contextmanager
def started(context: Context, name: str) -> Iterator[Peer]:
    """The peer, installed if need be, and running until the block ends. Raises NotMeasured."""
    folder = in_python(context, name)
    scratch = context.scratch / name
    scratch.mkdir(parents=True, exist_ok=True)
    errors = scratch / "stderr"
    command = [str(folder / "bin" / "python"), str(_HERE / _SCRIPTS[name])]
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=scratch,
            env=environment(),
        ) as process,
    ):
        try:
            version = json.loads(_answer(process, errors))["version"]
            context.versions[name] = version
            yield Peer(name, version, process, errors)
        finally:
            process.terminate()


def _answer(process: subprocess.Popen[str], errors: Path, request: str | None = None) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):  # it is gone, and its stderr says why
        if request:
            print(request, file=process.stdin, flush=True)
    answer = process.stdout.readline()
    if not answer:
        raise NotMeasured(f"failed: {last_line(errors.read_text())}")
    return answer
