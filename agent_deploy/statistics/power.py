"""Before a run: what can a set of this size show at all?"""

from __future__ import annotations

import math

from agent_deploy.statistics.quantiles import z_quantile

# What is assumed of two versions before they are compared: one case in ten ends differently.
DISCORDANCE = 0.1


def detectable_change(
    cases: int, discordance: float = DISCORDANCE, confidence: float = 0.95, power: float = 0.8
) -> float:
    """The smallest change of the pass rate that a paired comparison finds with this power, one-sided; 1.0 at most.

    (z_confidence + z_power) sqrt(discordance / cases), which is 2.49 sqrt(psi / n) as it stands: Miller, arXiv
    2411.00640, section 5, for paired binary outcomes. discordance: the share of cases that end differently; a change
    cannot be larger than it, so where it would be, discordance is taken as large as the change.
    """
    if cases < 1:
        return 1.0
    factor = (z_quantile(confidence) + z_quantile(power)) / math.sqrt(cases)
    change = factor * math.sqrt(discordance)
    return min(1.0, change if change <= discordance else factor * factor)


def smallest_passing_n(margin: float, confidence: float = 0.95) -> int | None:
    """The fewest cases on which a version that loses none and gains none passes `paired.tango`; None with no margin.

    Z is sqrt(n D / (1 - D)) then, so n > z^2 (1 - D) / D: 52 cases for a margin of 0.05, 25 for 0.1.
    """
    if margin <= 0:
        return None
    z = z_quantile(confidence)
    return math.floor(z * z * (1 - margin) / margin) + 1
