"""verify: hashes every blob again, computes every chain again, and holds the pointers against the log."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from registry.catalog import check_workflow_exists, list_workflows
from registry.errors import BadInput
from registry.pointers import list_pointers
from registry.registry import Registry
from registry.verification import blob_faults, find_hash, log_faults, pointer_faults, read_records

_HASH = re.compile("sha256:[0-9a-f]{64}")


@dataclass(slots=True)
class Verified:
    """What was looked at, and a line for each damaged object.

    head_found: where the hash given as `expect_head` stands; empty when it was not given or not found.
    """

    workflows: int = 0
    versions: int = 0
    blobs: int = 0
    releases: int = 0
    evidence: int = 0
    pointers: int = 0
    faults: list[str] = field(default_factory=list)
    head_found: str = ""


def verify(
    registry: Registry,
    workflow: str | None = None,
    expect_head: str | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Verified:
    """Check everything on record, of one workflow or of all. Faults are returned; NotFound and Unavailable raised.

    expect_head: the hash of a version or release, written down elsewhere; a fault when no chain holds it. Raises
    BadInput for a part of one: whoever rebuilds a log can have it come out with the few digits that tables show.
    """
    if expect_head and not _HASH.fullmatch(expect_head):
        raise BadInput(
            f"--expect-head takes a whole hash, sha256: and 64 hex digits, not {expect_head!r}",
            unchanged="Nothing was checked.",
            next_command=f"agent-deploy history {workflow or 'WORKFLOW'} --json   # has the hashes whole",
        )
    with registry.database.read() as connection:
        if workflow:
            check_workflow_exists(connection, workflow)
        names = [workflow] if workflow else list_workflows(connection)
    pointers: dict[str, set[str]] = {}
    for environment, name in list_pointers(registry.store):
        pointers.setdefault(name, set()).add(environment)
    result = Verified()
    seen: dict[str, str] = {}
    for name in names if workflow else sorted({*names, *pointers}):
        progress(name)
        _verify_workflow(registry, name, pointers.get(name, set()), expect_head, result, seen)
    result.blobs = len(seen)
    if expect_head and not result.head_found:
        result.faults.append(
            f"no chain holds {expect_head}: a tail was cut off or rebuilt, or it is another registry's"
        )
    return result


def _verify_workflow(
    registry: Registry,
    name: str,
    pointers_in: set[str],
    expect_head: str | None,
    result: Verified,
    seen: dict[str, str],
) -> None:
    records = read_records(registry.database, name)
    result.workflows += 1
    result.versions += len(records.versions)
    result.evidence += len(records.evidence)
    result.releases += sum(map(len, records.releases.values()))
    environments = sorted({*records.releases, *pointers_in})  # a log wiped out is known by the pointer that is left
    result.pointers += len(environments)
    result.faults.extend(log_faults(records))
    result.faults.extend(blob_faults(registry.store, records, seen))
    for environment in environments:
        result.faults.extend(pointer_faults(registry.database, registry.store, name, environment))
    if expect_head and not result.head_found:
        result.head_found = find_hash(records, expect_head)
