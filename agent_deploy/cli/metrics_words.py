"""How a figure of a workflow reads in a cell; `-` where there is none."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from agent_deploy.wording import milliseconds, percent, usd

Number = float | Decimal | None


def dollars(value: Number) -> str:
    """`$0.0031`."""
    return "-" if value is None else usd(Decimal(value))


def _told(tell: Callable[[float], str]) -> Callable[[Number], str]:
    return lambda value: "-" if value is None else tell(float(value))


whole = _told(lambda value: f"{value:,.0f}")
share = _told(percent)
time = _told(milliseconds)
