"""Installing peers, each apart from everything else: a virtual environment or a folder of node modules of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.context import Context, say

_WITHIN_S = 1200


class NotMeasured(Exception):
    """Why a peer could not be measured, in plain words."""


def in_python(context: Context, name: str) -> Path:
    """The folder of a virtual environment with this package, made if need be. Raises NotMeasured."""
    folder = _folder(context, name)
    virtual = [sys.executable, "-m", "venv", "--clear", str(folder)]
    _install(folder, name, [virtual, [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", name]])
    return folder


def in_node(context: Context, name: str) -> Path:
    """The folder of this package within node modules of its own, made if need be. Raises NotMeasured."""
    folder = _folder(context, name)
    if not shutil.which("npm"):
        raise NotMeasured("npm is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    _install(folder, name, [["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), name]])
    return folder / "node_modules" / name


def python_version(folder: Path, name: str) -> str:
    """The version of a package in its virtual environment."""
    code = f"from importlib.metadata import version; print(version({name!r}))"
    command = [str(folder / "bin" / "python"), "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def node_version(folder: Path) -> str:
    """The version of a package within node modules."""
    return str(json.loads((folder / "package.json").read_text())["version"])


def last_line(text: str) -> str:
    """What a failed program said last."""
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"


def _folder(context: Context, name: str) -> Path:
    if not context.peers:
        raise NotMeasured("measured with PEERS=1")
    return context.cache / "peers" / name


def _install(folder: Path, name: str, commands: list[list[str]]) -> None:
    installed = folder / "installed"
    if installed.exists():
        return
    say(f"  installing {name}, apart")
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise NotMeasured(f"could not be installed within {_WITHIN_S} s") from None
        if done.returncode:
            raise NotMeasured(f"could not be installed: {last_line(done.stderr)}")
    installed.touch()
