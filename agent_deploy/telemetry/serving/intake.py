"""From a request's body to facts on disk: the work behind one acknowledgement, done on a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.reading import Nesting, Tally, facts_of, read_export
from agent_deploy.telemetry.serving.bodies import Form, plain
from agent_deploy.telemetry.serving.refusal import Refusal
from registry.errors import BadInput, Unavailable

RETRY_AFTER_FULL_S = 5
_TOLD = 3

Append = Callable[[Sequence[Fact]], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an export: the facts, durable now, and the tally of its spans."""

    facts: Sequence[Fact]
    tally: Tally

    @property
    def rejected(self) -> int:
        """How many spans can never be taken."""
        return self.tally.refused.total()

    @property
    def why_rejected(self) -> str:
        """For their sender: `2 × the span id is not 8 bytes that are not all zero`."""
        return "; ".join(f"{number} × {why}" for why, number in self.tally.refused.most_common(_TOLD))


class Intake:
    """Takes exports, from any thread. append: makes facts durable before it returns, or raises Unavailable.

    most_bytes: of a body, also once it is unpacked.
    """

    def __init__(self, append: Append, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._append = append
        self._nesting = Nesting()

    def take(self, body: bytes, form: Form) -> Taken:
        """Read the export and put its facts on disk.

        Raises Refusal: 413 and 400 for what cannot be read, 503 when the disk does not take it; nothing counts as
        taken then.
        """
        tally = Tally()
        data = plain(body, form, self.most_bytes)
        try:
            facts = facts_of(read_export(data, form.content_type, tally, self.most_bytes), tally, self._nesting)
        except BadInput as error:
            raise Refusal(400, error.message) from error
        try:
            self._append(facts)
        except Unavailable as error:
            raise Refusal(503, error.message, retry_after_s=RETRY_AFTER_FULL_S) from error
        return Taken(facts, tally)
