"""Spans of time as settings and options write them: `90s`, `15m`, `24h`, `14d`, `2w`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from agent_deploy.errors import BadConfig

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})([smhdw])")


def duration_of(value: Any, where: str) -> timedelta:
    """The span that a setting names; raises BadConfig naming it."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise BadConfig(f"{where}: must be a duration such as '90s', '15m', '24h', '14d' or '2w', not {value!r}")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
