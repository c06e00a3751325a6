"""A run as JUnit XML, which every CI system draws.

Format: the schema of Jenkins' xUnit plugin (junit-10.xsd) as others read it: `failure` for a wrong answer, `error` for
none. One testcase a case; with repeats, the first that did not pass speaks for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.comparing import Results, verdict_of
from agent_deploy.evals.reports.wording import answered, reason_of, telling
from agent_deploy.evals.results import Result
from agent_deploy.evals.runs import Run
from agent_deploy.wording import shown
from registry.times import to_text

# Everything that is no Char of XML 1.0 (section 2.2).
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LETTERS = {"passed": "P", "failed": "F", "errored": "E"}
_MOST_LETTERS = 10_000


def junit_xml(run: Run, eval_set: EvalSet, results: Results) -> bytes:
    """The run as a UTF-8 XML file. results: by case, in the order of repeats. Outputs are cut at 10,000 letters."""
    started = run.started
    suite = Xml.Element("testsuite", _attributes(run))
    properties = Xml.SubElement(suite, "properties")
    known = {
        "run": started.id,
        "workflow": started.workflow,
        "version": str(started.version),
        "digest": started.digest,
        "eval_set": started.set_digest,
        "repeats": str(started.repeats),
    }
    for name, value in known.items():
        Xml.SubElement(properties, "property", name=name, value=value)
    counts = {"failure": 0, "error": 0}
    for case in eval_set.cases:
        kind = _add(suite, case, results[case.id], started.workflow)
        if kind:
            counts[kind] += 1
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", str(counts["error"]))
    root = Xml.Element("testsuites", {key: suite.attrib[key] for key in ("tests", "failures", "errors", "time")})
    root.append(suite)
    Xml.indent(root)
    xml: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _attributes(run: Run) -> dict[str, str]:
    started = run.started
    return {
        "name": f"{started.workflow}@{started.version}",
        "tests": str(started.cases),
        "failures": "",
        "errors": "",
        "skipped": "0",
        "time": f"{(run.finished_at - started.started_at).total_seconds():.3f}",
        "timestamp": to_text(started.started_at),
    }


def _add(suite: Xml.Element, case: Case, results: Sequence[Result], workflow: str) -> str:
    """Add a testcase; `failure`, `error`, or empty when every repeat passed."""
    time_s = sum(result.latency_ms for result in results) / 1000
    element = Xml.SubElement(suite, "testcase", classname=workflow, name=_clean(case.id), time=f"{time_s:.3f}")
    worst = telling(results)
    kind = _kind(results)
    if kind:
        passed = sum(result.status == "passed" for result in results)
        repeats = f"{passed} of {len(results)} repeats passed; " if len(results) > 1 else ""
        message = _clean(shown(f"{repeats}{reason_of(worst)}", 500))
        fault = Xml.SubElement(element, kind, message=message, type=worst.error_kind or worst.status)
        fault.text = _clean(_told(case, worst))
    else:
        Xml.SubElement(element, "system-out").text = _clean(shown(answered(worst), _MOST_LETTERS))
    return kind


def _kind(results: Sequence[Result]) -> str:
    verdict = verdict_of("".join(_LETTERS[result.status] for result in results))
    return {"passed": "", "failed": "failure", "flaky": "failure", "errored": "error"}[verdict]


def _told(case: Case, result: Result) -> str:
    lines = {
        "input": shown(case.input, _MOST_LETTERS),
        "expected": shown(case.expected, _MOST_LETTERS),
        "output": shown(answered(result), _MOST_LETTERS),
        "reason": reason_of(result),
    }
    return "\n".join(f"{name}: {value}" for name, value in lines.items())


def _clean(text: str) -> str:
    """Without characters that no XML file may hold, not even escaped."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
