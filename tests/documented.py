"""Every command run once, on a workflow of which all can be told: what docs/json.md is held against."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.commands import call, finish, start
from tests.reference import ROOT
from tests.telemetry.otlp import SECOND_NS, START_NS, Sent, line

PAGE = ROOT / "docs" / "json.md"
_ROW = re.compile(r"^\| `([^`]+)` \| (`.+`) \|$", re.MULTILINE)
_CONFIG = """\
[environments.production.gate]
min_pass_rate = 0.5
[environments.production.drill]
hold_for = "0s"
soak = "0s"
readers = 0
smoke = false
[workflows.support-triage]
source = "workflows/support-triage"
cases = "evals/support-triage.yaml"
agent = "triage.agent:answer"
"""
_JUNIT = '<testsuite><testcase classname="test_triage" name="test_intent"/></testsuite>'
_CALL = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.agent.name": "support-triage"}
_CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5-mini"}
_GROUPS = ("evals", "token", "traces", "drill")
_ONE, _TWO = "support-triage@1", "support-triage@2"


def documented() -> dict[str, tuple[set[str], set[str]]]:
    """Of each command in the table of docs/json.md, the keys that are always there and those that may be."""
    found = {}
    for command, cell in _ROW.findall(
        PAGE.read_text(encoding="utf-8").partition("\n## Keys\n")[2].partition("\n## ")[0]
    ):
        keys = set(re.findall(r"`([^`]+)`", cell))
        optional = {key for key in keys if key.endswith("?")}
        found[command] = keys - optional, {key.removesuffix("?") for key in optional}
    return found


def printed() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each command as the table names it, and what it prints with `--json`; in an empty working directory."""
    yield from _of_versions()
    yield from _of_evals()
    yield from _of_releases()
    yield from _of_traces()
    yield from _of_drills()
    yield _step("verify")
    yield _step("gc")


def _of_versions() -> Iterator[tuple[str, dict[str, Any]]]:
    yield _step("init")
    Path("agent-deploy.toml").write_text(_CONFIG)
    yield _step("doctor")
    yield _step("register", "support-triage")
    yield _step("export", _ONE, "--to", "layout")
    yield _step("import", "layout")
    yield _step("fetch", _ONE, "fetched")
    Path("workflows/support-triage/prompts/classify.md").write_text("Which queue? {{ query }} {{ customer }}")
    call(None, "register", "support-triage")
    yield _step("list")
    yield _step("list", "support-triage", name="list WORKFLOW")
    yield _step("show", _ONE)
    yield _step("diff", _ONE, _TWO)


def _of_evals() -> Iterator[tuple[str, dict[str, Any]]]:
    yield _step("evals", "add", "evals/more.yaml", "--input", "my card is gone", "--expected", "card")
    yield _step("evals", "check", "evals/support-triage.yaml")
    before, after = (call(None, "eval", ref, "--json").document for ref in (_ONE, _TWO))
    yield "eval", after
    yield _step("evals", "history", "support-triage")
    yield _step("evals", "show", after["run"], "--failed")
    yield _step("evals", "diff", before["run"], after["run"])
    yield _step("evals", "rescore", after["run"])
    Path("results.xml").write_text(_JUNIT)
    yield _step("evals", "import", "results.xml", "--version", _ONE)
    yield _step("evals", "export", after["run"], "--in-toto")
    yield _step("evals", "export", after["run"], "--in-toto", "--output", "run.json", name="evals export --output")


def _of_releases() -> Iterator[tuple[str, dict[str, Any]]]:
    yield _step("approve", "support-triage", "--version", "2", "--actor", "bob")
    yield _step("gate", "support-triage", "--version", "2")
    for version in ("1", "2"):
        words = ("--version", version, "--override-gate", "--reason", "a test", "--wait", "0")
        step = _step("promote", "support-triage", *words)
    yield step
    yield _step("promote", "support-triage", "--version", "1", "--dry-run")
    yield _step("evals", "calibrate", "support-triage", "--repeats", "1")
    yield _step("rollback", "support-triage")
    yield _step("status")
    yield _step("history", "support-triage")
    yield _step("deliver")


def _of_traces() -> Iterator[tuple[str, dict[str, Any]]]:
    yield _step("token", "create", "--scope", "ingest")
    yield _step("token", "list")
    token = call(None, "token", "list", "--json").document["tokens"][0]["id"]
    yield _step("token", "revoke", token)
    yield _stopped("serve", "--port", "0", "--no-auth", lines=1)
    ago = (time.time_ns() - START_NS) / SECOND_NS - 60
    spans = (Sent(1, at=ago, attributes=_CALL), Sent(2, 1, at=ago, attributes=_CHAT))
    Path("traces.json").write_bytes(line(*spans))
    yield _step("traces", "import", "traces.json")
    listed = call(None, "traces", "list", "--json").document
    yield "traces list", listed
    yield _step("traces", "show", listed["calls"][0]["call"])
    yield _step("metrics", "support-triage")
    yield _step("cost", "support-triage")
    yield _step("cost", "support-triage", "--compare", "1", "2", name="cost --compare")
    yield _step("traces", "compact")
    yield _step("traces", "prune", "--older-than", "90d")


def _of_drills() -> Iterator[tuple[str, dict[str, Any]]]:
    call(
        None, "promote", "support-triage", "--version", "2", "--override-gate", "--override-hold", "--reason", "a test"
    )
    yield _step("drill", "run", "support-triage", "--dry-run", name="drill run --dry-run")
    drilled = call(None, "drill", "run", "support-triage", "--json").document
    yield "drill run", drilled
    yield _step("drill", "status")
    yield _step("drill", "history", "support-triage")
    yield _step("drill", "show", drilled["drill"])
    yield _step("drill", "pause", "support-triage", "--reason", "launch week")
    yield _step("drill", "resume", "support-triage")
    yield _step("drill", "tick")
    yield _stopped("drill", "daemon", lines=2)
    yield _step("drill", "schedule", "--print", "cron")


def _step(*words: str, name: str = "") -> tuple[str, dict[str, Any]]:
    """name: of the row, else the words up to the first that is an argument."""
    return name or _named(words), call(None, *words, "--json").document


def _stopped(*words: str, lines: int) -> tuple[str, dict[str, Any]]:
    """A command that runs until it is told to stop: once it has said so many lines on stderr."""
    process = start(None, *words, "--json")
    assert process.stderr is not None
    for _ in range(lines):
        process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    return _named(words), json.loads(finish(process).out)


def _named(words: tuple[str, ...]) -> str:
    return " ".join(words[: 2 if words[0] in _GROUPS else 1])
