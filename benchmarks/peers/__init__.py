"""Peers: each installed in an environment of its own, and measured there by a script that answers line by line.

A script says {"version": …} when it is ready; then, for each line with the name of a call, the seconds that one took.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import environment
from benchmarks.context import Context, say
from benchmarks.timing import Sampler

_HERE = Path(__file__).parent
_SCRIPTS = {"langfuse": "langfuse_prompt.py", "openfeature-sdk": "openfeature_value.py", "mlflow": "mlflow_prompt.py"}
_INSTALL_WITHIN_S = 1200


class NotMeasured(Exception):
    """Why a peer could not be measured, in plain words."""


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
    if not context.peers:
        raise NotMeasured("measured with PEERS=1")
    folder = context.cache / "peers" / name
    _install(folder, name)
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
        raise NotMeasured(f"failed: {_last_line(errors.read_text())}")
    return answer


def _install(folder: Path, name: str) -> None:
    installed = folder / "installed"
    if installed.exists():
        return
    say(f"  installing {name} into an environment of its own")
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", name],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise NotMeasured(f"could not be installed within {_INSTALL_WITHIN_S} s") from None
        if done.returncode:
            raise NotMeasured(f"could not be installed: {_last_line(done.stderr)}")
    installed.touch()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"
