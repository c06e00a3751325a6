"""`agent-deploy evals add`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import example, json_option
from agent_deploy.cli.output import emit, facts
from registry.errors import BadInput

if TYPE_CHECKING:
    from agent_deploy.operations.evals.add import CaseAdded


@click.command(
    "add",
    epilog=example(
        "agent-deploy evals add evals/support-triage.yaml --input @complaint.json --expected card"
        " --tag card --source complaint:TICKET-123 --redact",
        """agent-deploy evals add evals/support-triage.yaml --input '{"customer": "Ann", "query": "…"}'"""
        """ --expected '{"queue": "card"}'""",
    ),
)
@click.argument("path", metavar="PATH")
@click.option("--input", "given", metavar="VALUE", required=True, help="Text; a JSON object; @FILE, @- for stdin.")
@click.option("--expected", metavar="VALUE", help="What a good answer is, in the same forms.")
@click.option("--id", "case_id", metavar="ID", default="", help="Else one is derived from the input.")
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="May be given several times.")
@click.option("--critical", is_flag=True, help="The case must pass every repeat.")
@click.option("--cluster", metavar="NAME", default="", help="Which cases it resembles.")
@click.option("--source", metavar="KIND:REF", help="Where it came from: complaint:TICKET-123.")
@click.option("--redact", "redacting", is_flag=True, help="Take e-mail, phone, card, IBAN and IP out first.")
@click.option(
    "--region",
    "regions",
    metavar="CC",
    multiple=True,
    default=("US", "GB"),
    show_default=True,
    help="With --redact: a country whose phone numbers may lack the country code.",
)
@json_option
def command(
    path: str, given: str, expected: str | None, case_id: str, tags: tuple[str, ...], critical: bool, cluster: str,
    source: str | None, redacting: bool, regions: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Append a case to an eval set's file.

    In the file's own format, names and order; what is there stays byte for byte. A file that is not there is begun.
    """
    from agent_deploy.evals.adding.naming import Draft
    from agent_deploy.evals.reading.fields import origin_of
    from agent_deploy.operations.evals.add import add

    try:
        origin = None if source is None else origin_of(source)
    except ValueError as error:
        raise BadInput(f"--source: {error}", unchanged="Nothing was written.") from error
    wanted = None if expected is None else _value(expected, "--expected")
    draft = Draft(_value(given, "--input"), wanted, case_id, tags, critical, cluster, origin)
    done = add(Path(path), draft, path, redacting=redacting, regions=regions)
    emit(as_json, _document(done, path), lambda: _text(done, path))


def _value(written: str, option: str) -> Any:
    """An object or list where it is written as JSON or stands in a .json file, else the text."""
    name = written[1:] if written.startswith("@") else ""
    text = _read(name, option).removesuffix("\n") if name else written
    if name.endswith(".json") or (not name and written.lstrip()[:1] in ("{", "[")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadInput(
                f"{option}: begins like JSON and is none: {error}",
                unchanged="Nothing was written.",
                next_command="" if name else f"put it into a file if it is text: {option} @FILE",
            ) from error
    return text


def _read(name: str, option: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"{option}: {name} cannot be read: {error.strerror}", unchanged="Nothing was written."
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{option}: {name} is not UTF-8", unchanged="Nothing was written.") from error


def _document(done: CaseAdded, path: str) -> dict[str, Any]:
    return {
        "path": path,
        "line": done.added.case.line,
        "id": done.added.case.id,
        "created": done.added.created,
        "redacted": None if done.redacted is None else dict(done.redacted),
    }


def _text(done: CaseAdded, path: str) -> str:
    case, created = done.added.case, done.added.created
    counts = [f"{kind} {times}" for kind, times in (done.redacted or {}).items()]
    redacted = "" if done.redacted is None else ", ".join(counts) or "nothing was found"
    unjudged = case.expected is None and not case.scorers  # then not every scorer of a set can do with it
    first = f"agent-deploy evals check {path}" if created or unjudged else f"git diff {path}"
    look = f"{first} && git add {path}"
    said = facts([("redacted", redacted), ("next", look)])
    return f"{path}:{case.line}: added case {case.id!r}{' to a new file' if created else ''}\n{said}"
