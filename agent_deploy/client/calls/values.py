"""What may be written on a span: each function gives the value as written, or raises for one of the wrong kind."""

from __future__ import annotations

import json
import math
import operator
from typing import Any

from agent_deploy.costs.usage import MOST_TOKENS
from agent_deploy.telemetry.content import LONGEST, as_text

_LONGEST_LABEL = 512  # characters
_AROUND = 128  # characters of JSON around a message
_MOST = 2**53  # beyond, JSON loses digits, and beyond 2**63 the exporter loses the whole batch


def label(value: Any) -> str | None:
    """A name or id: text, or a whole number or UUID as text, cut at 512 characters; None where it is empty."""
    if type(value) is str:
        return encodable(value[:_LONGEST_LABEL]) or None
    if isinstance(value, bool | bytes | float | list | tuple | dict | set):
        raise TypeError(f"not a name: {type(value).__name__}")
    return encodable(str(value)[:_LONGEST_LABEL]) or None


def name_of(value: Any) -> str:
    """The same, for whom it is enough to know that there is none: empty for what is no name."""
    try:
        return label(value) or ""
    except Exception:  # noqa: BLE001 - a value's own methods may raise anything
        return ""


def count(value: Any) -> int:
    """A whole number of at least 0."""
    if isinstance(value, bool):
        raise TypeError("not a number: bool")
    number = operator.index(value)
    if not 0 <= number < _MOST:
        raise ValueError(f"not a count: {number}")
    return number


def tokens(value: Any) -> int:
    """A count of tokens that one request to a model can have taken."""
    found = count(value)
    if found > MOST_TOKENS:
        raise ValueError(f"more than {MOST_TOKENS:,} tokens: {found}")
    return found


def number(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool | str | bytes):
        raise TypeError(f"not a number: {type(value).__name__}")
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(f"not a number: {found}")
    return found


def amount(value: Any) -> float:
    """A finite number of at least 0."""
    found = number(value)
    if found < 0:
        raise ValueError(f"less than 0: {found}")
    return found


def share(value: Any) -> float:
    """A number from 0 to 1."""
    found = number(value)
    if not 0 <= found <= 1:
        raise ValueError(f"not from 0 to 1: {found}")
    return found


def yes_or_no(value: Any) -> bool:
    """True or False."""
    if type(value).__name__ not in ("bool", "bool_"):  # numpy's own as well
        raise TypeError(f"neither true nor false: {type(value).__name__}")
    return bool(value)


def labels(value: Any) -> tuple[str, ...]:
    """One name, or several."""
    several = value if isinstance(value, list | tuple) else [value]
    return tuple(text for text in map(label, several) if text)


def encodable(text: str) -> str:
    """Text that can be sent: one lone surrogate would cost the whole batch that it is in."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def messages(role: str, value: object) -> str:
    """Text as one message of the GenAI conventions, in JSON; what is already a list of messages is written as it is."""
    if not isinstance(value, list):
        text = as_text(value)[: LONGEST - _AROUND]  # cut before it is JSON, so that it stays JSON
        value = [{"role": role, "parts": [{"type": "text", "content": text}]}]
    return json.dumps(value, ensure_ascii=False, default=str)
