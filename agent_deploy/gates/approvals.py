"""Approvals on record: who has approved which version for which environment, and when."""

from __future__ import annotations

from datetime import datetime

from registry.catalog import lock_workflow
from registry.database import Connection
from registry.evidence import add_evidence, list_evidence
from registry.models import Evidence, Version
from registry.registry import Registry

APPROVAL = "approval"


def list_approvals(connection: Connection, version: Version, environment: str) -> list[Evidence]:
    """The approvals of a version for an environment, oldest first, one a person: the first one counts."""
    found = list_evidence(
        connection, version.workflow, kind=APPROVAL, digest=version.digest, environment=environment
    )  # fmt: skip
    by_actor: dict[str, Evidence] = {}
    for record in reversed(found):
        by_actor.setdefault(record.actor, record)
    return list(by_actor.values())


def add_approval(
    registry: Registry, version: Version, environment: str, *, actor: str, reason: str, at: datetime
) -> tuple[Evidence, bool]:
    """Put an approval on record; the record, and whether this call made it: nobody is counted twice."""
    with registry.database.write() as connection:
        lock_workflow(connection, version.workflow)
        for record in list_approvals(connection, version, environment):
            if record.actor == actor:
                return record, False
        body = {"reason": reason}
        made = add_evidence(
            connection, version, kind=APPROVAL, subject=actor, body=body, actor=actor, at=at, environment=environment
        )
    return made, True
