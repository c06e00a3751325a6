"""Pins as they travel between services: members of a W3C `baggage` header (https://www.w3.org/TR/baggage/).

    baggage: agent-deploy.support-triage=8/42/1.4.0/sha256:ab12…,userId=alice

A member says generation, version, tag and digest. Only the digest can be checked by who receives it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

HEADER = "baggage"
PREFIX = "agent-deploy."

Headers = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]

_log = logging.getLogger("agent_deploy.client")
_VALUE = re.compile(r"(0|[1-9][0-9]{0,17})/(0|[1-9][0-9]{0,17})/([0-9A-Za-z.+-]{0,128})/(sha256:[0-9a-f]{64})")
_LONGEST_LOGGED = 200


@dataclass(frozen=True, slots=True)
class Claim:
    """Which release a caller says that the request is pinned to."""

    generation: int
    version: int
    tag: str
    digest: str


def format_claim(claim: Claim) -> str:
    """The member's value. "+" is encoded too: propagators that decode as a form would read it as a space."""
    return quote(f"{claim.generation}/{claim.version}/{claim.tag}/{claim.digest}", safe="/:")


def parse_claim(value: str) -> Claim | None:
    """The claim in a member's value; None when it is not one."""
    found = _VALUE.fullmatch(unquote(value))
    return Claim(int(found[1]), int(found[2]), found[3], found[4]) if found else None


def read(headers: Headers, workflow: str) -> Claim | None:
    """What the headers say of this workflow: its last well-formed member. A malformed one is logged and ignored."""
    claim = None
    for key, member in _members(_values(headers)):
        if key == PREFIX + workflow:
            value = member.partition("=")[2].partition(";")[0].strip()
            told = parse_claim(value)
            if told is None:
                _log.warning("ignored a malformed baggage member for %s: %.*r", workflow, _LONGEST_LOGGED, value)
            claim = told or claim
    return claim


def write(headers: MutableMapping[str, str], claims: Mapping[str, Claim]) -> None:
    """Put claims (by workflow) into the headers' baggage, first; the other members stay as they are."""
    if not claims:
        return
    own = {PREFIX + workflow: format_claim(claim) for workflow, claim in claims.items()}
    present = next((name for name in headers if name.lower() == HEADER), HEADER)
    others = [member for key, member in _members([headers.get(present, "")]) if key not in own]
    headers[present] = ",".join([*(f"{key}={value}" for key, value in own.items()), *others])


def _values(headers: Headers) -> Iterator[str]:
    pairs = headers.items() if hasattr(headers, "items") else headers
    for name, value in pairs:
        if _text(name).lower() == HEADER:
            yield _text(value)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _members(values: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every list-member, as (key, the whole member)."""
    for value in values:
        for member in value.split(","):
            if member := member.strip():
                yield member.partition("=")[0].partition(";")[0].strip(), member
