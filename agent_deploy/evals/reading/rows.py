"""Cases as a file has them, before anything is known of their fields; and the faults found on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_FAULTS = 50
MOST_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and in which line (1, 2, 3…)."""

    line: int
    message: str


class Faults:
    """Those found so far, in the order found; past `MOST_FAULTS` they are no longer kept."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, line: int, message: str) -> None:
        """Keep one more."""
        if len(self.found) < MOST_FAULTS:
            self.found.append(Fault(line, message))


class Unreadable(Exception):
    """The file cannot be read beyond this line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(line, message)


@dataclass(frozen=True, slots=True)
class Row:
    """A mapping and where it stands. lines: those of its keys, where the format tells them."""

    line: int
    values: dict[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, key: str) -> int:
        """The line of a key, or the row's own."""
        return self.lines.get(key, self.line)


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file: a row a case, and what a mapping around the cases says besides them."""

    rows: list[Row]
    head: Row = field(default_factory=lambda: Row(1, {}))


# The key whose value is the list of cases: ours, promptfoo's, Inspect's.
CASES_KEYS = ("cases", "tests", "dataset")


def decode(data: bytes) -> str:
    """The file's text, without a byte order mark (Excel writes one). Raises Unreadable where it is not UTF-8 text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8") from error
    at = text.find("\0")
    if at >= 0:
        raise Unreadable(text.count("\n", 0, at) + 1, "holds a NUL character; save the file as UTF-8 text")
    return text
