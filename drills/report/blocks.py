"""What a page consists of, whatever it is written as. All text in it is plain, and foreign: a writer escapes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "bad", "idle"]


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph. lines: its lines, each with a break behind it. code: whether they are commands."""

    lines: tuple[str, ...]
    code: bool = False


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and values, one below the other."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time. start, end: shares of the whole, 0 to 1. words: how long, and what came of it."""

    label: str
    start: float
    end: float
    words: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bars below each other, on one scale. start, end: what its two ends are, in words."""

    bars: tuple[Bar, ...]
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Point:
    """A ratio and its interval; 1.0 is no difference."""

    label: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Points from left to right, oldest first. title: what is drawn, in words."""

    title: str
    points: tuple[Point, ...]


Block = Words | Pairs | Table | Timeline | Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page. tone: of its lead, the sentence that says what came of it all."""

    title: str
    lead: str
    tone: Tone
    sections: tuple[Section, ...]
