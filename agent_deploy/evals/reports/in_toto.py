"""A run as an in-toto statement, to be signed (cosign, sigstore) and verified by policy beside the bundle.

Formats: in-toto Statement v1, and its predicate test-result v0.1 (in-toto/attestation, spec/predicates/test-result.md).
The specification calls `warnedTests` those that "passed with warnings". A case that errored did not pass, so it is
among the failed ones; a warning here is a case that passed in some repeats and not in all.
"""

from __future__ import annotations

from typing import Any, Literal

from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.evals.runs import Run

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"

Verdict = Literal["PASSED", "WARNED", "FAILED"]


def statement(run: Run, outcomes: Outcomes, *, fail_under: float | None = None, url: str = "") -> dict[str, Any]:
    """The statement; its subject is the bundle, by its manifest's digest.

    The result is PASSED when every case passed in every repeat. Without `fail_under`, it is FAILED when a case is among
    the failed ones, else WARNED; with it, FAILED when the pass rate is lower or a critical case is among the failed
    ones, else WARNED. Critical cases get no warning: those that did not pass in every repeat have failed.
    """
    passed, warned, failed = _sorted_out(outcomes)
    predicate: dict[str, Any] = {
        "result": _verdict(run, outcomes, warned, failed, fail_under),
        "configuration": [_configuration(run)],
        "passedTests": passed,
        "warnedTests": warned,
        "failedTests": failed,
    }
    if url:
        predicate["url"] = url
    started = run.started
    subject = {"name": f"{started.workflow}@{started.version}", "digest": _sha256(started.digest)}
    return {"_type": STATEMENT, "subject": [subject], "predicateType": PREDICATE, "predicate": predicate}


def _sorted_out(outcomes: Outcomes) -> tuple[list[str], list[str], list[str]]:
    passed: list[str] = []
    warned: list[str] = []
    failed: list[str] = []
    for case, status, critical in zip(outcomes.cases, outcomes.status, outcomes.critical, strict=True):
        if set(status) == {"P"}:
            passed.append(case)
        elif "P" in status and not critical:
            warned.append(case)
        else:
            failed.append(case)
    return passed, warned, failed


def _verdict(run: Run, outcomes: Outcomes, warned: list[str], failed: list[str], fail_under: float | None) -> Verdict:
    if not warned and not failed:
        return "PASSED"
    if fail_under is None:
        return "FAILED" if failed else "WARNED"
    critical = {case for case, is_critical in zip(outcomes.cases, outcomes.critical, strict=True) if is_critical}
    return "FAILED" if run.pass_rate < fail_under or critical.intersection(failed) else "WARNED"


def _configuration(run: Run) -> dict[str, Any]:
    """The eval set as a ResourceDescriptor. Its digest is that of its content (`EvalSet.encoded`), not of the file."""
    started = run.started
    told = {
        "run": started.id,
        "agent": started.agent,
        "origin": started.origin,
        "repeats": started.repeats,
        "passRate": run.pass_rate,
        "results": run.results,
    }
    return {"name": started.set_path, "digest": _sha256(started.set_digest), "annotations": told}


def _sha256(digest: str) -> dict[str, str]:
    return {"sha256": digest.removeprefix("sha256:")}
