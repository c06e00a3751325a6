"""`lines: words…`: a program that stays, and answers one JSON object a line."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.evals.agents.asked import Terms
from agent_deploy.evals.agents.child import Talk
from agent_deploy.evals.agents.persistent import PersistentAgent, Program
from agent_deploy.evals.agents.protocol import bundle_json
from registry.errors import BadInput

if TYPE_CHECKING:
    from agent_deploy.client import Bundle


def lines_agent(spec: str, bundle: Bundle, terms: Terms, folder: Path, start_s: float, talk: Talk) -> PersistentAgent:
    """The agent, not started yet. Raises BadInput for a program that is not there."""
    argv = words_of(spec, folder)

    def hello() -> bytes:
        return f'{{"hello": 1, "bundle": {bundle_json(bundle)}}}\n'.encode()

    return PersistentAgent(spec, Program(argv, folder, hello, start_s), terms, talk)


def words_of(spec: str, folder: Path) -> tuple[str, ...]:
    """The words after `cmd:` or `lines:`, as a shell splits them. Raises BadInput naming a program not to be found."""
    try:
        words = tuple(shlex.split(spec.partition(":")[2]))
    except ValueError as error:
        raise BadInput(f"agent {spec!r}: {error}") from error
    if not words:
        raise BadInput(f"agent {spec!r} names no program")
    program = words[0] if "/" not in words[0] else str(folder / words[0])
    if shutil.which(program) is None:
        raise BadInput(
            f"agent {spec!r}: there is no program {words[0]!r}" + (f" in {folder}" if "/" in words[0] else "")
        )
    return (program, *words[1:])
