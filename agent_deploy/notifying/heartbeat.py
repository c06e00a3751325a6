"""Pings for a monitor that expects drills (healthchecks.io, and those after it): start, success, failure."""

from __future__ import annotations

from functools import partial
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from agent_deploy.notifying.sending import LONGEST_S, NotTold, send_all, send_http

Phase = Literal["start", "success", "fail"]


def heartbeat(url: str, phase: Phase, *, within_s: float = LONGEST_S) -> list[NotTold]:
    """GET `<url>/start`, `<url>` or `<url>/fail`; why it could not be done, if not. An empty url is no monitor."""
    if not url:
        return []
    return send_all({"heartbeat": partial(send_http, "GET", ping_url(url, phase))}, within_s)


def ping_url(url: str, phase: Phase) -> str:
    """The address of a ping; a query stays behind the path."""
    if phase == "success":
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{phase}"))
