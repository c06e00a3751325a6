"""The page of a drill: what is in it, word by word (golden files), and that foreign text cannot break out of it.

After a change that is meant: `UPDATE_GOLDEN=1 pytest tests/drills/test_reports.py`, and read the difference.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from drills.models import Check, Drill, Phase, ReadersSeen, Times
from drills.report.blocks import Chart
from drills.report.costs import cost_blocks, deltas
from drills.report.html import html
from drills.report.markdown import markdown, told
from drills.report.page import page_of
from registry.models import Evidence
from tests.drills.records import NOON, drill_of

_GOLDEN = Path(__file__).parent / "golden"
_WEEK = timedelta(weeks=1)
_HOSTILE = "</td><script>alert(1)</script>|`@ann` #1 **x** ![i](http://b.example/i.png)\n<img src=x>\u202e ```\x1b[31m"


def _cost(ratio: float) -> dict[str, Any]:
    """As `operations.drill.facts` measures it."""
    return {
        "calls": {
            "baseline": {"version": 2, "calls": 5120, "tokens": {"input": 61440, "output": 9216},
                         "cost_per_1000_calls_usd": "1.840000"},
            "target": {"version": 1, "calls": 61, "tokens": None, "cost_per_1000_calls_usd": None},
            "note": "not enough data: 61 calls of version 1",
        },
        "eval": {"target_run": "run-1", "baseline_run": "run-2", "cases": 60, "ratio": ratio, "low": ratio - 0.04,
                 "high": ratio + 0.05},
    }  # fmt: skip


def _record(drill: Drill) -> Evidence:
    plan = drill.plan
    return Evidence(
        plan.workflow, 17, "drill", plan.id, plan.target.version, plan.target.digest, plan.environment, {}, (),
        plan.actor, drill.ended_at, "sha256:" + "d" * 64, "sha256:" + "e" * 64,
    )  # fmt: skip


def _page(form: str, drill: Drill, *earlier: Drill) -> str:
    page = page_of(drill, _record(drill), earlier)
    return html(page) if form == "html" else markdown(page)


def _succeeded() -> tuple[Drill, ...]:
    """The newest of six weekly drills, and the others, newest first; of one the cost is not known."""
    costs = (1.02, 0.97, None, 1.1, 1.16, 1.18)
    return tuple(
        drill_of(number=number, at=NOON + number * _WEEK, cost=_cost(ratio) if ratio else {})
        for number, ratio in reversed(list(enumerate(costs, 1)))
    )


def _failed() -> tuple[Drill, ...]:
    """A reader was late, so the hold was skipped."""
    good = drill_of()
    phases = tuple(
        Phase(phase.name, phase.started_at, phase.started_at, "skipped", {"why": "a reader did not follow"})
        if phase.name == "hold"
        else Phase(phase.name, phase.started_at, phase.ended_at, "failed" if phase.name == "verify" else "passed")
        for phase in good.phases
    )
    return (
        drill_of(
            "failed_verify", error="1 of 3 readers did not follow within 30 s: web-3", phases=phases,
            time_to_rollback=Times(41.5, 212.0, None, None, None), readers=ReadersSeen(3, 2, ("web-3",)),
            checks=(Check("error rate", "verify", False, "4.1 % of 98", {"calls": 98, "share": 0.041}),), smoke=(),
            mode="rehearsal", shadow="production-drill", trigger="operator", week="",
        ),
    )  # fmt: skip


@pytest.mark.parametrize(("name", "drills"), [("succeeded", _succeeded()), ("failed", _failed())])
@pytest.mark.parametrize(("form", "suffix"), [("html", "html"), ("markdown", "md")])
def test_the_page_reads_word_by_word(name: str, drills: tuple[Drill, ...], form: str, suffix: str) -> None:
    path = _GOLDEN / f"{name}.{suffix}"
    page = _page(form, *drills)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(page, encoding="utf-8")
    assert page == path.read_text(encoding="utf-8")


class _Tags(HTMLParser):
    """Every tag with its attributes, and whether all that were opened are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser.tags


def _hostile(text: str) -> Drill:
    good = drill_of()
    phases = tuple(Phase(p.name, p.started_at, p.ended_at, p.result, {text: text}) for p in good.phases)
    return drill_of(
        "failed_verify", error=text, phases=phases, readers=ReadersSeen(1, 0, (text,)), actor=text, why_target=text,
        checks=(Check(text, "hold", False, text, {text: text}),), cost={text: text, "delta": {text: [text]}},
    )  # fmt: skip


@pytest.mark.parametrize("drills", [_succeeded(), _failed(), (_hostile(_HOSTILE),)])
def test_the_html_asks_for_nothing_and_runs_nothing(drills: tuple[Drill, ...]) -> None:
    page = _page("html", *drills)
    for tag, attributes in _tags(page):
        assert tag not in ("script", "img", "link", "iframe", "object", "form", "a", "base")
        assert not {"src", "href", "onload", "style"} & attributes.keys()
    assert not re.search(r"@import|url\(", page)
    assert "\u202e" not in page
    assert "\x1b" not in page


