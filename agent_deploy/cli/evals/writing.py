"""Where a file that a command makes goes: to a path, or to stdout for `-`."""

from __future__ import annotations

from pathlib import Path

from agent_deploy.cli.output import emit, say


def write_or_print(where: str, text: str) -> None:
    """Write the text to the file `where`, in place of what is there, and say so; `-` prints it. Raises CannotWrite."""
    if where == "-":
        emit(False, {}, lambda: text.rstrip("\n"))
        return
    from agent_deploy.operations.writing import told_if_unwritten

    path = Path(where)
    with told_if_unwritten(path):
        path.write_text(text, encoding="utf-8")
    say(f"wrote {where}")
