"""traces compact: seals what was received, merges segments, and sets damaged ones aside where that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from agent_deploy.telemetry.facts.compaction import Compacted
from agent_deploy.telemetry.facts.sealing import Sealed
from agent_deploy.telemetry.facts.segments import Segment
from agent_deploy.telemetry.facts.store import FactStore


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was sealed, what was merged, and the damaged segments that were set aside."""

    sealed: Sealed
    compacted: Compacted
    aside: tuple[Segment, ...]


def compact(facts: FactStore, *, set_aside: bool = False) -> Tidied:
    """Seal the finished files of this machine's spool, then merge every hour that is over.

    Raises Conflict while another process merges (what was sealed stays so), and Damaged, when all else is done, naming
    segments that hold other bytes than they should; with `set_aside` those are moved away first.
    """
    aside = tuple(facts.set_aside()) if set_aside else ()
    return Tidied(facts.seal(), facts.compact(), aside)
