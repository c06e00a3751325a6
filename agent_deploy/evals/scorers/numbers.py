"""The scorer of numbers: numeric."""

from __future__ import annotations

import re
from decimal import Decimal, DecimalException
from typing import Any

from agent_deploy.evals.cases import Case
from agent_deploy.evals.results import Reply
from agent_deploy.evals.scorers.findings import RIGHT, Check, Finding, shown, wrong
from agent_deploy.evals.scorers.options import Options, is_number

# A number that is no part of a word, of a version (1.2.3), of a decimal comma (1,5) or of a longer number.
_NUMBER = re.compile(
    r"(?<![\w.,])(?:(?<![\w)])[-+])?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?(?!\w|[.,]\d)"
)
_LONGEST = 10_000


def numeric(options: Options) -> Check:
    """The output is the expected number, within |difference| ≤ max(abs, rel × |expected|)."""
    wanted = options.wanted(is_number, "a number")
    absolute, relative = (_decimal(options.number(key, 0)) for key in ("abs", "rel"))

    def find(case: Case, reply: Reply) -> Finding:
        expected = _decimal(wanted.of(case))
        given = _number(reply.output)
        if isinstance(given, str):
            return wrong(given)
        try:
            near = abs(given - expected) <= max(absolute, relative * abs(expected))
        except DecimalException:  # an exponent of a million
            near = False
        return RIGHT if near else wrong(f"expected {_allowed(expected, absolute, relative)}, got {given}")

    return options.check(find, wanted)


def _number(output: Any) -> Decimal | str:
    """The number that an output is, or holds as its only one; else what is wrong with it."""
    if is_number(output):
        return _decimal(output)
    if not isinstance(output, str):
        return f"{shown(output)} is not a number"
    if len(output) > _LONGEST:
        return f"a text of {len(output)} characters is not a number"
    found = _NUMBER.findall(output)
    if len(found) != 1:
        return f"{shown(output)} holds {len(found) or 'no'} number{'s' if found else ''}, not one"
    return Decimal(found[0].replace(",", ""))


def _decimal(number: float) -> Decimal:
    return Decimal(number if isinstance(number, int) else repr(number))  # 0.1 as written, not its binary fraction


def _allowed(expected: Decimal, absolute: Decimal, relative: Decimal) -> str:
    tolerance = max(absolute, relative * abs(expected))
    return f"{expected} ± {tolerance.normalize()}" if tolerance else str(expected)
