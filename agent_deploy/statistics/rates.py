"""Rates: how far a share of passes can be trusted, and how often a case passes every time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agent_deploy.statistics.quantiles import z_quantile


def wilson(passed: float, total: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a rate, two-sided; (0, 1) of nothing.

    Wilson, "Probable Inference", Journal of the American Statistical Association 22, 1927. The counts may be
    fractional: an effective number of cases (`clusters.rate_interval`).
    """
    if total <= 0:
        return 0.0, 1.0
    z = z_quantile((1 + confidence) / 2)
    rate, share = passed / total, z * z / total
    middle = (rate + share / 2) / (1 + share)
    half = z * math.sqrt(rate * (1 - rate) / total + share / (4 * total)) / (1 + share)
    low = 0.0 if passed <= 0 else max(0.0, middle - half)
    high = 1.0 if passed >= total else min(1.0, middle + half)
    return low, high


def pass_hat_k(passes: Sequence[int], repeats: int, k: int) -> float:
    """pass^k: the chance that k tries of one case all pass, mean over cases.

    The unbiased estimate C(passes, k) / C(repeats, k) of Yao et al., tau-bench, arXiv 2406.12045. passes: how many of
    the repeats passed, by case. Raises ValueError unless 1 <= k <= repeats and there is a case.
    """
    if not 1 <= k <= repeats or not passes:
        raise ValueError(f"pass^{k} of {repeats} repeats of {len(passes)} cases")
    return sum(math.comb(count, k) for count in passes) / (math.comb(repeats, k) * len(passes))
