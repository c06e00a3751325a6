"""How much of what a comparison shows is noise: a version against itself, and a judge against people. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.statistics.quantiles import z_quantile

_CONFIDENCE, _POWER = 0.95, 0.8


@dataclass(frozen=True, slots=True)
class Flips:
    """How often a version disagrees with itself.

    rate: the chance that two tries of a case end differently, mean over cases. flaky: the cases whose repeats do not
    all end alike, those that waver most first. detectable: the smallest change of the pass rate that a comparison of
    two such runs finds four times in five, 1.0 at most.
    """

    cases: int
    repeats: int
    rate: float
    flaky: tuple[str, ...]
    detectable: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """A judge's verdicts beside people's. No judgement counts as a disagreement: it helps nobody.

    sensitivity: of what people passed, the share that the judge passed. specificity: of what people failed, the share
    that the judge failed. None where people passed, or failed, nothing.
    """

    total: int
    agreed: int
    errored: int
    sensitivity: float | None
    specificity: float | None

    @property
    def agreement(self) -> float:
        """The share of outputs on which both say the same."""
        return self.agreed / self.total

    def corrected(self, rate: float) -> float | None:
        """The true pass rate behind a rate that the judge reports, from 0 to 1; None where nobody can tell.

        (p + q0 - 1) / (q0 + q1 - 1), with q1 sensitivity and q0 specificity: arXiv 2511.21140, after Rogan and Gladen,
        American Journal of Epidemiology 107, 1978. A judge no better than chance tells nothing.
        """
        if self.sensitivity is None or self.specificity is None or self.sensitivity + self.specificity <= 1:
            return None
        theta = (rate + self.specificity - 1) / (self.sensitivity + self.specificity - 1)
        return min(1.0, max(0.0, theta))


def flips_of(outcomes: Outcomes) -> Flips:
    """How often the repeats of a run disagree; there are two of them at least. An error is not a pass."""
    wavering = {case: _disagreeing(status) for case, status in zip(outcomes.cases, outcomes.status, strict=True)}
    flaky = sorted((case for case in wavering if wavering[case]), key=lambda case: (-wavering[case], case))
    rate = math.fsum(wavering.values()) / len(wavering)
    return Flips(len(wavering), outcomes.repeats, rate, tuple(flaky), detectable_change(len(wavering), rate))


def detectable_change(cases: int, flip_rate: float) -> float:
    """The smallest change that a paired comparison of so many cases finds, one-sided at 5 %, with power 80 %.

    2.49 sqrt(psi / n) of arXiv 2411.00640, section 5. The discordance psi is what flips by itself and the change d on
    top of it, so d solves d^2 = f^2 (flip rate + d) with f = 2.49 / sqrt(n).
    """
    factor = (z_quantile(_CONFIDENCE) + z_quantile(_POWER)) / math.sqrt(cases)
    square = factor * factor
    return min(1.0, (square + math.sqrt(square * square + 4 * square * flip_rate)) / 2)


def agreement_of(people: Sequence[bool], judge: Sequence[bool | None]) -> Agreement:
    """A judge's verdicts, None where it gave none, beside people's on the same outputs; one of them at least."""
    pairs = list(zip(people, judge, strict=True))
    return Agreement(
        total=len(pairs),
        agreed=sum(said == found for said, found in pairs),
        errored=sum(found is None for _, found in pairs),
        sensitivity=_share([found for said, found in pairs if said], True),
        specificity=_share([found for said, found in pairs if not said], False),
    )


def _disagreeing(status: str) -> float:
    """The share of pairs of repeats of which one passed and the other did not."""
    passed, repeats = status.count("P"), len(status)
    return passed * (repeats - passed) / math.comb(repeats, 2)


def _share(verdicts: Sequence[bool | None], wanted: bool) -> float | None:
    return sum(found is wanted for found in verdicts) / len(verdicts) if verdicts else None
