"""Two runs, case by case: which got worse, which got better, and which only answer otherwise. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agent_deploy.evals.cases import Case
from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.evals.results import Result, Status
from agent_deploy.evals.runs import Run
from agent_deploy.evals.slices import SliceChange, lost_and_gained, slice_changes
from agent_deploy.evals.stored import StoredResults
from agent_deploy.statistics.paired import mcnemar_exact

Kind = Literal["pass_to_fail", "to_errored", "fail_to_pass", "from_errored", "flaky", "output_changed"]

# In the order that a reader wants them.
WORDS: Mapping[Kind, str] = {
    "pass_to_fail": "pass→fail",
    "to_errored": "to errored",
    "fail_to_pass": "fail→pass",
    "from_errored": "from errored",
    "flaky": "flaky",
    "output_changed": "changed output",
}
_SURE = 0.05

Results = Mapping[str, Sequence[Result]]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs.

    flaky: cases on which other runs of this version on this set disagreed with this one, or within themselves.
    """

    outcomes: Outcomes
    results: StoredResults
    flaky: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Tally:
    """Questions of the cases compared, by what became of them; a question is a case in one repeat."""

    passed: int
    failed: int
    errored: int

    @property
    def total(self) -> int:
        """Cases times repeats."""
        return self.passed + self.failed + self.errored

    @property
    def pass_rate(self) -> float:
        """Passed over total."""
        return self.passed / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A case on which the two runs differ. before, after: one letter a repeat, P(assed), F(ailed) or E(rrored).

    kind `flaky`: repeats of one of the two runs disagree among themselves, so that neither passed nor failed can be
    said of it. flaky: that, or other runs of one of the two versions disagree; the change may be none.
    """

    case: str
    kind: Kind
    before: str
    after: str
    flaky: bool
    critical: bool
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one run to another, over the cases that both have.

    only_before, only_after: cases that one run alone has. edited: cases of both whose content differs, not compared.
    unchanged: how many answer and end as before. lost, gained: cases that pass less, or more, of their repeats
    (`slices.lost_and_gained`). p: of "it got worse", McNemar's exact test of lost against gained.
    """

    compared: int
    changes: tuple[CaseChange, ...]
    unchanged: int
    before: Tally
    after: Tally
    lost: int
    gained: int
    p: float
    slices: tuple[SliceChange, ...]
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    edited: tuple[str, ...] = field(default=())

    @property
    def got_worse(self) -> bool:
        """Whether more cases were lost than chance explains (one-sided, 5 %)."""
        return self.p < _SURE

    @property
    def moved_slices(self) -> list[SliceChange]:
        """The tags in which a case was lost or gained, the surest loss first."""
        moved = [found for found in self.slices if found.lost or found.gained]
        return sorted(moved, key=lambda found: (found.p, found.after - found.before, found.tag))

    def of_kind(self, kind: Kind) -> list[CaseChange]:
        """The changes of one kind, critical cases first."""
        return [change for change in self.changes if change.kind == kind]


@dataclass(frozen=True, slots=True)
class Diff:
    """Two runs, what changed, and what it takes to show it. cases: of both sets by id, the newer one's first."""

    before: Run
    after: Run
    comparison: Comparison
    results_before: Results
    results_after: Results
    cases: Mapping[str, Case]

    @property
    def same_set(self) -> bool:
        """Whether both runs are on one eval set."""
        return self.before.started.set_digest == self.after.started.set_digest


def compare(before: Side, after: Side, edited: frozenset[str] = frozenset()) -> Comparison:
    """Compare two runs. edited: cases that are to be left out, for they read otherwise in the two sets."""
    old = dict(zip(before.outcomes.cases, before.outcomes.status, strict=True))
    new = dict(zip(after.outcomes.cases, after.outcomes.status, strict=True))
    common = [case for case in after.outcomes.cases if case in old and case not in edited]
    pairs = {case: (old[case], new[case]) for case in common}
    changes = _changes(pairs, before, after)
    lost, gained = lost_and_gained(pairs.values())
    return Comparison(
        compared=len(common),
        changes=tuple(changes),
        unchanged=len(common) - len(changes),
        before=tally(was for was, _ in pairs.values()),
        after=tally(now for _, now in pairs.values()),
        lost=lost,
        gained=gained,
        p=mcnemar_exact(lost, gained),
        slices=slice_changes(pairs, tags_of(after.outcomes)),
        only_before=tuple(case for case in before.outcomes.cases if case not in new),
        only_after=tuple(case for case in after.outcomes.cases if case not in old),
        edited=tuple(sorted(edited)),
    )


def verdict_of(letters: str) -> Status | Literal["flaky"]:
    """What one run says of a case: flaky where repeats both passed and failed, errored where any other errored."""
    if "P" in letters and "F" in letters:
        return "flaky"
    if "E" in letters:
        return "errored"
    return "passed" if "P" in letters else "failed"


def disagreeing(outcomes: Iterable[Outcomes]) -> frozenset[str]:
    """Cases that both passed and failed over several runs of one version on one set. Errors say nothing of them."""
    letters: dict[str, str] = {}
    for columns in outcomes:
        for case, status in zip(columns.cases, columns.status, strict=True):
            letters[case] = letters.get(case, "") + status
    return frozenset(case for case, told in letters.items() if verdict_of(told) == "flaky")


def tags_of(outcomes: Outcomes) -> dict[str, tuple[str, ...]]:
    """The tags of each case that has some."""
    return {case: tags for case, tags in zip(outcomes.cases, outcomes.tags, strict=True) if tags}


def tally(statuses: Iterable[str]) -> Tally:
    """Letters of many cases, counted."""
    letters = "".join(statuses)
    return Tally(letters.count("P"), letters.count("F"), letters.count("E"))


def _changes(pairs: Mapping[str, tuple[str, str]], before: Side, after: Side) -> list[CaseChange]:
    flaky = before.flaky | after.flaky
    columns = after.outcomes
    critical = {case for case, is_critical in zip(columns.cases, columns.critical, strict=True) if is_critical}
    tags = tags_of(columns)
    found = []
    for case, (was, now) in pairs.items():
        kind = _kind(was, now) or _output_kind(case, before, after)
        if kind:
            unsure = kind == "flaky" or case in flaky
            found.append(CaseChange(case, kind, was, now, unsure, case in critical, tags.get(case, ())))
    order = list(WORDS)
    return sorted(found, key=lambda change: (order.index(change.kind), not change.critical, change.case))


def _kind(before: str, after: str) -> Kind | None:
    was, now = verdict_of(before), verdict_of(after)
    if "flaky" in (was, now):
        return "flaky"
    if was == now:
        return None
    if now == "errored":
        return "to_errored"
    if was == "errored":
        return "from_errored"
    return "pass_to_fail" if was == "passed" else "fail_to_pass"


def _output_kind(case: str, before: Side, after: Side) -> Kind | None:
    """Changed where no answer of the one run is among those of the other: with repeats, wording varies by itself."""
    old, new = before.results.answers(case), after.results.answers(case)
    return "output_changed" if old and new and old.isdisjoint(new) else None
