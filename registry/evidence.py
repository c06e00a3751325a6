"""Evidence on record: what is known of a version, append-only and hash-chained per workflow. Finding it, adding to it.

What a body says is the business of who writes it (`agent_deploy.evals.runs`, gates, drills); here it is JSON, hashed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from registry.chain import GENESIS, record_hash
from registry.errors import Damaged
from registry.manifest import canonical
from registry.models import Evidence, Version
from registry.tables import evidence, workflows
from registry.times import from_text, to_text

_OF_WORKFLOW = sa.select(evidence).where(evidence.c.workflow == sa.bindparam("workflow"))
_NEWEST_FIRST = evidence.c.number.desc()
_LAST = _OF_WORKFLOW.order_by(_NEWEST_FIRST).limit(1)


def add_evidence(
    connection: sa.Connection,
    version: Version,
    *,
    kind: str,
    subject: str,
    body: Mapping[str, Any],
    actor: str,
    at: datetime,
    environment: str = "",
    blobs: tuple[str, ...] = (),
) -> Evidence:
    """Append a record about a version to its workflow's chain; the caller holds the workflow's lock.

    blobs: are in the store already. Raises BadInput when the body has no canonical JSON.
    """
    last = connection.execute(_LAST, {"workflow": version.workflow}).mappings().first()
    record: dict[str, Any] = {
        "workflow": version.workflow,
        "number": last["number"] + 1 if last else 1,
        "kind": kind,
        "subject": subject,
        "version": version.number,
        "digest": version.digest,
        "environment": environment,
        "body": canonical(body).decode(),
        "blobs": " ".join(blobs),
        "actor": actor,
        "recorded_at": to_text(at),
        "previous_hash": last["hash"] if last else GENESIS,
    }
    record["hash"] = record_hash(record)
    connection.execute(sa.insert(evidence).values(record))
    return _evidence(record)


def list_evidence(
    connection: sa.Connection,
    workflow: str,
    *,
    kind: str | None = None,
    digest: str | None = None,
    environment: str | None = None,
    subject: str | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[Evidence]:
    """A workflow's records, newest first; of one kind, version digest, environment or subject where given.

    before: only those with a lower number. limit: how many at most.
    """
    query = _OF_WORKFLOW.order_by(_NEWEST_FIRST)
    given = {"kind": kind, "digest": digest, "environment": environment, "subject": subject}
    for name, value in given.items():
        if value is not None:
            query = query.where(evidence.c[name] == value)
    if before is not None:
        query = query.where(evidence.c.number < before)
    if limit is not None:
        query = query.limit(limit)
    return [_evidence(dict(row)) for row in connection.execute(query, {"workflow": workflow}).mappings()]


def find_subjects(connection: sa.Connection, kind: str, prefix: str, workflow: str | None = None) -> list[Evidence]:
    """Records of one kind whose subject starts with `prefix`, of one workflow or of all; three at most."""
    # Every workflow by name, for the index of subjects begins with it.
    of = sa.select(workflows.c.name) if workflow is None else [workflow]
    query = sa.select(evidence).where(
        evidence.c.workflow.in_(of), evidence.c.kind == kind,
        evidence.c.subject >= prefix, evidence.c.subject < prefix + "\x7f",
    )  # fmt: skip
    rows = connection.execute(query.order_by(evidence.c.subject).limit(3)).mappings()
    return [_evidence(dict(row)) for row in rows]


def evidence_records(connection: sa.Connection, workflow: str, *, number: int | None = None) -> list[Mapping[str, Any]]:
    """The workflow's rows as stored, oldest first, or the one with this number: what the chain is computed over."""
    query = _OF_WORKFLOW.order_by(evidence.c.number)
    if number is not None:
        query = query.where(evidence.c.number == number)
    return [dict(row) for row in connection.execute(query, {"workflow": workflow}).mappings()]


def evidence_blobs(connection: sa.Connection) -> set[str]:
    """Every blob that some record of some workflow refers to."""
    needed: set[str] = set()
    for (blobs,) in connection.execute(sa.select(evidence.c.blobs).where(evidence.c.blobs != "")):
        needed.update(blobs.split(" "))
    return needed


def _evidence(row: Mapping[str, Any]) -> Evidence:
    try:
        read = {"recorded_at": from_text(row["recorded_at"]), "body": json.loads(row["body"])}
    except (ValueError, TypeError) as error:
        raise Damaged(
            f"evidence {row['number']} of {row['workflow']} was edited: {error}",
            next_command=f"agent-deploy verify {row['workflow']}",
        ) from error
    return Evidence(**{**row, **read, "blobs": tuple(row["blobs"].split())})
