"""A team's own checks, asked: a command that exits with 0, or a URL that answers with 2xx."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from drills.models import Check, DrillPlan, PhaseName
from drills.policy import CheckSpec

_MOST_DETAIL = 200


def ask_check(spec: CheckSpec, plan: DrillPlan, phase: PhaseName, folder: Path) -> Check:
    """One look. folder: where commands run. Whatever goes wrong is a check that does not hold, told in its detail."""
    started = time.monotonic()
    try:
        ok, detail, sample = _command(spec, plan, phase, folder) if spec.command else _url(spec)
    except Exception as error:  # noqa: BLE001 - a check that cannot be asked does not hold
        ok, detail, sample = False, f"{type(error).__name__}: {error}", {}
    took_ms = round((time.monotonic() - started) * 1000, 1)
    return Check(spec.name, phase, ok, _line(detail), {**sample, "took_ms": took_ms})


def _command(spec: CheckSpec, plan: DrillPlan, phase: PhaseName, folder: Path) -> tuple[bool, str, Mapping[str, Any]]:
    """Run without a shell, in a group of its own, so that at the time limit nothing of it stays behind."""
    process = subprocess.Popen(
        spec.command, cwd=folder, env=os.environ | _surroundings(plan, phase), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=spec.timeout.total_seconds())
    except subprocess.TimeoutExpired:
        return False, f"no end within {spec.timeout.total_seconds():g} s", {}
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    code = process.returncode
    return code == 0, last or f"exit code {code}", {"exit_code": code}


def _surroundings(plan: DrillPlan, phase: PhaseName) -> dict[str, str]:
    """What a check may want to know, as variables."""
    return {
        "AGENT_DEPLOY_DRILL": plan.id,
        "AGENT_DEPLOY_DRILL_PHASE": phase,
        "AGENT_DEPLOY_DRILL_WORKFLOW": plan.workflow,
        "AGENT_DEPLOY_DRILL_ENVIRONMENT": plan.place,
        "AGENT_DEPLOY_DRILL_BASELINE": str(plan.baseline.version),
        "AGENT_DEPLOY_DRILL_TARGET": str(plan.target.version),
    }


def _url(spec: CheckSpec) -> tuple[bool, str, Mapping[str, Any]]:
    import httpx2

    answer = httpx2.get(spec.url, timeout=spec.timeout.total_seconds(), follow_redirects=True)
    return answer.is_success, f"{answer.status_code} {answer.reason_phrase}", {"status": answer.status_code}


def _line(text: str) -> str:
    return " ".join(text.split())[:_MOST_DETAIL]
