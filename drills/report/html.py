"""A page as one HTML file: it asks for nothing else, runs nothing, and prints well. Foreign text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from drills.report.blocks import Block, Chart, Page, Pairs, Section, Table, Timeline, Words
from drills.report.svg import chart_svg, timeline_svg

# Even if something foreign got through, a browser would neither run nor fetch it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """\
:root { color-scheme: light dark; --ink: #1c2128; --soft: #656d76; --line: #d0d7de; --lane: #f3f5f7; --page: #fff;
  --good: #1a7f37; --bad: #cf222e; --idle: #8c959f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --lane: #1b2129;
  --page: #0d1117; --good: #3fb950; --bad: #f85149; --idle: #6e7681; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid var(--line); }
.lead { padding: .6rem .9rem; border-left: .35rem solid var(--idle); background: var(--lane); font-weight: 600; }
.lead.good { border-color: var(--good); } .lead.bad { border-color: var(--bad); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0; } td, th { text-align: left; vertical-align: top;
  padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
pre { background: var(--lane); padding: .6rem .9rem; overflow-x: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); } svg .lane { fill: var(--lane); }
svg .good { fill: var(--good); } svg .bad { fill: var(--bad); } svg .idle { fill: var(--idle); }
svg .even { stroke: var(--soft); stroke-dasharray: 4 4; } svg .interval { stroke: var(--idle); stroke-width: 3; }
svg .point { fill: var(--ink); }
@media print { :root { --ink: #000; --page: #fff; --lane: #f3f5f7; --line: #bbb; } body { margin: 0; max-width: none;
  font-size: 10pt; } section, svg, tr { break-inside: avoid; } h2 { break-after: avoid; } a { color: inherit; }
  svg rect, .lead { print-color-adjust: exact; } }
"""


def html(page: Page) -> str:
    """The whole file, UTF-8."""
    return "\n".join([
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_told(page.title)}</title>",
        f"<style>\n{_STYLE}</style>",
        "</head>",
        "<body>",
        f"<h1>{_told(page.title)}</h1>",
        f'<p class="lead {page.tone}">{_told(page.lead)}</p>',
        *map(_section, page.sections),
        "</body>",
        "</html>",
        "",
    ])  # fmt: skip


def _section(section: Section) -> str:
    return "\n".join(["<section>", f"<h2>{_told(section.heading)}</h2>", *map(_block, section.blocks), "</section>"])


def _block(block: Block) -> str:
    if isinstance(block, Words):
        return f"<pre>{_lines(block.lines)}</pre>" if block.code else f"<p>{'<br>'.join(map(_told, block.lines))}</p>"
    if isinstance(block, Pairs):
        rows = [f'<tr><th scope="row">{_told(name)}</th><td>{_told(value)}</td></tr>' for name, value in block.rows]
        return _wide(rows)
    if isinstance(block, Table):
        return _table(block.headings, block.rows)
    if isinstance(block, Timeline):
        return timeline_svg(block)
    assert isinstance(block, Chart)  # noqa: S101  (there is no other block)
    return f"<p>{_told(block.title)}</p>\n{chart_svg(block)}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{_told(heading)}</th>' for heading in headings)
    body = [f"<tr>{''.join(f'<td>{_told(cell)}</td>' for cell in row)}</tr>" for row in rows]
    return _wide([f"<tr>{head}</tr>", *body])


def _wide(rows: Sequence[str]) -> str:
    return "\n".join(['<div class="wide"><table>', *rows, "</table></div>"])


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(map(_told, lines))


def _told(text: str) -> str:
    """Escaped, and without control characters, bidirectional marks among them: others wrote these words."""
    return escape("".join(c if c.isprintable() else " " for c in text))
