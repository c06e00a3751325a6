"""How the gate of a release is told in `history` and `status`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry.models import Release


def gate_of(release: Release) -> dict[str, Any] | None:
    """The verdict that the release stores, without its rules; None where no gate was asked."""
    if release.gate is None:
        return None
    gate = json.loads(release.gate)
    told = ("verdict", "overridden", "baseline", "runs", "call_costs", "policy_digest")
    return {key: gate.get(key) for key in told}  # an older release has no word of calls


def gate_word(release: Release) -> str:
    """`passed`, `OVERRIDDEN (failed)`, `none` for a promotion without a gate, `-` for what never waits for one."""
    gate = gate_of(release)
    if gate is None:
        return "none" if release.kind == "promote" else "-"
    return f"OVERRIDDEN ({gate['verdict']})" if gate["overridden"] else str(gate["verdict"])
