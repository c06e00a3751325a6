"""A call as text for people: what it was, and its steps as a tree beside their place in time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from agent_deploy.cli.drawing import bar, speaks_unicode
from agent_deploy.cli.output import facts, moment, table
from agent_deploy.cli.traces.words import cost_word, failure, tokens_word
from agent_deploy.wording import milliseconds, shown, usd

if TYPE_CHECKING:
    from agent_deploy.operations.traces.show import ShownCall
    from agent_deploy.telemetry.looking.tree import CallTree, Step

_HEADINGS = ["STEP", "AT", "TOOK", "TIME", "TOKENS", "COST", "FAILED"]
_BAR, _NAME = 24, 60
_BRANCHES = {True: ("├─ ", "└─ ", "│  "), False: ("|- ", "`- ", "|  ")}


def show_text(found: ShownCall) -> str:
    """All of it."""
    unicode = speaks_unicode(sys.stdout.encoding)
    extent = _extent(found.tree)
    rows = [[name, *_cells(step, extent, unicode=unicode)] for name, step in _lines(found.tree.steps, unicode=unicode)]
    return f"{_heading(found)}\n\n{table(_HEADINGS, rows)}"


def _heading(found: ShownCall) -> str:
    tree, told = found.tree, found.tree.told
    models = [fact for fact in tree.own if fact.kind == "model"]
    failed = tree.root is not None and tree.root.failed
    version = f"@{told.version}{f' ({told.tag})' if told.tag else ''}" if told.version else ""
    pairs = [
        ("started", moment(tree.started_at)),
        ("took", milliseconds(tree.duration_ms) if tree.root else "unknown: the call's own span is not on record"),
        ("failed", failure(told.failure_mode, told.error_type) if failed else ""),
        ("outcome", told.outcome),
        ("confidence", "" if told.confidence is None else f"{told.confidence:.2f}"),
        ("quality", _quality(told.score, told.score_passed)),
        ("tokens", tokens_word(*_sums(tree))),
        ("cost", _cost(tree, len(models))),
        ("tenant", told.tenant),
        ("user", told.user),
        ("request", told.request_id),
        ("conversation", told.conversation),
        ("trace", tree.trace_id),
        ("look", found.link),
    ]
    where = f" in {told.environment}" if told.environment else ""
    title = shown(f"{tree.id}  {told.workflow or 'a workflow without a name'}{version}{where}")
    return f"{click.style(title, bold=True)}\n{facts([(name, value) for name, value in pairs if value != '-'])}"


def _quality(score: float | None, passed: bool | None) -> str:
    words = [] if passed is None else ["passed" if passed else "failed"]
    return ", ".join([*words, *([] if score is None else [f"score {score:.2f}"])])


def _sums(tree: CallTree) -> tuple[int | None, int | None]:
    models = [fact for fact in tree.own if fact.kind == "model"]
    given = [[fact.input_tokens for fact in models], [fact.output_tokens for fact in models]]
    sums = [sum(known) if (known := [number for number in part if number is not None]) else None for part in given]
    return sums[0], sums[1]


def _cost(tree: CallTree, model_calls: int) -> str:
    """With the cost that the spans say, where that is another by more than a hundredth."""
    told = cost_word(tree.cost_usd, model_calls, tree.unpriced)
    if tree.unpriced:
        return f"{told}: no price, or no tokens, of {', '.join(tree.unpriced)}"
    reported = [fact.reported_cost_usd for fact in tree.own if fact.reported_cost_usd is not None]
    if len(reported) == model_calls and abs(sum(reported) - float(tree.cost_usd)) > 0.01 * float(tree.cost_usd):
        from decimal import Decimal

        return f"{told} (its spans say {usd(Decimal(repr(sum(reported))))})"
    return told


def _lines(steps: tuple[Step, ...], lead: str = "", *, unicode: bool, top: bool = True) -> Iterator[tuple[str, Step]]:
    """Each step with its name at its place in the tree."""
    branch, last_branch, beside = _BRANCHES[unicode]
    for number, step in enumerate(steps, start=1):
        is_last = number == len(steps)
        mark = "" if top else last_branch if is_last else branch
        yield lead + mark + shown(step.fact.name, _NAME), step
        below = "" if top else "   " if is_last else beside
        yield from _lines(step.steps, lead + below, unicode=unicode, top=False)


def _extent(tree: CallTree) -> tuple[float, float]:
    """From when to when, in milliseconds from the call's start, the bars reach; steps may lie outside the call."""
    from agent_deploy.telemetry.looking.tree import walk

    steps = [step for step, _ in walk(tree.steps)]
    ends = [step.offset_ms + step.fact.duration_ms for step in steps]
    return min(0.0, *(step.offset_ms for step in steps)), max(tree.duration_ms, *ends)


def _cells(step: Step, extent: tuple[float, float], *, unicode: bool) -> list[str]:
    fact, (first, last) = step.fact, extent
    length = (last - first) or 1.0
    start = (step.offset_ms - first) / length
    is_model = fact.kind == "model"
    attempt = f"attempt {fact.attempt}" if fact.attempt > 1 else ""
    return [
        f"{step.offset_ms:+,.0f} ms", milliseconds(fact.duration_ms),
        bar(start, start + fact.duration_ms / length, _BAR, unicode=unicode),
        tokens_word(fact.input_tokens, fact.output_tokens) if is_model else "",
        cost_word(step.cost_usd, 1, () if step.cost_usd is not None else ("?",)) if is_model else "",
        ", ".join(filter(None, [attempt, failure(fact.failure_mode, fact.error_type) if fact.failed else ""])),
    ]  # fmt: skip
