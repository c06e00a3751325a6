"""A page as GitHub-flavoured Markdown that foreign text cannot break out of: no markup, no mention, no link."""

from __future__ import annotations

from collections.abc import Sequence

from drills.report.blocks import Block, Chart, Page, Pairs, Point, Section, Table, Timeline, Words
from drills.report.wording import change

_LOUD = frozenset("&<>|`*_[]~\\@#!$:+-=.")
_WIDTH = 40


def markdown(page: Page) -> str:
    """The whole page."""
    parts = [f"# {told(page.title)}", f"**{told(page.lead)}**", *map(_section, page.sections)]
    return "\n\n".join(parts) + "\n"


def told(text: str) -> str:
    """Foreign text on one line, never at its start.

    As it is where nothing in it means anything, else letter by letter in `<code>`: there GitHub, which looks for names,
    links and `:signs:` only after entities are read, makes nothing of them.
    """
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    if all(sign not in _LOUD or _is_quiet(sign, line[:at], line[at + 1 : at + 2]) for at, sign in enumerate(line)):
        return line
    return f"<code>{''.join(f'&#{ord(sign)};' if sign in _LOUD else sign for sign in line)}</code>"


def _is_quiet(sign: str, before: str, after: str) -> bool:
    """Whether a sign is only itself here: in figures, moments, digests and names, or at the end of a word.

    Not where it could begin a list, a link that GitHub makes of `www.`, or one of its `:names:`.
    """
    inside = before[-1:].isalnum() and after.isalnum()
    if sign == ".":
        numbered = before.isdigit() and after in ("", " ")
        return before[-1:].isalnum() and not numbered and before[-3:].lower() != "www"
    if sign == ":":
        return (after in ("", " ") and before[-1:].isalnum()) or (inside and before[-1:].isdigit())
    if sign in "+-":
        return after.isalnum() or not (before or after)
    return sign == "_" and inside


def _section(section: Section) -> str:
    return "\n\n".join([f"## {told(section.heading)}", *map(_block, section.blocks)])


def _block(block: Block) -> str:
    if isinstance(block, Words):
        return _fenced(block.lines) if block.code else "\n".join(map(told, block.lines))
    if isinstance(block, Pairs):
        return _table(("", ""), block.rows)
    if isinstance(block, Table):
        return _table(block.headings, block.rows)
    if isinstance(block, Timeline):
        return _timeline(block)
    return _chart(block)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings)]
    written = [f"| {' | '.join(map(str, line))} |" for line in lines]
    return "\n".join([*written, *(f"| {' | '.join(map(told, row))} |" for row in rows)])


def _timeline(timeline: Timeline) -> str:
    side = max(len(bar.label) for bar in timeline.bars)
    bars = [f"{bar.label.ljust(side)} |{_bar(bar.start, bar.end)}| {bar.words}" for bar in timeline.bars]
    return _fenced([*bars, f"{' ' * side}  {timeline.start} to {timeline.end}"])


def _bar(start: float, end: float) -> str:
    first = min(int(start * _WIDTH), _WIDTH - 1)
    last = max(round(end * _WIDTH), first + 1)
    return f"{' ' * first}{'█' * (last - first)}".ljust(_WIDTH)


def _chart(chart: Chart) -> str:
    """A line a point: `·` where there is no difference, `├──●──┤` the value in its interval."""
    low = min(1.0, *(point.low for point in chart.points))
    high = max(1.0, *(point.high for point in chart.points))
    rows = [f"{point.label} |{_whisker(point, low, high)}| {change(point.value)}" for point in chart.points]
    return f"{told(chart.title)}\n\n{_fenced(rows)}"


def _whisker(point: Point, low: float, high: float) -> str:
    def column(value: float) -> int:
        return round((value - low) / ((high - low) or 1.0) * (_WIDTH - 1))

    cells = [" "] * _WIDTH
    cells[column(1.0)] = "·"
    first, last = column(point.low), column(point.high)
    cells[first : last + 1] = "─" * (last - first + 1)
    cells[first], cells[last] = "├", "┤"
    cells[column(point.value)] = "●"
    return "".join(cells)


def _fenced(lines: Sequence[str]) -> str:
    """Lines as they stand; each begins with words of ours, so none of them can end the fence."""
    return "\n".join(["```text", *("".join(c if c.isprintable() else " " for c in line) for line in lines), "```"])
