"""Scorers of text: exact, contains, starts_with, regex, one_of."""

from __future__ import annotations

import re
from typing import Any

from agent_deploy.evals.cases import Case
from agent_deploy.evals.results import Reply
from agent_deploy.evals.scorers.findings import RIGHT, Check, Finding, Wanted, shown, text_of, wrong
from agent_deploy.evals.scorers.json_values import difference
from agent_deploy.evals.scorers.options import Options, is_text

_AROUND = 20
_SHORT = 60


def exact(options: Options) -> Check:
    """The output is the expected value: text as text, anything else as JSON."""
    ignore_case, strip = options.flag("ignore_case"), options.flag("strip", True)
    wanted = options.wanted()

    def find(case: Case, reply: Reply) -> Finding:
        expected = wanted.of(case)
        if not (isinstance(expected, str) and isinstance(reply.output, str)):
            return _finding(difference(expected, reply.output))
        one, other = (prepared(text, ignore_case, strip) for text in (expected, reply.output))
        return RIGHT if one == other else wrong(contrast(one, other))

    return options.check(find, wanted)


def contains(options: Options) -> Check:
    """The output holds the text; of several all of them, or any. Negated, it holds none."""
    texts = options.texts(options.value("value"))
    any_will_do = options.choice("match", ("all", "any"), "any" if options.negated else "all") == "any"
    ignore_case = options.flag("ignore_case")

    def find(_case: Case, reply: Reply) -> Finding:
        output = prepared(text_of(reply.output), ignore_case)
        held = [text for text in texts if prepared(text, ignore_case) in output]
        lacking = [text for text in texts if text not in held]
        if held and (any_will_do or not lacking):
            return Finding(True, 1.0, f"holds {_listed(held)}" if options.negated else "")
        return wrong(f"does not hold {_listed(lacking)}")

    return options.check(find)


def starts_with(options: Options) -> Check:
    """The output begins with the text, leading white space aside."""
    (text,) = options.texts(options.text("value"))
    ignore_case = options.flag("ignore_case")

    def find(_case: Case, reply: Reply) -> Finding:
        output = text_of(reply.output).lstrip()
        if prepared(output, ignore_case).startswith(prepared(text, ignore_case)):
            return RIGHT
        return wrong(f"begins with {shown(output, len(text) + _AROUND)}, not with {shown(text)}")

    return options.check(find)


def regex(options: Options) -> Check:
    """The pattern matches somewhere in the output, or, with `full`, the whole of it."""
    pattern = options.main("pattern")
    if not isinstance(pattern, str):
        raise options.fault(f"its value must be a regular expression, not {shown(pattern)}")
    try:
        compiled = re.compile(pattern, re.IGNORECASE if options.flag("ignore_case") else 0)
    except (re.error, OverflowError, RecursionError) as error:
        raise options.fault(f"{shown(pattern)} is not a regular expression: {error}") from error
    match = compiled.fullmatch if options.flag("full") else compiled.search

    def find(_case: Case, reply: Reply) -> Finding:
        found = match(text_of(reply.output))
        if found:
            return Finding(True, 1.0, f"holds {shown(found.group())}" if options.negated else "")
        return wrong(f"does not match {shown(pattern)}")

    return options.check(find)


def one_of(options: Options) -> Check:
    """The output is one of the texts."""
    wanted = options.wanted(_are_texts, "a list of texts")
    ignore_case, strip = options.flag("ignore_case"), options.flag("strip", True)

    def find(case: Case, reply: Reply) -> Finding:
        texts = wanted.of(case)
        output = prepared(text_of(reply.output), ignore_case, strip)
        if output in [prepared(text, ignore_case, strip) for text in texts]:
            return RIGHT
        return wrong(f"{shown(reply.output)} is none of {_listed(texts)}")

    return options.check(find, wanted)


def wanted_text(options: Options) -> Wanted:
    """The text that an output is compared with."""
    return options.wanted(is_text, "text")


def prepared(text: str, ignore_case: bool = False, strip: bool = False) -> str:
    """The text as it is compared."""
    text = text.strip() if strip else text
    return text.casefold() if ignore_case else text


def contrast(expected: str, output: str) -> str:
    """What differs, in one line: short texts whole, long ones around the first difference."""
    if len(expected) <= _SHORT and len(output) <= _SHORT:
        return f"expected {shown(expected)}, got {shown(output)}"
    at = next((i for i, (a, b) in enumerate(zip(expected, output, strict=False)) if a != b), None)
    at = min(len(expected), len(output)) if at is None else at
    start = max(0, at - _AROUND)
    return f"differs at char {at}: expected {_from(expected, start)}, got {_from(output, start)}"


def _from(text: str, start: int) -> str:
    return ("…" if start else "") + shown(text[start:], 2 * _AROUND)


def _finding(differs: str) -> Finding:
    return wrong(differs) if differs else RIGHT


def _listed(texts: Any) -> str:
    return ", ".join(shown(text) for text in texts)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(text, str) for text in value)
