"""The reader record: what this process last said it serves. Saying so is a courtesy, and never breaks anything."""

from __future__ import annotations

import logging
import os
import random
import re
from dataclasses import dataclass

from agent_deploy.client.bundle import Bundle
from agent_deploy.client.clocks import Clocks
from agent_deploy.client.served import Serving
from registry.errors import Missing, RegistryError
from registry.models import Reader
from registry.readers import decode, reader_key, reader_prefix, standing, write_reader
from registry.stores import Store

LONGEST_PAUSE_S = 600.0
_NEIGHBOURS = 20

_log = logging.getLogger("agent_deploy.client")


@dataclass(frozen=True, slots=True)
class _Said:
    """What was said last, and when it has to be said again at the latest (a monotonic reading)."""

    reader: Reader
    bundle: Bundle
    again_at: float


class Presence:
    """Writes this process's records, one a workflow: when what it serves changes, and as a heartbeat."""

    def __init__(
        self, store: Store, heartbeat_s: float, first_pause_s: float, clocks: Clocks, given: str | None
    ) -> None:
        self.instance = given or fresh_instance(_host())
        self._given = given
        self._store = store
        self._heartbeat_s = heartbeat_s
        self._first_pause_s = self._pause_s = first_pause_s
        self._clocks = clocks
        self._said: dict[str, _Said] = {}
        self._paused_until = 0.0

    def is_due(self, serving: Serving) -> bool:
        """Whether there is something new to say of what is served, or a heartbeat to give."""
        reading = self._clocks.monotonic()
        if reading < self._paused_until:
            return False
        said = self._said.get(serving.bundle.workflow)
        return said is None or said.bundle != serving.bundle or reading >= said.again_at

    def say(self, serving: Serving) -> None:
        """Write the record of what is served."""
        reading, reader = self._clocks.monotonic(), self._reader(serving)
        try:
            write_reader(self._store, reader)
        except (RegistryError, OSError) as error:
            self._pause(reading, error)
            return
        self._pause_s = self._first_pause_s
        first = reader.workflow not in self._said
        self._said[reader.workflow] = _Said(reader, serving.bundle, reading + self._heartbeat_s)
        if first:
            self._remove_forgotten(reader)

    def due_at(self) -> float:
        """The monotonic reading at which the next heartbeat is due."""
        due = min((said.again_at for said in list(self._said.values())), default=float("inf"))
        return max(due, self._paused_until)

    def leave(self) -> None:
        """Remove this process's records."""
        for workflow in list(self._said):
            said = self._said.pop(workflow)
            try:
                self._store.delete(reader_key(said.reader))
            except (RegistryError, OSError) as error:
                _log.debug("the reader record of %s stays behind: %s", workflow, error)

    def after_fork(self) -> None:
        """In the child: another reader, which has said nothing yet."""
        self.instance = fresh_instance(self._given or _host())
        self._said = {}
        self._pause_s, self._paused_until = self._first_pause_s, 0.0

    def _reader(self, serving: Serving) -> Reader:
        bundle = serving.bundle
        return Reader(
            workflow=bundle.workflow,
            environment=bundle.environment,
            instance=self.instance,
            generation=bundle.generation,
            version=bundle.version,
            digest=bundle.digest,
            source=bundle.source,
            serving_since=serving.since,
            seen_at=self._clocks.wall(),
            heartbeat_s=self._heartbeat_s,
            host=os.uname().nodename,
            pid=os.getpid(),
        )

    def _pause(self, reading: float, error: Exception) -> None:
        """Try less and less often: whoever may only read is refused every time."""
        if self._pause_s == self._first_pause_s:
            _log.warning(
                "the store takes no reader record, so `agent-deploy status` will not count this one: %s", error
            )
        self._paused_until = reading + self._pause_s
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    def _remove_forgotten(self, own: Reader) -> None:
        """Clear away neighbours that died long ago. A sample, so that a fleet's start costs little."""
        try:
            keys = [entry.key for entry in self._store.entries(reader_prefix(own.environment, own.workflow))]
            for key in random.sample(keys, min(_NEIGHBOURS, len(keys))):
                self._remove_if_forgotten(key)
        except (RegistryError, OSError) as error:
            _log.debug("old reader records of %s stay: %s", own.workflow, error)

    def _remove_if_forgotten(self, key: str) -> None:
        try:
            stored = self._store.get(key)
        except Missing:
            return
        reader = decode(stored.data) if stored else None
        if reader is not None and standing(reader, 0, self._clocks.wall()) == "forgotten":
            self._store.delete(key)


def fresh_instance(prefix: str) -> str:
    """`<prefix>-<pid>-<six random hex digits>`."""
    return f"{prefix}-{os.getpid()}-{os.urandom(3).hex()}"


def _host() -> str:
    """This machine's name, fit for a key."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", os.uname().nodename) or "host"
