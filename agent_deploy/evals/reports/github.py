"""Pieces of GitHub-flavoured Markdown that foreign text cannot break out of.

Outputs of models are foreign text. They stand in `<code>`, where GitHub makes no mentions and no links to issues, with
every character that means something to Markdown or HTML written as an entity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

MOST_LETTERS = 60_000  # GitHub takes 65,536 in a comment
_ROWS = (200, 100, 50, 20, 10, 5, 2, 0)
_LOUD = frozenset("&<>|`*_[]()~\\@#!$:")


def code(text: str) -> str:
    """Foreign text on one line, shown letter by letter, whatever it says."""
    return f"<code>{''.join(f'&#{ord(c)};' if c in _LOUD else c for c in text)}</code>"


def fitting(render: Callable[[int], str]) -> str:
    """What `render` gives for the largest number of rows a table that leaves it within `MOST_LETTERS`."""
    reports = (render(rows) for rows in _ROWS)
    return next((report for report in reports if len(report) <= MOST_LETTERS), render(0)[:MOST_LETTERS])


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table. Its cells are Markdown, on one line each."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def folded(
    title: str, headings: Sequence[str], cells: Sequence[Sequence[str]], total: int, *, is_open: bool = False
) -> str:
    """A table that folds away under its title and total; the rows that `cells` lacks of it are counted below."""
    left = total - len(cells)
    parts = [
        f"<details{' open' if is_open else ''}><summary>{title}: {total:,}</summary>",
        table(headings, cells) if cells else "",
        f"… and {left:,} more." if left else "",
        "</details>",
    ]
    return "\n\n".join(part for part in parts if part)
