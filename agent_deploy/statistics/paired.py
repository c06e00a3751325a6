"""Two versions on the same cases: is the new one worse? A case that passed and now fails is lost, the reverse gained.

Counts may be fractional. With repeats, a case contributes its mean discordance over all pairs of an old and a new
try: lost = old (1 - new) and gained = (1 - old) new, for its two pass rates. Their difference is the case's own,
exactly; their sum is the variance that the case would have were it tried once, which is never less than what it has.
So repeats never make the tests below more daring than the number of cases allows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from agent_deploy.statistics.quantiles import z_quantile


def tango(lost: float, gained: float, cases: float, margin: float) -> float:
    """Z of Tango's score test of H0: new - old <= -margin. Above 1.645: not worse by the margin (one-sided 5 %).

    Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample design",
    Statistics in Medicine 17, 1998: the variance is taken at the rates that are likeliest under H0. With margin 0 it
    is McNemar's test. margin: -1 to 1. Where nothing can be told (no cases, or no margin and no difference): 0.0.
    """
    if margin < 0:
        return -tango(gained, lost, cases, -margin)
    above = cases * margin - (lost - gained)
    variance = cases * (2 * gain_under_margin(lost, gained, cases, margin) + margin * (1 - margin))
    if variance > 0:
        return above / math.sqrt(variance)
    return math.copysign(math.inf, above) if above else 0.0


def gain_under_margin(lost: float, gained: float, cases: float, margin: float) -> float:
    """The likeliest share of gained cases when that of lost ones is larger by just the margin (0 or more).

    The positive root of 2n q^2 + (-b - c + (2n - b + c) D) q - c D (1 - D), Tango 1998, equation 13 ff.
    """
    if not cases:
        return 0.0
    a = 2 * cases
    b = -lost - gained + (2 * cases - lost + gained) * margin
    c = -gained * margin * (1 - margin)
    root = math.sqrt(b * b - 4 * a * c)
    return -2 * c / (b + root) if b > 0 else (root - b) / (2 * a)  # the same root twice, each where nothing cancels


def tango_interval(lost: float, gained: float, cases: float, confidence: float = 0.95) -> tuple[float, float]:
    """Tango's score interval of new - old, two-sided: every difference that `tango` does not reject.

    At confidence 0.9 its lower end lies above -margin just when the one-sided 5 % test says "not worse". (-1, 1) of
    nothing.
    """
    z = z_quantile((1 + confidence) / 2)

    def score(difference: float) -> float:
        return tango(lost, gained, cases, -difference)

    if not cases:
        return -1.0, 1.0
    return _falls_below(score, z), _falls_below(score, -z)


def _falls_below(score: Callable[[float], float], level: float) -> float:
    """Where a falling function of -1 to 1 reaches a level."""
    low, high = -1.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > level else (low, middle)
    return (low + high) / 2


def mcnemar_exact(lost: int, gained: int) -> float:
    """The one-sided p of "it got worse": the chance of so many lost, or more, were lost and gained equally likely.

    McNemar's test in its exact, binomial form: P(X >= lost) for X ~ Binomial(lost + gained, 1/2). 1.0 of nothing.
    """
    total = lost + gained
    if lost <= 0:
        return 1.0
    if 2 * lost <= total:
        return 1.0 - mcnemar_exact(gained + 1, lost - 1)
    term = math.exp(math.lgamma(total + 1) - math.lgamma(lost + 1) - math.lgamma(gained + 1) - total * math.log(2))
    p = 0.0
    for count in range(lost, total + 1):
        p += term
        term *= (total - count) / (count + 1)
        if term < p * 1e-17:
            break
    return min(p, 1.0)
