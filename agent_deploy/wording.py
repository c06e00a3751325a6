"""Values and figures as a person reads them in one line, whatever they are of."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def shown(value: Any, width: int = 120) -> str:
    """A JSON value on one line of at most so many letters; text as it is, `-` for nothing."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 4 * width]).split())
    if len(line) <= width and len(text) <= 4 * width:
        return line or "(empty)"
    return line[: width - 1] + "…"


def percent(rate: float) -> str:
    """`93.3 %`."""
    return f"{100 * rate:.1f} %"


def usd(amount: Decimal | None) -> str:
    """`$0.0312`, to four places or to two digits that say something; `unknown` for None."""
    if amount is None:
        return "unknown"
    places = 4 if amount == 0 or abs(amount) >= Decimal("0.001") else 1 - amount.adjusted()
    return f"${amount:.{places}f}"


def milliseconds(value: float | None) -> str:
    """`840 ms`; `unknown` for None."""
    return "unknown" if value is None else f"{value:,.0f} ms" if value >= 10 else f"{value:.2g} ms"


def change(before: float | Decimal | None, after: float | Decimal | None) -> str:
    """`+12 %`, from one figure to another; empty where that cannot be said."""
    if before is None or after is None or not before:
        return ""
    return f"{100 * (float(after) / float(before) - 1):+.0f} %"


def p_value(p: float) -> str:
    """`p = 0.03`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
