"""What every span inside a call is marked with. It travels in OpenTelemetry's context; no OpenTelemetry import here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent_deploy.telemetry.content import Policy

KEY = "agent_deploy.call"  # in OpenTelemetry's context
_MARK = "_agent_deploy_stamp"  # on the SDK's span, which an exporter never sees


@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """One call's: the attributes that its spans are given, and what they may say of content and users."""

    attributes: Mapping[str, str | int]
    policy: Policy


def mark(span: object, stamp: Stamp) -> None:
    """Note on a span whose it is: it may end in another context than it started in."""
    notes = getattr(span, "__dict__", None)
    if notes is not None:
        notes[_MARK] = stamp


def stamp_of(span: object) -> Stamp | None:
    """Whose the span is; None outside a call."""
    stamp = getattr(span, _MARK, None)
    return stamp if isinstance(stamp, Stamp) else None
