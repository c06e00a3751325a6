"""The nouns, as frozen values. No I/O here, and nothing heavier than the standard library: the client imports this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Kind = Literal["promote", "rollback", "restore"]


@dataclass(frozen=True, slots=True)
class Version:
    """A registered bundle: `number` is 1, 2, 3… per workflow; `manifest` is the stored manifest's text."""

    workflow: str
    number: int
    tag: str
    digest: str
    manifest: str
    note: str
    actor: str
    created_at: datetime
    previous_hash: str
    hash: str

    @property
    def ref(self) -> str:
        """`support-triage@42`."""
        return f"{self.workflow}@{self.number}"


@dataclass(frozen=True, slots=True)
class Target:
    """What a reader needs to know of a version to serve it."""

    version: int
    tag: str
    digest: str


@dataclass(frozen=True, slots=True)
class Release:
    """ "Environment E runs version V", numbered by generation; `previous_version` is what was live before, if any.

    gate: canonical JSON of the verdict that let it through, or was overridden; None where no gate was asked.
    """

    workflow: str
    environment: str
    generation: int
    version: int
    tag: str
    digest: str
    kind: Kind
    actor: str
    reason: str
    released_at: datetime
    previous_version: int | None
    override_hold: bool
    previous_hash: str
    hash: str
    revert_to: int | None = None
    revert_at: datetime | None = None
    gate: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something on record about a version. `number` is 1, 2, 3… per workflow.

    kind: `run-started`, `run`, `approval`, …; subject: what it is about, such as a run's id. environment: empty when
    it concerns none. body: a JSON object. blobs: digests that it refers to, kept in the store as long as it stands.
    """

    workflow: str
    number: int
    kind: str
    subject: str
    version: int
    digest: str
    environment: str
    body: Mapping[str, Any]
    blobs: tuple[str, ...]
    actor: str
    recorded_at: datetime
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """The small document that tells readers the head. `hash` is the release's own: a witness outside the database."""

    workflow: str
    environment: str
    generation: int
    version: int
    tag: str
    digest: str
    kind: Kind
    released_at: datetime
    hash: str
    revert_to: Target | None = None
    revert_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token of the server, without its secret.

    scope: what it lets one do (`ingest`, `metrics`). hash: SHA-256 of the whole token, hex. expires_at: None for never.
    revoked_by: empty until it is revoked.
    """

    id: str
    scope: str
    name: str
    hash: str
    actor: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str = ""

    def is_good(self, at: datetime) -> bool:
        """Whether it may be used at that moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True)
class Reader:
    """What one reader last said it serves, and when; `heartbeat_s` is how often it promised to say so.

    source: "store" (up to date with the pointer), "disk" (last known good, the store was away) or "fallback" (the
    bundle shipped with the application: generation and version 0).
    """

    workflow: str
    environment: str
    instance: str
    generation: int
    version: int
    digest: str
    source: str
    serving_since: datetime
    seen_at: datetime
    heartbeat_s: float
    host: str
    pid: int
