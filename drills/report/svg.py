"""Drawings of a page as SVG, within HTML: they scale, print, and name themselves to who cannot see them."""

from __future__ import annotations

from html import escape

from drills.report.blocks import Chart, Timeline
from drills.report.wording import change

_WIDTH, _LABEL, _WORDS = 760, 130, 170
_ROW = 22
_LEAST = 2.0  # so that the shortest phase is seen


def timeline_svg(timeline: Timeline) -> str:
    """A bar a row, from left to right as time went."""
    room = _WIDTH - _LABEL - _WORDS
    height = _ROW * len(timeline.bars) + 26
    parts = [_open(height, f"timeline from {timeline.start} to {timeline.end}")]
    for row, bar in enumerate(timeline.bars):
        y = row * _ROW
        x = _LABEL + bar.start * room
        width = max((bar.end - bar.start) * room, _LEAST)
        parts += [
            _text(_LABEL - 8, y + 15, bar.label, "end"),
            f'<rect class="lane" x="{_LABEL}" y="{y + 3}" width="{room}" height="16"/>',
            f'<rect class="{bar.tone}" x="{min(x, _LABEL + room - width):.1f}" y="{y + 3}" width="{width:.1f}" '
            'height="16"/>',
            _text(_LABEL + room + 8, y + 15, bar.words),
        ]
    foot = _ROW * len(timeline.bars) + 18
    parts += [_text(_LABEL, foot, timeline.start), _text(_LABEL + room, foot, timeline.end, "end"), "</svg>"]
    return "\n".join(parts)


def chart_svg(chart: Chart) -> str:
    """A point and its interval a drill, and a line where there is no difference."""
    height, top, foot = 200, 12, 170
    low = min(1.0, *(point.low for point in chart.points))
    high = max(1.0, *(point.high for point in chart.points))
    step = (_WIDTH - _LABEL - 40) / max(len(chart.points) - 1, 1)

    def y_of(ratio: float) -> float:
        return foot - (ratio - low) / ((high - low) or 1.0) * (foot - top)

    even = y_of(1.0)
    parts = [_open(height, chart.title)]
    parts.append(f'<line class="even" x1="{_LABEL - 20}" y1="{even:.1f}" x2="{_WIDTH}" y2="{even:.1f}"/>')
    for ratio in sorted({low, 1.0, high}):
        parts.append(_text(_LABEL - 28, y_of(ratio) + 4, change(ratio), "end"))
    every = max(1, -(-len(chart.points) // 7))  # so many dates fit below each other's side
    for place, point in enumerate(chart.points):
        x = _LABEL + place * step
        told = f"{point.label}: {change(point.value)} ({change(point.low)} to {change(point.high)})"
        ends = f'y1="{y_of(point.low):.1f}" y2="{y_of(point.high):.1f}"'
        parts += [
            f"<g><title>{escape(told)}</title>",
            f'<line class="interval" x1="{x:.1f}" x2="{x:.1f}" {ends}/>',
            f'<circle class="point" cx="{x:.1f}" cy="{y_of(point.value):.1f}" r="4"/></g>',
        ]
        if place % every == 0:
            parts.append(_text(x, height - 8, point.label, "middle"))
    return "\n".join([*parts, "</svg>"])


def _open(height: int, title: str) -> str:
    return f'<svg role="img" viewBox="0 0 {_WIDTH} {height}" width="100%"><title>{escape(title)}</title>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
