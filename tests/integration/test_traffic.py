"""Traces end to end: an application's 2,000 calls through the real SDK and exporter into `serve`, with a rollback in
the middle, injected failures, and a receiver that is killed; the facts agree exactly with what the application counted.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import agent_deploy as package
from registry.registry import Registry
from registry.stores import open_store
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW
from tests.commands import COMMAND

pytestmark = pytest.mark.slow

_CALLS = 2000
_ROOT = Path(package.__file__).parents[1]
_BESIDE = _ROOT.parent / "shared" / "data" / "banking77"


def _messages() -> list[str]:
    """Real customers' queries where BANKING77 lies (or a few of our own)."""
    path = Path(os.environ.get("BANKING77", _BESIDE)) / "test.csv"
    if not path.is_file():
        return [f"Where is the parcel that I ordered {days} days ago?" for days in range(1, 60)]
    with path.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


@contextmanager
def _served(port: int = 0) -> Iterator[tuple[str, int, subprocess.Popen[str]]]:
    """`agent-deploy serve` in a process of its own: its endpoint, port and process."""
    process = subprocess.Popen([*COMMAND, "serve", "--port", str(port), "--json"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        url = _started(process)["url"]
        yield url.removesuffix("/v1/traces"), int(url.split(":")[2].split("/")[0]), process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        assert process.stdout is not None
        process.stdout.close()


def _started(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.rstrip() == "}":
            break
    document: dict[str, Any] = json.loads(text)
    return document


def _app(*words: str) -> dict[str, Any]:
    """Run the application to its end; what it counted."""
    command = [sys.executable, "-m", "tests.integration.traffic_app", *words]
    environ = os.environ | {
        "PYTHONPATH": str(_ROOT),
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_BSP_MAX_QUEUE_SIZE": "20000",
    }
    done = subprocess.run(
        command, input=json.dumps(_messages()), capture_output=True, text=True, timeout=300, check=False, env=environ
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _facts(here: Path, version: int) -> dict[str, Any]:
    """The same counts, off the facts."""
    from agent_deploy.telemetry.facts.query import facts_connection

    folder = here / ".agent-deploy"
    with facts_connection(open_store(str(folder)), folder / "facts") as connection:

        def pairs(sql: str) -> dict[str, int]:
            return dict(connection.execute(f"{sql} GROUP BY 1", [version]).fetchall())

        row = connection.execute(
            "SELECT count(*), count(*) FILTER (failed), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), "
            "sum(model_calls), sum(tool_calls), sum(retries) FROM calls WHERE version = ?", [version],
        ).fetchone()  # fmt: skip
        assert row is not None
        names = ("calls", "failed", "input", "output", "cache_read", "model_calls", "tool_calls", "retries")
        return {
            **{name: int(value) for name, value in zip(names, row, strict=True)},
            "tenants": pairs("SELECT tenant, count(*) FROM calls WHERE version = ?"),
            "outcomes": pairs("SELECT outcome, count(*) FROM calls WHERE version = ? AND outcome <> ''"),
            "modes": pairs("SELECT failure_mode, count(*) FROM calls WHERE version = ? AND failed"),
        }


@pytest.fixture
def traffic(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> dict[str, Any]:
    """Versions 1 and 2 of the example; 2 is live. A token for the application."""
    (here / "agent-deploy.toml").unlink()
    agent_deploy("init")
    config = here / "agent-deploy.toml"
    config.write_text(config.read_text().replace("max_regression = 0.10", "required = false\nmax_regression = 0.10"))
    agent_deploy("register", WORKFLOW)
    agent_deploy("promote", WORKFLOW, "--version", "1")
    prompt = here / "workflows/support-triage/prompts/classify.md"
    prompt.write_text(prompt.read_text().replace("Which queue", "Say which queue"))
    agent_deploy("register", WORKFLOW)
    assert agent_deploy("promote", WORKFLOW, "--version", "2").code == 0
    return agent_deploy("token", "create", "--scope", "ingest", "--json").document


def test_the_facts_agree_exactly_with_what_the_application_counted(
    traffic: dict[str, Any], here: Path, agent_deploy: AgentDeploy
) -> None:
    words = ("--token", traffic["token"], "--calls", str(_CALLS), "--rollback-at", str(_CALLS // 2))
    with _served() as (endpoint, _, _):
        counted = _app("--endpoint", endpoint, *words)
    assert set(counted["versions"]) == {"1", "2"}
    assert sum(version["calls"] for version in counted["versions"].values()) == _CALLS
    assert not any(counted["dropped"].values())
    for version, counts in counted["versions"].items():
        assert _facts(here, int(version)) == counts
    cost = agent_deploy("cost", WORKFLOW, "--by", "version", "--json")
    assert cost.code == 0
    compared = agent_deploy("cost", WORKFLOW, "--compare", "1", "2", "--json").document
    assert compared["verdict"] == "dearer"
    assert compared["cost_per_call"]["low"] > 1
    assert agent_deploy("metrics", WORKFLOW, "--json").code == 0


def test_what_was_acknowledged_survives_a_receiver_that_is_killed(
    traffic: dict[str, Any], here: Path, agent_deploy: AgentDeploy
) -> None:
    words = ("--token", traffic["token"], "--calls", "300")
    with _served() as (endpoint, port, process):
        first = _app("--endpoint", endpoint, *words, "--seed", "1")
        process.kill()
        process.wait(timeout=30)
    with _served(port) as (endpoint, _, _):
        second = _app("--endpoint", endpoint, *words, "--seed", "2")
    both = [run["versions"]["2"] for run in (first, second)]
    assert _facts(here, 2)["calls"] == sum(counts["calls"] for counts in both)
    assert _facts(here, 2)["input"] == sum(counts["input"] for counts in both)
    assert agent_deploy("traces", "compact").code == 0
    assert _facts(here, 2)["calls"] == sum(counts["calls"] for counts in both)
