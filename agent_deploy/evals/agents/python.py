"""`module:function`: a Python callable, run in a worker process, so that what it breaks is not the run."""

from __future__ import annotations

import base64
import json
import pickle
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.evals.agents.asked import Terms
from agent_deploy.evals.agents.child import Talk
from agent_deploy.evals.agents.persistent import PersistentAgent, Program

if TYPE_CHECKING:
    from agent_deploy.client import Bundle

SPEC = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

# -P: the folder comes to sys.path only once the worker has its own imports, which nothing in there may shadow.
_ARGV = (sys.executable, "-P", "-m", "agent_deploy.evals.agents.worker")


def python_agent(
    spec: str, bundle: Bundle, terms: Terms, folder: Path, start_s: float, talk: Talk, *, threads: int
) -> PersistentAgent:
    """The agent, not started yet. threads: how many questions a function that is not async answers at once."""

    def hello() -> bytes:
        greeting = {
            "agent": spec,
            "folder": str(folder),
            "threads": threads,
            "bundle": base64.b64encode(pickle.dumps(bundle)).decode(),
        }
        return json.dumps(greeting).encode() + b"\n"

    return PersistentAgent(spec, Program(_ARGV, folder, hello, start_s), terms, talk)
