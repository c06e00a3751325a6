"""What each workflow's spans may say: from variables over `agent-deploy.toml` over `off`.

AGENT_DEPLOY_CONTENT and AGENT_DEPLOY_USER are for every workflow. The key of a workflow's hashes is in
AGENT_DEPLOY_CONTENT_KEY_<WORKFLOW> (upper case, `-` as `_`); else it is derived from AGENT_DEPLOY_CONTENT_KEY, so that
the same text has another hash in every workflow.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Mapping
from typing import Any, get_args

from agent_deploy.telemetry.content import Mode, Policy

_KEY = "AGENT_DEPLOY_CONTENT_KEY"
_SHORTEST_KEY = 16  # bytes; a short key is guessed, and with it user ids are

_log = logging.getLogger("agent_deploy.client")


class Policies:
    """The policies by workflow, each settled once, at the workflow's first call. Trouble is logged, and means `off`."""

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self._variables = variables
        self._settled: dict[str, Policy] = {}
        self._tables: Mapping[str, Any] | None = None

    def of(self, workflow: str) -> Policy:
        """The workflow's policy."""
        policy = self._settled.get(workflow)
        if policy is None:
            policy = settle(workflow, self._table(workflow), self._variables)
            self._settled[workflow] = policy
        return policy

    def _table(self, workflow: str) -> Mapping[str, Any]:
        if self._tables is None:
            self._tables = _from_file(self._variables)
        table: Mapping[str, Any] = self._tables.get(workflow, {}).get("telemetry", {})
        return table


def settle(workflow: str, table: Mapping[str, Any], variables: Mapping[str, str]) -> Policy:
    """The policy, given the file's `[workflows.<name>.telemetry]`.

    Without a setting for users, they are hashed where there is a key, and left out where there is none.
    """
    key = _key(workflow, variables)
    content = _mode(workflow, "content", table, variables.get("AGENT_DEPLOY_CONTENT")) or "off"
    user = _mode(workflow, "user", table, variables.get("AGENT_DEPLOY_USER")) or ("hash" if key else "off")
    if not key and "hash" in (content, user):
        _log.warning("%s: hashes need a key in %s, %d bytes at least; nothing is hashed", workflow, _KEY, _SHORTEST_KEY)
    return Policy(
        "off" if content == "hash" and not key else content, "off" if user == "hash" and not key else user, key
    )


def _mode(workflow: str, name: str, table: Mapping[str, Any], variable: str | None) -> Mode | None:
    given = variable or table.get(name)
    if given is None:
        return None
    known: Mode | None = next((mode for mode in get_args(Mode) if mode == given), None)
    if known is None:
        _log.warning("%s: telemetry %s is %r; give off, hash or full. It is off", workflow, name, given)
    return known or "off"


def _key(workflow: str, variables: Mapping[str, str]) -> bytes:
    own = variables.get(f"{_KEY}_{workflow.upper().replace('-', '_')}", "").encode("utf-8", "surrogateescape")
    if own:
        return own if len(own) >= _SHORTEST_KEY else b""
    common = variables.get(_KEY, "").encode("utf-8", "surrogateescape")
    return hmac.new(common, workflow.encode(), hashlib.sha256).digest() if len(common) >= _SHORTEST_KEY else b""


def _from_file(variables: Mapping[str, str]) -> Mapping[str, Any]:
    from agent_deploy.config import load_config
    from agent_deploy.errors import ControlPlaneError

    try:
        found: Mapping[str, Any] = load_config(environ=variables).document.get("workflows", {})
    except (ControlPlaneError, OSError) as error:
        _log.warning("content and user ids stay off spans: %s", error)
        return {}
    return found
