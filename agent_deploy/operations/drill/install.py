"""drill schedule --install, --remove: the schedule in EventBridge, made, changed and taken away."""

from __future__ import annotations

from dataclasses import dataclass

from agent_deploy import eventbridge
from agent_deploy.eventbridge import Bridge, Change
from agent_deploy.log import event


@dataclass(frozen=True, slots=True)
class Installed:
    """What became of a schedule."""

    name: str
    change: Change


def install(bridge: Bridge) -> Installed:
    """Have EventBridge tick; harmless to repeat. Raises BadInput, Refused and Unavailable: it is as it was then."""
    return _told(Installed(bridge.name, eventbridge.install(bridge)))


def remove(name: str) -> Installed:
    """Have it tick no more; harmless to repeat. Raises Refused and Unavailable."""
    return _told(Installed(name, eventbridge.remove(name)))


def _told(installed: Installed) -> Installed:
    event("schedule", schedule=installed.name, change=installed.change)
    return installed
