"""Releases for the tests: whole bundles in a store, made and published with the registry's own functions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from registry.blobs import put_blob
from registry.manifest import pack
from registry.models import Pointer, Target
from registry.pointers import encode, pointer_key, publish
from registry.stores import Store

WORKFLOW = "support-triage"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass
class FakeTime:
    """Both clocks; they only move when told to."""

    moment: datetime = NOON
    reading: float = 1000.0

    def wall(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.reading

    def pass_s(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self.reading += seconds


def config_of(version: int, workflow: str = WORKFLOW) -> dict[str, Any]:
    return {
        "workflow": workflow,
        "prompts": {"system": "prompts/system.md", "classify": "prompts/classify.md"},
        "models": {
            "default": {"provider": "openai", "name": f"model-{version}", "temperature": 0.5, "stop": ["END"]},
            "rank": {"provider": "bedrock", "name": f"ranker-{version}"},
        },
        "tools": {"lookup": "tools/lookup.json"},
        "inputs": {"query": "the customer's message"},
        "output": {"schema": "schemas/triage.json"},
        "metadata": {"owner": "triage team"},
    }


def files_of(version: int) -> dict[str, bytes]:
    tool = {"type": "object", "properties": {"order": {"type": "integer", "minimum": version}}, "required": ["order"]}
    return {
        "prompts/system.md": f"You are version {version}.\n".encode(),
        "prompts/classify.md": f"{{% include 'system' %}}Classify by {version}: {{{{ query }}}}\n".encode(),
        "tools/lookup.json": json.dumps(tool).encode(),
        "schemas/triage.json": json.dumps({"type": "object", "title": f"triage {version}"}).encode(),
    }


@dataclass
class Releases:
    """What a promoter did to one workflow in one environment of a store."""

    store: Store
    workflow: str = WORKFLOW
    environment: str = "production"
    generation: int = 0
    digests: dict[int, str] = field(default_factory=dict)

    def register(self, version: int, files: Mapping[str, bytes] | None = None) -> str:
        """Put a version's bundle into the store; its digest."""
        packed = pack(config_of(version, self.workflow), {**files_of(version), **(files or {})})
        for blob in packed.blobs:
            put_blob(self.store, blob)
        self.digests[version] = put_blob(self.store, packed.manifest)
        return self.digests[version]

    def pointer(self, version: int, generation: int, **drill: Any) -> Pointer:
        """The pointer of a release of this version. drill: revert_to (a version) and revert_at."""
        back = drill.get("revert_to")
        return Pointer(
            workflow=self.workflow,
            environment=self.environment,
            generation=generation,
            version=version,
            tag=f"1.{version}.0",
            digest=self.digests[version],
            kind="promote",
            released_at=NOON,
            hash=f"hash-{generation}",
            revert_to=Target(back, f"1.{back}.0", self.digests[back]) if back else None,
            revert_at=drill.get("revert_at"),
        )

    def release(self, version: int, **drill: Any) -> Pointer:
        """Register the version if need be, and make it live as the next generation."""
        for number in (version, drill.get("revert_to")):
            if number is not None and number not in self.digests:
                self.register(number)
        self.generation += 1
        pointer = self.pointer(version, self.generation, **drill)
        publish(self.store, pointer)
        return pointer

    def force(self, pointer: Pointer) -> None:
        """Write a pointer over whatever is there, as no promoter would."""
        self.overwrite(encode(pointer))

    def overwrite(self, data: bytes) -> None:
        """Put these bytes where the pointer is."""
        self.store.replace(pointer_key(self.environment, self.workflow), data, expect=None)


def wait_until(holds: Callable[[], object], within_s: float = 20.0) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "the condition did not come to hold in time"
        time.sleep(0.002)
