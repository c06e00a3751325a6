"""Versions on record: finding them by ref, and adding one. Functions over a connection; nothing here opens one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from registry.chain import GENESIS, record_hash
from registry.errors import BadInput, Damaged, NotFound
from registry.evidence import evidence_blobs
from registry.manifest import parse_manifest
from registry.models import Version
from registry.names import nearest
from registry.refs import Ref
from registry.tables import versions, workflows
from registry.times import from_text, to_text

# Built once: building a query costs more than running it.
_OF_WORKFLOW = versions.c.workflow == sa.bindparam("workflow")
_NEWEST = sa.select(versions).where(_OF_WORKFLOW).order_by(versions.c.number.desc()).limit(1)
_NUMBERED = sa.select(versions).where(_OF_WORKFLOW, versions.c.number == sa.bindparam("number"))
_DIGESTED = sa.select(versions).where(_OF_WORKFLOW, versions.c.digest == sa.bindparam("digest"))
_TAGGED = sa.select(versions).where(_OF_WORKFLOW, versions.c.tag == sa.bindparam("tag"))
_DIGEST_BETWEEN = (
    sa.select(versions)
    .where(_OF_WORKFLOW, versions.c.digest >= sa.bindparam("low"), versions.c.digest < sa.bindparam("high"))
    .limit(2)
)
_LOCK = sa.select(workflows.c.name).where(workflows.c.name == sa.bindparam("workflow")).with_for_update()


def lock_workflow(connection: sa.Connection, workflow: str) -> None:
    """Wait until no other write touches this workflow, and keep others out until the transaction ends."""
    connection.execute(_LOCK, {"workflow": workflow})


def add_workflow(connection: sa.Connection, workflow: str, at: datetime) -> None:
    """Make the workflow's row where it is missing, and lock it."""
    text = sa.text("INSERT INTO workflows (name, created_at) VALUES (:name, :at) ON CONFLICT DO NOTHING")
    connection.execute(text, {"name": workflow, "at": to_text(at)})
    lock_workflow(connection, workflow)


def list_workflows(connection: sa.Connection) -> list[str]:
    """The names of all workflows, sorted."""
    return list(connection.execute(sa.select(workflows.c.name).order_by(workflows.c.name)).scalars())


def check_workflow_exists(connection: sa.Connection, workflow: str) -> None:
    """Raises NotFound, with the nearest name there is."""
    if connection.execute(sa.select(workflows.c.name).where(workflows.c.name == workflow)).first() is None:
        raise NotFound(
            f"there is no workflow {workflow!r}{nearest(workflow, list_workflows(connection))}",
            next_command="agent-deploy list",
        )


def list_versions(connection: sa.Connection, workflow: str) -> list[Version]:
    """Every version of a workflow, newest first."""
    query = sa.select(versions).where(versions.c.workflow == workflow).order_by(versions.c.number.desc())
    return [_version(dict(row)) for row in connection.execute(query).mappings()]


def newest_version(connection: sa.Connection, workflow: str) -> Version | None:
    """The version with the highest number, if any."""
    return _first(connection, _NEWEST, workflow=workflow)


def version_by_digest(connection: sa.Connection, workflow: str, digest: str) -> Version | None:
    """The version with exactly this digest, if any."""
    return _first(connection, _DIGESTED, workflow=workflow, digest=digest)


def version_numbered(connection: sa.Connection, workflow: str, number: int) -> Version:
    """The version with this number; raises NotFound."""
    found = _first(connection, _NUMBERED, workflow=workflow, number=number)
    if found is None:
        raise not_registered(connection, workflow, str(number))
    return found


def find_version(connection: sa.Connection, ref: Ref) -> Version:
    """The version that a ref by number, tag or digest names.

    Raises NotFound, or BadInput when a digest's prefix fits several. A ref by environment is `releases.find_live`'s.
    """
    given: dict[str, Any] = {"workflow": ref.workflow}
    if ref.by == "number":
        query, given["number"] = _NUMBERED, min(int(ref.value), 2**31 - 1)
    elif ref.by == "tag":
        query, given["tag"] = _TAGGED, ref.value
    else:  # every digest that starts so sorts between the prefix and the prefix with a "g" behind it
        query, given["low"], given["high"] = _DIGEST_BETWEEN, ref.value, ref.value + "g"
    found = [_version(dict(row)) for row in connection.execute(query, given).mappings()]
    if not found:
        raise not_registered(connection, ref.workflow, ref.value)
    if len(found) > 1:
        raise BadInput(f"{ref} fits more than one version ({found[0].number} and {found[1].number}): give more digits")
    return found[0]


def not_registered(connection: sa.Connection, workflow: str, value: str) -> NotFound:
    """The error that says there is no such version, and which there are."""
    check_workflow_exists(connection, workflow)
    newest = newest_version(connection, workflow)
    has = f"its newest is {newest.number} ({newest.tag})" if newest else "it has none"
    return NotFound(
        f"{workflow} has no version {value}; {has}",
        unchanged="Nothing was changed.",
        next_command=f"agent-deploy list {workflow}",
    )


def add_version(
    connection: sa.Connection,
    workflow: str,
    *,
    tag: str,
    digest: str,
    manifest: str,
    note: str,
    actor: str,
    at: datetime,
) -> Version:
    """Append the next version to the workflow's chain; the caller holds its lock."""
    last = newest_version(connection, workflow)
    record: dict[str, Any] = {
        "workflow": workflow,
        "number": last.number + 1 if last else 1,
        "tag": tag,
        "digest": digest,
        "manifest": manifest,
        "note": note,
        "actor": actor,
        "created_at": to_text(at),
        "previous_hash": last.hash if last else GENESIS,
    }
    record["hash"] = record_hash(record)
    connection.execute(sa.insert(versions).values(record))
    return _version(record)


def version_records(connection: sa.Connection, workflow: str) -> list[Mapping[str, Any]]:
    """The workflow's version rows as stored, oldest first: what the chain is computed over."""
    query = sa.select(versions).where(versions.c.workflow == workflow).order_by(versions.c.number)
    return [dict(row) for row in connection.execute(query).mappings()]


def referenced_digests(connection: sa.Connection) -> set[str]:
    """Every blob that some version or evidence of some workflow needs.

    Raises Damaged when a manifest on record is not whole.
    """
    needed: set[str] = set()
    for row in connection.execute(sa.select(versions.c.digest, versions.c.manifest)):
        needed.add(row.digest)
        needed.update(parse_manifest(row.manifest.encode(), row.digest).digests)
    return needed | evidence_blobs(connection)


def keep_out_references(connection: sa.Connection) -> None:
    """Let nobody add a version or evidence, of any workflow, until the transaction ends. Only in `Database.write`."""
    if connection.dialect.name == "postgresql":  # the write lock of SQLite is on the whole database already
        connection.exec_driver_sql("LOCK TABLE versions, evidence IN SHARE ROW EXCLUSIVE MODE")


def _first(connection: sa.Connection, query: sa.Select[Any], **given: str | int) -> Version | None:
    row = connection.execute(query, given).mappings().first()
    return _version(dict(row)) if row else None


def _version(row: Mapping[str, Any]) -> Version:
    try:
        created_at = from_text(row["created_at"])
    except (ValueError, TypeError) as error:
        raise Damaged(
            f"{row['workflow']}@{row['number']} was edited: {error}",
            next_command=f"agent-deploy verify {row['workflow']}",
        ) from error
    return Version(**{**row, "created_at": created_at})
