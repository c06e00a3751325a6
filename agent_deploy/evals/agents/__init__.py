"""Agents: what answers a case's input with a bundle. Each kind in its own module, imported when it is used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_deploy.client import Bundle
    from agent_deploy.evals.agents.child import Talk
    from agent_deploy.evals.ports import Agent
    from agent_deploy.evals.providers import Providers
    from agent_deploy.evals.providers.cache import ResponseCache

START_S = 60.0
_FORMS = "module:function, 'cmd: words…', 'lines: words…', an http:// or https:// URL, bundle, or bundle:prompt"


async def open_agent(
    spec: str,
    bundle: Bundle,
    *,
    timeout_s: float,
    concurrency: int,
    folder: Path,
    memory_limit_mb: int | None = None,
    providers: Providers | None = None,
    cache: ResponseCache | None = None,
    talk: Talk | None = None,
    start_s: float = START_S,
    environ: Mapping[str, str] = os.environ,
) -> Agent:
    """The agent that the spec names, ready to be asked from this event loop; close it.

    timeout_s: for one answer, from when it is asked. folder: where commands run and Python modules are found.
    memory_limit_mb: for a process of the agent's, where the system has /proc. talk: is given what its processes write
    to stderr, line by line; by default ours. start_s: how long a persistent process may take to be ready.
    Raises BadInput naming the spec: no such form, program, module, function, prompt or provider, or it does not start.
    """
    from agent_deploy.evals.agents.child import to_stderr

    kind = spec.partition(":")[0]
    talk = talk or to_stderr
    if kind == "bundle":
        from agent_deploy.evals.agents.bundle import bundle_agent

        return bundle_agent(spec, bundle, providers, cache, timeout_s)
    if kind in ("http", "https"):
        from agent_deploy.evals.agents.http import http_agent

        return http_agent(spec, bundle, timeout_s, concurrency, environ)
    if kind == "cmd":
        from agent_deploy.evals.agents.command import command_agent

        return command_agent(spec, bundle, folder, timeout_s, memory_limit_mb, talk)
    return await _open_persistent(spec, bundle, timeout_s, concurrency, folder, memory_limit_mb, talk, start_s)


async def _open_persistent(
    spec: str,
    bundle: Bundle,
    timeout_s: float,
    concurrency: int,
    folder: Path,
    memory_limit_mb: int | None,
    talk: Talk,
    start_s: float,
) -> Agent:
    from agent_deploy.evals.agents.asked import Terms
    from agent_deploy.evals.agents.lines import lines_agent
    from agent_deploy.evals.agents.protocol import main_model
    from agent_deploy.evals.agents.python import SPEC, python_agent
    from agent_deploy.evals.errors import CaseError
    from registry.errors import BadInput

    in_python = SPEC.fullmatch(spec) is not None
    if not in_python and not spec.startswith("lines:"):
        raise BadInput(f"{spec!r} is no agent: {_FORMS}")
    terms = Terms(timeout_s, main_model(bundle), memory_limit_mb, cancels=in_python)
    if in_python:
        agent = python_agent(spec, bundle, terms, folder, start_s, talk, threads=concurrency)
    else:
        agent = lines_agent(spec, bundle, terms, folder, start_s, talk)
    try:
        await agent.open()
    except CaseError as error:
        await agent.close()
        raise BadInput(f"agent {spec!r} did not start: {error.message}") from error
    except BaseException:
        await agent.close()
        raise
    return agent
