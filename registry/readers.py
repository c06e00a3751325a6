"""Reader records: what each running process last said it serves. Told by the readers, believed within limits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from registry.errors import Missing
from registry.models import Reader
from registry.stores import Store
from registry.times import from_text, to_text

SILENT_AFTER_HEARTBEATS = 3
FORGOTTEN_AFTER = timedelta(days=1)
_LONGEST_HEARTBEAT_S = 1e9

Standing = Literal["current", "behind", "silent", "forgotten"]


@dataclass(frozen=True, slots=True)
class Readers:
    """How many readers of one workflow and environment stand where; a forgotten one is not counted."""

    current: int = 0
    behind: int = 0
    silent: int = 0


def reader_prefix(environment: str, workflow: str) -> str:
    """`readers/<environment>/<workflow>/`."""
    return f"readers/{environment}/{workflow}/"


def reader_key(reader: Reader) -> str:
    """Where this reader's record lies."""
    return f"{reader_prefix(reader.environment, reader.workflow)}{reader.instance}.json"


def encode(reader: Reader) -> bytes:
    """The record as JSON, moments as RFC 3339."""
    document = asdict(reader)
    document["serving_since"] = to_text(reader.serving_since)
    document["seen_at"] = to_text(reader.seen_at)
    return json.dumps(document, indent=2).encode() + b"\n"


def decode(data: bytes) -> Reader | None:
    """The record in these bytes; None when they are not one (a reader's bad record is no reason to fail)."""
    try:
        document = json.loads(data)
        document["serving_since"] = from_text(document["serving_since"])
        document["seen_at"] = from_text(document["seen_at"])
        document["heartbeat_s"] = _seconds(document["heartbeat_s"])
        document["generation"] = int(document["generation"])
        for name in ("workflow", "environment", "instance"):
            document[name] = str(document[name])
        return Reader(**document)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _seconds(value: Any) -> float:
    """As a span that a clock can add; raises ValueError on others."""
    seconds = float(value)
    if not 0 <= seconds < _LONGEST_HEARTBEAT_S:
        raise ValueError(f"{value!r} is no heartbeat")
    return seconds


def write_reader(store: Store, reader: Reader) -> None:
    """Say what this reader serves now."""
    store.replace(reader_key(reader), encode(reader), expect=None)


def list_readers(store: Store, environment: str = "", workflow: str = "") -> Iterator[Reader]:
    """Every whole record: of all environments, of one, or of one workflow in one."""
    if workflow and not environment:
        raise ValueError("a workflow's readers are listed within one environment")
    prefix = (
        reader_prefix(environment, workflow) if workflow else f"readers/{environment}/" if environment else "readers/"
    )
    keys = [entry.key for entry in store.entries(prefix) if entry.key.endswith(".json")]
    for data in _get_many(store, keys):
        reader = decode(data)
        if reader is not None:
            yield reader


def _get_many(store: Store, keys: list[str]) -> Iterable[bytes]:
    if store.parallel <= 1 or len(keys) <= 1:
        return [data for key in keys if (data := _get(store, key))]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(store.parallel, len(keys))) as pool:
        return [data for data in pool.map(lambda key: _get(store, key), keys) if data]


def _get(store: Store, key: str) -> bytes:
    try:
        stored = store.get(key)
    except Missing:  # the reader closed in between
        return b""
    return stored.data if stored else b""


def standing(reader: Reader, head_generation: int, at: datetime) -> Standing:
    """Where a reader stands towards the head: silent when three heartbeats are overdue, forgotten after a day."""
    quiet = at - reader.seen_at
    if quiet > FORGOTTEN_AFTER:
        return "forgotten"
    if quiet > timedelta(seconds=reader.heartbeat_s * SILENT_AFTER_HEARTBEATS):
        return "silent"
    return "current" if reader.generation >= head_generation else "behind"


def count(readers: Iterable[Reader], head_generation: int, at: datetime) -> Readers:
    """How many readers stand where."""
    tally = {"current": 0, "behind": 0, "silent": 0, "forgotten": 0}
    for reader in readers:
        tally[standing(reader, head_generation, at)] += 1
    return Readers(tally["current"], tally["behind"], tally["silent"])
