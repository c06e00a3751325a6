"""Responses of models, kept on disk: a case that was asked already costs nothing the next time. Errors are not kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.ports import Completion, Provider, Request
from agent_deploy.evals.results import ToolCall

_FORMAT = 1


def cache_key(request: Request, **why: Any) -> str:
    """64 hex digits: SHA-256 over the whole request and why it is made, JSON values such as bundle, case and repeat.

    The repeat belongs in: a repeat that were answered by another one would show no model ever to waver.
    """
    document = {"format": _FORMAT, "request": asdict(request), "why": why}
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class ResponseCache:
    """A folder of responses by key. Damaged ones are as if they were not there.

    trouble: why the last response could not be kept (a full disk, no permission); empty while all is well.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.trouble = ""

    async def complete(self, provider: Provider, request: Request, key: str) -> tuple[Completion, bool]:
        """The kept response and True, else the provider's and False. Raises CaseError, as the provider does."""
        kept = self.get(key)
        if kept is not None:
            return kept, True
        completion = await provider.complete(request)
        self.put(key, completion)
        return completion, False

    def get(self, key: str) -> Completion | None:
        """The response as it was given, tokens and latency too; None when there is none."""
        try:
            document = json.loads(self._path(key).read_bytes())
            return _completion(document) if document["key"] == key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, completion: Completion) -> None:
        """Keep it, whole or not at all. What cannot be kept will be asked again, and `trouble` says why."""
        path, data = self._path(key), json.dumps({"key": key, **asdict(completion)}).encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, data)
        except OSError as error:
            self.trouble = f"cannot keep responses in {self._folder}: {error.strerror}"

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key[2:]}.json"


def _write(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _completion(document: dict[str, Any]) -> Completion:
    call = document["call"]
    return Completion(
        text=document["text"],
        call=ModelCall(call["provider"], call["model"], Usage(**call["usage"])),
        tool_calls=tuple(ToolCall(tool["name"], tool["arguments"]) for tool in document["tool_calls"]),
        latency_ms=document["latency_ms"],
    )
