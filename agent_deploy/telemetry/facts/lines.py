"""Facts as lines of the spool: JSON, what is empty left out, for most columns of most facts are."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from agent_deploy.telemetry.facts.fact import COLUMNS, Fact
from registry.times import to_text

_NULLABLE = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "reported_cost_usd",
    "confidence",
    "parse_ok",
    "score",
    "score_passed",
)
_BY_TYPE: dict[str, object] = {"VARCHAR": "", "BIGINT": 0, "DOUBLE": 0.0, "BOOLEAN": False}
# What a column that a line leaves out stands for; None is null.
EMPTY = {name: None if name in _NULLABLE else _BY_TYPE.get(kind) for name, kind in COLUMNS.items()}

_NAMES = tuple(COLUMNS)
_EMPTIES = tuple(EMPTY.values())
_values = attrgetter(*_NAMES)
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode


def lines_of(facts: Iterable[Fact]) -> bytes:
    """The facts, a line each. A number that no column can hold counts as not said; the rest of its row stays."""
    text = "".join([_line(fact) for fact in facts])
    return text.encode("utf-8", "replace")


def _line(fact: Fact) -> str:
    values = zip(_NAMES, _values(fact), _EMPTIES, strict=True)
    document = {name: value for name, value, empty in values if value != empty and value is not None}
    document["started_at"] = to_text(fact.started_at)
    try:
        return _encode(document) + "\n"
    except ValueError:  # inf and nan are not JSON; an integer too large is, and is read as null
        return _encode(_finite(document)) + "\n"


def _finite(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if not isinstance(value, float) or math.isfinite(value)}
