"""Results in JUnit XML, as any test runner writes it. A skipped test has no answer: it is errored, never left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as Xml

from agent_deploy.evals.cases import Case, Origin
from agent_deploy.evals.importing.arranging import Entry, Imported, arrange, as_id
from agent_deploy.evals.results import Result, Score
from registry.errors import BadInput


def read_junit(path: Path, data: bytes) -> Imported:
    """Every testcase of the file; its id is `classname.name`. Raises BadInput naming the line."""
    root = _parse(path, data)
    if root.tag not in ("testsuites", "testsuite"):
        raise BadInput(f"{path}:1: <{root.tag}> is not JUnit XML: <testsuites> or <testsuite> is wanted")
    entries = [Entry(_case(element), _result(element)) for element in root.iter("testcase")]
    return arrange("junit", entries, path)


class _WithoutDoctype(Xml.TreeBuilder):
    """Refuses a document type, and with it every entity that could swell or reach out."""

    def doctype(self, *_: str | None) -> None:
        """Called at `<!DOCTYPE`."""
        raise BadInput("has a document type (<!DOCTYPE …>), which JUnit XML has not")


def _parse(path: Path, data: bytes) -> Xml.Element:
    try:
        return Xml.fromstring(data, Xml.XMLParser(target=_WithoutDoctype()))  # noqa: S314  (no document type, no bomb)
    except Xml.ParseError as error:
        raise BadInput(f"{path}:{error.position[0]}: not XML: {error}") from error
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}") from error


def _case(element: Xml.Element) -> Case:
    names = [element.get("classname", ""), element.get("name", "")]
    properties = {found.get("name", ""): found.get("value") or found.text for found in element.iter("property")}
    return Case(
        id=as_id(".".join(name for name in names if name)) or "testcase",
        input=None,
        source=Origin("junit"),
        metadata=properties,
    )


def _result(element: Xml.Element) -> Result:
    output = "\n".join(found.text or "" for found in element.iter("system-out")) or None
    latency_ms = _milliseconds(element.get("time", "0"))
    for tag in ("error", "skipped"):
        if (found := element.find(tag)) is not None:
            error = f"{'skipped: ' if tag == 'skipped' else ''}{_words(found)}"
            return Result("", 0, "errored", output, error=error, error_kind="other", latency_ms=latency_ms)
    failures = element.findall("failure")
    reason = "\n".join(map(_words, failures))
    score = Score("junit", not failures, 0.0 if failures else 1.0, reason)
    return Result("", 0, "failed" if failures else "passed", output, (score,), latency_ms=latency_ms)


def _words(found: Xml.Element) -> str:
    """The message, and below it the text, where there is any."""
    return "\n".join(_parts(found)) or found.get("type") or f"<{found.tag}> without a word"


def _parts(found: Xml.Element) -> Iterator[str]:
    message, text = found.get("message", "").strip(), (found.text or "").strip()
    if message:
        yield message
    if text and text != message:
        yield text


def _milliseconds(seconds: str) -> float:
    """Some write thousands with a comma; what is no number counts as 0."""
    try:
        return max(0.0, float(seconds.replace(",", "")) * 1000)
    except ValueError:
        return 0.0