@given(st.text(max_size=60))
def test_no_text_adds_a_tag_or_a_row_to_the_page(text: str) -> None:
    plain = _tags(_page("html", _hostile("words")))
    assert _tags(_page("html", _hostile(text or "words"))) == plain


@given(st.text(min_size=1, max_size=60))
def test_no_text_becomes_markup_in_markdown(text: str) -> None:
    rendered = MarkdownIt("gfm-like", {"linkify": False}).enable("table").render(f"| a |\n| --- |\n| x{told(text)}x |")
    assert set(re.findall(r"<(\w+)", rendered)) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert rendered.count("<td>") == 1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("see www.b.example", "<code>see www&#46;b&#46;example</code>"),
        ("http://b.example", "<code>http&#58;//b&#46;example</code>"),
        (":bug:", "<code>&#58;bug&#58;</code>"), ("1. one", "<code>1&#46; one</code>"),
        ("- one", "<code>&#45; one</code>"), ("@ann", "<code>&#64;ann</code>"), ("_a_", "<code>&#95;a&#95;</code>"),
        ("at 12:00, +2.0 % (or -3), a_b: sha256:ab.", "at 12:00, +2.0 % (or -3), a_b: sha256:ab."),
    ],
)  # fmt: skip
def test_what_github_would_make_something_of_stands_in_code(text: str, written: str) -> None:
    assert told(text) == written


def test_markdown_pages_are_one_heading_a_section_whatever_foreign_text_says() -> None:
    page = _page("markdown", _hostile(_HOSTILE))
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert [heading.split(" ")[0] for heading in headings] == ["#", *["##"] * 9]
    assert page.count("```") % 2 == 0
    assert set(re.findall(r"<.*?>", page)) == {"<code>", "</code>"}
    assert "@ann" not in page


def test_drawings_are_well_formed_and_name_themselves() -> None:
    drawings = re.findall(r"<svg.*?</svg>", _page("html", *_succeeded()), re.DOTALL)
    titles = [Xml.fromstring(drawing).findtext("title") for drawing in drawings]  # noqa: S314  (our own)
    assert titles == [
        "timeline from 2027-01-04 12:00:00.000Z to 2027-01-04 12:01:04.500Z",
        "Cost of the target over the baseline's, drill by drill: eval",
    ]


def test_every_phase_is_a_bar_within_the_drawing_and_as_long_as_it_took() -> None:
    drawing = Xml.fromstring(re.findall(r"<svg.*?</svg>", _page("html", drill_of()), re.DOTALL)[0])  # noqa: S314
    lanes = [rect for rect in drawing.iter("rect") if rect.get("class") == "lane"]
    bars = [rect for rect in drawing.iter("rect") if rect.get("class") == "good"]
    assert len(lanes) == len(bars) == 11
    start, room = float(lanes[0].attrib["x"]), float(lanes[0].attrib["width"])
    for bar in bars:
        assert (
            start <= float(bar.attrib["x"]) <= float(bar.attrib["x"]) + float(bar.attrib["width"]) <= start + room + 0.1
        )
    hold = bars[7]
    assert float(hold.attrib["width"]) / room == pytest.approx(60.0 / 64.5, abs=0.001)


def test_a_delta_is_found_wherever_the_record_has_one() -> None:
    cost = {"eval": {"ratio": 1.1, "low": 1.0, "high": 1.2}, "calls": {"delta": {"ratio": None, "low": 1, "high": 2}}}
    assert deltas(cost) == {("eval",): (1.1, 1.0, 1.2)}
    assert deltas({"ratio": float("inf"), "low": 1.0, "high": 2.0}) == {}


def test_one_delta_is_no_chart_and_two_are() -> None:
    newest, before = drill_of(number=2, at=NOON + _WEEK, cost=_cost(1.1)), drill_of(cost=_cost(1.0))
    assert not [block for block in cost_blocks(newest, []) if isinstance(block, Chart)]
    (chart,) = [block for block in cost_blocks(newest, [before]) if isinstance(block, Chart)]
    assert [(point.label, point.value) for point in chart.points] == [("2026-11-23", 1.0), ("2026-11-30", 1.1)]


def test_a_drill_that_was_blocked_before_any_phase_has_a_page_too() -> None:
    blocked = drill_of("blocked", error="paused by ann: launch", phases=drill_of().phases[:1], readers=None)
    unheard_of = drill_of("interrupted", phases=drill_of().phases[:1], objective_ms=None)
    for drill in (blocked, unheard_of):
        assert "Readers" in _page("markdown", drill)
        assert _tags(_page("html", drill))
