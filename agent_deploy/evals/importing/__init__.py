"""Results of other tools: promptfoo, Inspect, JUnit XML. Each has a module; what they have in common is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, get_args

from agent_deploy.evals.importing.arranging import Imported
from registry.errors import BadInput

Format = Literal["promptfoo", "inspect", "junit"]
FORMATS: tuple[Format, ...] = get_args(Format)


def read_results_file(path: Path, format_: Format | None = None, column: int | None = None) -> Imported:
    """The results in a file, every one of them.

    format_: as it looks when left out. column: of a promptfoo file that compares prompts or providers, the one to take
    (1, 2, 3…). Raises BadInput naming file and place.
    """
    data = _bytes(path)
    kind = format_ or _looks_like(path, data)
    if column is not None and kind != "promptfoo":
        raise BadInput(f"{path}: --column is for files of promptfoo; this one is {kind}")
    return _readers(column)[kind](path, data)


def _readers(column: int | None) -> Mapping[Format, Callable[[Path, bytes], Imported]]:
    from agent_deploy.evals.importing.inspect_ai import read_inspect
    from agent_deploy.evals.importing.junit import read_junit
    from agent_deploy.evals.importing.promptfoo import read_promptfoo

    return {
        "promptfoo": lambda path, data: read_promptfoo(path, data, column),
        "inspect": read_inspect,
        "junit": read_junit,
    }


def _looks_like(path: Path, data: bytes) -> Format:
    if path.suffix == ".eval":
        return "inspect"
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return "junit"
    if start.startswith(b"{") and b'"results"' in data and b'"promptIdx"' in data:
        return "promptfoo"
    if start.startswith(b"{") and b'"samples"' in data and b'"eval"' in data:
        return "inspect"
    raise BadInput(
        f"{path}: neither JSON of promptfoo or Inspect, nor an .eval log, nor JUnit XML",
        next_command=f"the same with --format {'|'.join(FORMATS)}",
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
