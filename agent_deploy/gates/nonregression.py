"""Is the new version not worse by a margin? Tango's test over paired cases, and what is said of its outcome."""

from __future__ import annotations

from agent_deploy.gates.pairs import Pairs
from agent_deploy.gates.verdict import Verdict
from agent_deploy.gates.words import count, points
from agent_deploy.statistics.clusters import standard_error, t_above
from agent_deploy.statistics.paired import mcnemar_exact, tango, tango_interval
from agent_deploy.statistics.power import smallest_passing_n
from agent_deploy.statistics.quantiles import t_quantile, z_quantile

_CONFIDENCE = 0.95
_Z = z_quantile(_CONFIDENCE)


def compare(pairs: Pairs, margin: float) -> tuple[Verdict, str, str]:
    """The verdict, what was seen and why.

    Tango's score test of "new - old > -margin", one-sided 5 %. With repeats or clusters the t test by clustered
    standard errors must say the same, the stricter of both. failed: the reverse test says so. What McNemar's exact test
    says of "it got worse at all" is told in any case.
    """
    tests = [_sign(tango(pairs.lost, pairs.gained, pairs.cases, margin), _Z)]
    if pairs.repeated or any(pairs.clusters):
        t, degrees = t_above(pairs.differences, -margin, pairs.clusters)
        tests.append(_sign(t, t_quantile(_CONFIDENCE, degrees)) if degrees else 0)
    seen, moved = _seen(pairs), _moved(pairs)
    if all(test > 0 for test in tests):
        return "passed", seen, moved
    if all(test < 0 for test in tests):
        return "failed", seen, f"clearly beyond the margin; {moved}"
    return "inconclusive", seen, f"{too_few(pairs.cases, margin, pairs.most_gained) or _undecided(pairs)}; {moved}"


def too_few(cases: int, margin: float, most_gained: float) -> str:
    """Why no run of so many cases could pass; empty when one could.

    most_gained: the cases that the live version fails, which is the most that another can gain.
    """
    if tango(0, most_gained, cases, margin) > _Z:
        return ""
    enough = smallest_passing_n(margin, _CONFIDENCE)
    if enough is None:
        return "with a margin of 0 only a clearly better version passes, and here none can be"
    return f"{count(cases, 'case')} cannot show it whatever the outcome: {enough} are needed"


def _undecided(pairs: Pairs) -> str:
    if any(pairs.clusters):
        return "too little to tell, as cases of one cluster count as one"
    return "too little to tell: more cases would"


def _sign(statistic: float, critical: float) -> int:
    return (statistic > critical) - (statistic < -critical)


def _seen(pairs: Pairs) -> str:
    """The difference with its 90 % interval, which clears the margin just when the test does."""
    low, high = tango_interval(pairs.lost, pairs.gained, pairs.cases, 0.9)
    difference = sum(pairs.differences) / pairs.cases if pairs.cases else 0.0
    if pairs.repeated or any(pairs.clusters):
        _, degrees = t_above(pairs.differences, 0.0, pairs.clusters)
        half = t_quantile(_CONFIDENCE, degrees) * standard_error(pairs.differences, pairs.clusters) if degrees else 1.0
        low, high = max(-1.0, min(low, difference - half)), min(1.0, max(high, difference + half))
    return f"{points(difference)} points ({points(low)} to {points(high)}) on {count(pairs.cases, 'case')}"


def _moved(pairs: Pairs) -> str:
    """`got worse: 12 pass→fail, 1 fail→pass, p = 0.002`; without the flag where chance could do as much."""
    names = ("cases down", "up") if pairs.repeated else ("pass→fail", "fail→pass")
    moved = f"{pairs.worse:,} {names[0]}, {pairs.better:,} {names[1]}"
    p = mcnemar_exact(pairs.worse, pairs.better)
    return f"got worse: {moved}, p = {p:.2g}" if p < 1 - _CONFIDENCE else moved
