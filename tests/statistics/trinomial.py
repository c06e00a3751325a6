"""How likely a table of lost and gained cases is, exactly: what the tests of power and size sum over."""

from __future__ import annotations

import math


def chance(lost: int, gained: int, cases: int, loss: float, gain: float) -> float:
    """The chance of just these counts when a case is lost with chance `loss` and gained with chance `gain`."""
    rest = cases - lost - gained
    ways = math.lgamma(cases + 1) - math.lgamma(lost + 1) - math.lgamma(gained + 1) - math.lgamma(rest + 1)
    return math.exp(ways + lost * math.log(loss) + gained * math.log(gain) + rest * math.log(1 - loss - gain))
