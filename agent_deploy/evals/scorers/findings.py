"""What a scorer finds in an output, and the scorer that every one without a model is: a name and a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from agent_deploy.costs.usage import ModelCall
from agent_deploy.evals.cases import Case
from agent_deploy.evals.errors import ScorerFailed
from agent_deploy.evals.ports import Scorer
from agent_deploy.evals.results import Reply, Score
from registry.errors import BadInput

_SHOWN = 60
_LONGEST = 400
MISSING: Any = object()


class Finding(NamedTuple):
    """Whether the output passes, how well from 0 to 1, and why in one short line; no reason where it simply passes."""

    passed: bool
    value: float
    reason: str = ""


RIGHT = Finding(True, 1.0)


def wrong(reason: str) -> Finding:
    """The output does not pass at all."""
    return Finding(False, 0.0, reason)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an output is compared with: the scorer's own option, or else the case's `expected`.

    accepts: whether a value can be compared with; words: what such a value is, for messages.
    """

    scorer: str
    option: Any = MISSING
    accepts: Callable[[Any], bool] = lambda _value: True
    words: str = "a value"

    def of(self, case: Case) -> Any:
        """The value; raises ScorerFailed where the case has none, or one of the wrong kind."""
        value = case.expected if self.option is MISSING else self.option
        if fault := self._fault(value):
            raise ScorerFailed(fault)
        return value

    def check(self, case: Case) -> None:
        """Raises BadInput where `of` would fail, so that it comes out before a run."""
        if self.option is MISSING and (fault := self._fault(case.expected)):
            raise BadInput(fault)

    def _fault(self, value: Any) -> str:
        if self.option is MISSING and value is None:
            return f"scorer {self.scorer!r} compares with 'expected', and the case has none"
        if not self.accepts(value):
            return f"scorer {self.scorer!r} compares with {self.words}, and the case expects {shown(value)}"
        return ""


class BuiltScorer(Scorer, Protocol):
    """A scorer as `build_scorer` makes it.

    wanted: what it compares with, None for nothing. provider: the model provider whose rate limit it shares; empty for
    none. digest: of an LLM judge's rubric; empty for every other scorer.
    """

    @property
    def wanted(self) -> Wanted | None: ...

    @property
    def provider(self) -> str: ...

    @property
    def digest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Check:
    """A scorer that asks no model: `find` looks at the output and answers at once."""

    name: str
    find: Callable[[Case, Reply], Finding]
    negated: bool = False
    wanted: Wanted | None = None
    provider: str = ""
    digest: str = ""

    def score(self, case: Case, reply: Reply) -> Score:
        """The score; raises ScorerFailed where `find` raises."""
        try:
            finding = self.find(case, reply)
        except ScorerFailed:
            raise
        except Exception as error:
            raise failed(self.name, error) from error
        return score_of(self.name, finding, negated=self.negated)


def failed(scorer: str, error: BaseException) -> ScorerFailed:
    """A scorer's own error, told with the scorer's name."""
    return ScorerFailed(one_line(f"scorer {scorer!r} failed: {type(error).__name__}: {error}"))


def score_of(name: str, finding: Finding, *, negated: bool = False, calls: tuple[ModelCall, ...] = ()) -> Score:
    """The finding as a score of that name, turned round where the scorer is negated."""
    if negated:
        reason = (
            "" if not finding.passed else f"must not pass, and does{': ' if finding.reason else ''}{finding.reason}"
        )
        finding = Finding(not finding.passed, 1.0 - finding.value, reason)
    return Score(name, finding.passed, finding.value, one_line(finding.reason), calls)


def one_line(text: str) -> str:
    """A text that a model or a stranger's code may have written, fit to be shown: one line, not long, and no escape
    sequence for the terminal nor half a character for the store.
    """
    line = " ".join(text[: 2 * _LONGEST].split())
    if not line.isprintable():
        line = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def text_of(output: Any) -> str:
    """An output as text: text as it is, null as the empty text, anything else as compact JSON."""
    if isinstance(output, str):
        return output
    return "" if output is None else json.dumps(output, ensure_ascii=False, separators=(",", ":"))


def shown(value: Any, most: int = _SHOWN) -> str:
    """A value for a reason: quoted text or compact JSON, on one line, cut off after `most` characters."""
    text = repr(value[: most + 1]) if isinstance(value, str) else text_of(value) if value is not None else "null"
    return text if len(text) <= most + 2 else f"{text[:most]}…"
