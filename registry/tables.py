"""The tables, the same on SQLite and PostgreSQL. Moments are RFC 3339 text: it sorts as time and hashes the same.

versions, releases and evidence are append-only: triggers refuse UPDATE and DELETE (see migrations).
"""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, Index, Table, UniqueConstraint
from sqlmodel import Field, SQLModel


class WorkflowRow(SQLModel, table=True):
    """A workflow; its row is what a write locks on PostgreSQL."""

    __tablename__ = "workflows"
    name: str = Field(primary_key=True, max_length=63)
    created_at: str


class VersionRow(SQLModel, table=True):
    """A registered bundle; `hash` covers every other column and, by `previous_hash`, all versions before it."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("workflow", "tag"), UniqueConstraint("workflow", "digest"))
    workflow: str = Field(primary_key=True, foreign_key="workflows.name", max_length=63)
    number: int = Field(primary_key=True)
    tag: str
    digest: str
    manifest: str
    note: str
    actor: str
    created_at: str
    previous_hash: str
    hash: str


class ReleaseRow(SQLModel, table=True):
    """ "Environment E runs version V"; `hash` covers every other column and, by `previous_hash`, all before it."""

    __tablename__ = "releases"
    __table_args__ = (
        ForeignKeyConstraint(["workflow", "version"], ["versions.workflow", "versions.number"]),
        Index("releases_by_version", "workflow", "environment", "version", "generation"),
        Index("releases_by_previous_version", "workflow", "environment", "previous_version", "generation"),
    )
    workflow: str = Field(primary_key=True, max_length=63)
    environment: str = Field(primary_key=True, max_length=63)
    generation: int = Field(primary_key=True)
    version: int
    tag: str
    digest: str
    kind: str
    actor: str
    reason: str
    released_at: str
    previous_version: int | None = None
    override_hold: bool
    previous_hash: str
    hash: str
    revert_to: int | None = None
    revert_at: str | None = None
    gate: str | None = None


class EvidenceRow(SQLModel, table=True):
    """Something on record about a version: an eval run, an approval, a drill; chained per workflow as versions are.

    `body` is canonical JSON, its shape the business of who wrote it; `blobs` the digests that it refers to, by spaces.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        ForeignKeyConstraint(["workflow", "version"], ["versions.workflow", "versions.number"]),
        Index("evidence_by_kind", "workflow", "kind", "number"),
        Index("evidence_by_subject", "workflow", "subject", "number"),
        Index("evidence_by_digest", "workflow", "digest", "kind", "number"),
    )
    workflow: str = Field(primary_key=True, foreign_key="workflows.name", max_length=63)
    number: int = Field(primary_key=True)
    kind: str
    subject: str
    version: int
    digest: str
    environment: str
    body: str
    blobs: str
    actor: str
    recorded_at: str
    previous_hash: str
    hash: str


class DeliveryRow(SQLModel, table=True):
    """The generation that the store was last known to point to: 0 before the first. One row an environment."""

    __tablename__ = "deliveries"
    workflow: str = Field(primary_key=True, foreign_key="workflows.name", max_length=63)
    environment: str = Field(primary_key=True, max_length=63)
    generation: int
    delivered_at: str | None = None


class TokenRow(SQLModel, table=True):
    """A bearer token of the server; `hash` is all that is kept of its secret. Revoking fills in who and when."""

    __tablename__ = "tokens"
    id: str = Field(primary_key=True)
    scope: str
    name: str
    hash: str
    actor: str
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None
    revoked_by: str


class DrillLeaseRow(SQLModel, table=True):
    """A drill under way: whose it is, until when it is taken to be alive, and how far it has come. One a place."""

    __tablename__ = "drill_leases"
    workflow: str = Field(primary_key=True, foreign_key="workflows.name", max_length=63)
    environment: str = Field(primary_key=True, max_length=63)
    drill: str
    owner: str
    lease_until: str
    plan: str
    phase: str
    progress: str


class DrillWeekRow(SQLModel, table=True):
    """The one drill of a workflow and environment in an ISO week (`2026-W48`): claimed, or completed.

    not_before: when the next attempt may be made, after one that was blocked or failed; empty for at once.
    """

    __tablename__ = "drill_weeks"
    workflow: str = Field(primary_key=True, foreign_key="workflows.name", max_length=63)
    environment: str = Field(primary_key=True, max_length=63)
    week: str = Field(primary_key=True, max_length=8)
    drill: str
    state: str
    not_before: str
    attempts: int


def table_of(row: type[SQLModel]) -> Table:
    """The SQLAlchemy table behind a row class."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table


workflows = table_of(WorkflowRow)
versions = table_of(VersionRow)
releases = table_of(ReleaseRow)
deliveries = table_of(DeliveryRow)
evidence = table_of(EvidenceRow)
drill_leases = table_of(DrillLeaseRow)
drill_weeks = table_of(DrillWeekRow)
tokens = table_of(TokenRow)
