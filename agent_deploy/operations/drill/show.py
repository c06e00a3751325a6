"""drill show: one drill as it is on record, held to its own hash, with the drills before it."""

from __future__ import annotations

from dataclasses import dataclass

from drills.models import STARTED, Drill
from drills.recording import find_drills, list_drills, recorded
from registry.chain import record_hash
from registry.database import Connection
from registry.errors import BadInput, Damaged, NotFound
from registry.evidence import evidence_records, find_subjects
from registry.models import Evidence
from registry.registry import Registry

# A quarter of a year of weekly drills: what the chart of costs goes back to.
EARLIER = 12


@dataclass(frozen=True, slots=True)
class ShownDrill:
    """A drill, the record that holds it, and the drills of the same environment before it, newest first."""

    drill: Drill
    record: Evidence
    earlier: tuple[Drill, ...]


def show(registry: Registry, drill: str) -> ShownDrill:
    """The drill with this id, or the only one whose id starts so; `drill-` may be left out.

    Raises NotFound (no such drill, or one that is under way), BadInput (several), Damaged when the record does not give
    its hash: then it is shown to nobody.
    """
    id_ = drill if drill.startswith("drill-") else f"drill-{drill}"
    with registry.database.read() as connection:
        record = _found(connection, id_)
        _check_hash(connection, record)
        earlier = list_drills(connection, record.workflow, record.environment, EARLIER, before=record.number)
    return ShownDrill(recorded(record), record, tuple(earlier))


def _found(connection: Connection, id_: str) -> Evidence:
    found = find_drills(connection, id_)
    if not found:
        if find_subjects(connection, STARTED, id_):
            raise NotFound(f"{id_} is under way, or was cut off: it is on record when it has ended",
                           next_command="agent-deploy drill status")  # fmt: skip
        raise NotFound(f"there is no drill {id_}", next_command="agent-deploy drill history WORKFLOW")
    exact = [record for record in found if record.subject == id_]
    if not exact and len(found) > 1:
        raise BadInput(f"{id_} fits more than one drill ({found[0].subject}, {found[1].subject}): give more digits")
    return (exact or found)[0]


def _check_hash(connection: Connection, record: Evidence) -> None:
    (stored,) = evidence_records(connection, record.workflow, number=record.number)
    if record_hash(stored) != stored["hash"]:
        raise Damaged(
            f"the record of {record.subject} was edited: its content does not give its hash",
            next_command=f"agent-deploy verify {record.workflow}",
        )
