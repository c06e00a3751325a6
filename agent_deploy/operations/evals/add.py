"""add: a case is appended to an eval set's file, personal data taken out first where that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agent_deploy.evals.adding import Added, add_case
from agent_deploy.evals.adding.naming import Draft
from agent_deploy.evals.redaction import REGIONS, redact
from agent_deploy.operations.writing import told_if_unwritten


@dataclass(frozen=True, slots=True)
class CaseAdded:
    """The case as it stands in the file, and what was taken out of it: how often, by kind. None: nobody asked."""

    added: Added
    redacted: Mapping[str, int] | None


def add(path: Path, draft: Draft, name: str, *, redacting: bool = False, regions: Iterable[str] = REGIONS) -> CaseAdded:
    """Append the case. redacting: take e-mail addresses, phone numbers and the like out of input and expected.

    Raises what `evals.adding.add_case` and `evals.redaction.redact` raise, and CannotWrite; nothing is written then.
    """
    found = None
    if redacting:
        texts, found = redact({"input": draft.input, "expected": draft.expected}, regions)
        draft = replace(draft, **texts)
    with told_if_unwritten(Path(name)):
        return CaseAdded(add_case(path, draft, name), found)
