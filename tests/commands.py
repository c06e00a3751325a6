"""The command line, run in this process or in one of its own."""

from __future__ import annotations

import atexit
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_deploy.cli.main import main
from registry.registry import Registry
from tests.builders import WORKFLOW


def _ungated() -> Path:
    """A configuration that puts no gate before any environment of the tests of what comes after the gate.

    The registry itself is named by flags or variables beside it.
    """
    names = ("production", "staging", *(f"env-{number}" for number in range(int(os.environ.get(_TORTURE) or 1000))))
    path = Path(tempfile.mkdtemp(prefix="ungated-")) / "agent-deploy.toml"
    path.write_text("".join(f"[workflows.{WORKFLOW}.environments.{name}.gate]\nrequired = false\n" for name in names))
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    return path


_TORTURE = "AGENT_DEPLOY_TORTURE"
UNGATED = _ungated()
COMMAND = (sys.executable, "-c", "from agent_deploy.cli.main import main; main()")


@dataclass(frozen=True)
class Answer:
    """How a command ended: exit code (negative: the signal that killed it), stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        document: dict[str, Any] = json.loads(self.out)
        return document


def call(registry: Registry | None, *words: str) -> Answer:
    """A command line run in this process, on this registry, or on the one that the surroundings name."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(line(registry, *words))
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())


def start(registry: Registry | None, *words: str, **environ: str) -> subprocess.Popen[str]:
    """A command line running in a real process of its own. environ: added to ours."""
    command = [*COMMAND, *line(registry, *words)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, env=os.environ | environ
    )


def finish(process: subprocess.Popen[str], timeout_s: float = 120) -> Answer:
    """How a started command ended."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Answer(process.returncode, out, err)


def run(registry: Registry | None, *words: str, **environ: str) -> Answer:
    """A command line run to its end in a real process of its own."""
    return finish(start(registry, *words, **environ))


def line(registry: Registry | None, *words: str) -> list[str]:
    """The whole command line, as a process that was handed no registry has to be told it."""
    if registry is None:
        return list(words)
    where = ["--config", str(UNGATED), "--database", registry.database.url, "--store", registry.store.url]
    return [*where, *words]
