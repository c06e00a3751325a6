"""What a person or a machine reads: data on stdout, talk on stderr, colour on a terminal only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click

from agent_deploy.errors import CannotWrite


def emit(as_json: bool, document: dict[str, Any], text: Callable[[], str]) -> None:
    """Print the document as one JSON object, or the text for people."""
    _print(_json(document) if as_json else text())


def _json(document: dict[str, Any]) -> str:
    """Readable where stdout can say it, else the same in ASCII."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return text if _sayable(text) == text else json.dumps(document, indent=2)


def _sayable(text: str) -> str:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"  # a closed stdout (`>&-`) is None
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _print(text: str) -> None:
    """Print to stdout. Whoever reads may stop (`| head`): what is done stays done, and the exit code says so.

    Raises CannotWrite where stdout is a file on a full disk.
    """
    try:
        click.echo(_sayable(text), color=_coloured())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise CannotWrite(
                f"the output cannot be written: {error.strerror}",
                unchanged="What the command did before that stays done.",
                next_command="agent-deploy status",
            ) from error


def _coloured() -> bool | None:
    """False where nobody wants colours (no-color.org) or the terminal knows none; None: on a terminal alone."""
    return False if os.environ.get("NO_COLOR") or _is_dumb() else None


def _is_dumb() -> bool:
    return os.environ.get("TERM") == "dumb"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned by their longest cell, two spaces apart; headings dim on a terminal."""
    plain = [[_plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *plain, strict=True)]
    lines = [_line(headings, widths), *(_line(row, widths) for row in plain)]
    return "\n".join([click.style(lines[0], dim=True), *lines[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _plain(text: str) -> str:
    """On one line, and without what would steer the terminal: others wrote these words."""
    return "".join(character if character.isprintable() else " " for character in text)


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Indented `name  value` lines, the values aligned; a pair without a value is left out."""
    told = [(_plain(name), _plain(value)) for name, value in pairs if value]
    width = max((len(name) for name, _ in told), default=0)
    return "\n".join(f"  {click.style(name.ljust(width), dim=True)}  {value}" for name, value in told)


def moment(at: datetime) -> str:
    """`2026-11-23 22:55:00Z`, the same in every time zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def short(digest: str) -> str:
    """The first twelve hex digits of a digest: enough for a ref."""
    return digest[: len("sha256:") + 12]


def count(number: int, noun: str) -> str:
    """`1 reader`, `2 readers`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def say(line: str) -> None:
    """Talk to the person, on stderr. Nobody there to hear it changes nothing."""
    with suppress(OSError):
        click.echo(line, err=True, color=_coloured())


def progress(line: str) -> None:
    """Rewrite one line on stderr, on a terminal that can do that; an empty line wipes it."""
    if sys.stderr and sys.stderr.isatty() and not _is_dumb():
        click.echo(f"\r\x1b[2K{line}", err=True, nl=False)


def tell_error(message: str, unchanged: str, next_command: str) -> None:
    """An error in up to three lines: what happened, what did not change, what to type next."""
    say(f"{click.style('error:', fg='red', bold=True)} {message}")
    if unchanged:
        say(f"  {unchanged}")
    if next_command:
        say(f"  {click.style('next:', dim=True)} {next_command}")


def emit_error(code: int, message: str, unchanged: str, next_command: str) -> None:
    """The same error as one JSON object on stdout, if that can be written to."""
    error = {"exit_code": code, "message": message, "unchanged": unchanged, "next_command": next_command}
    with suppress(CannotWrite):
        _print(_json({"error": error}))
