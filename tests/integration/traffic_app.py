"""An application as a team would write it: it answers messages with the bundle that is live, traced, and keeps count.

python -m tests.integration.traffic_app --calls 2000 --endpoint URL --token T --rollback-at 1000 < messages.json
It prints, as JSON, what it itself counted: the facts kept by `agent-deploy serve` have to agree exactly.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections import Counter, defaultdict
from contextlib import suppress
from typing import Any

import agent_deploy

_TENANTS = tuple(f"tenant-{number}" for number in range(24))
_MODES = {"timeout": TimeoutError, "downstream_error": ConnectionError}
Counts = dict[str, Any]


def answer(client: agent_deploy.Client, text: str, number: int, chance: random.Random, counts: Counts) -> None:
    """One call: retrieval, a model request that may be tried again, sometimes a tool, and what came of it."""
    tenant = _TENANTS[number % len(_TENANTS)]
    fault = chance.choice([None] * 8 + ["timeout", "downstream_error"])
    with client.call("support-triage", tenant=tenant, request_id=f"r-{number}", user=f"u-{number % 50}") as call:
        version = str(call.bundle.version)
        mine = counts.setdefault(version, {"calls": 0, "failed": 0, "outcomes": Counter(), "modes": Counter(),
                                           "tenants": Counter(), "input": 0, "output": 0, "cache_read": 0,
                                           "model_calls": 0, "tool_calls": 0, "retries": 0})  # fmt: skip
        mine["calls"] += 1
        mine["tenants"][tenant] += 1
        call.input(text)
        call.retrieved([{"title": "refund policy"}])
        _ask(call, text, chance, mine)
        if fault:
            mine["failed"] += 1
            mine["modes"][fault] += 1
            raise _MODES[fault](f"injected into call {number}")
        if number % 3 == 0:
            mine["tool_calls"] += 1
            with call.tool("lookup_order", arguments={"order": str(number)}) as tool:
                tool.result({"state": "sent"})
        outcome = "resolved" if number % 4 else "escalated"
        mine["outcomes"][outcome] += 1
        call.confidence(0.5 + chance.random() / 2)
        call.outcome(outcome)


def _ask(call: agent_deploy.Call, text: str, chance: random.Random, mine: Counts) -> None:
    for attempt in (1, 2) if chance.random() < 0.1 else (1,):
        used = {"input": 200 * call.bundle.version + len(text), "output": 20 + len(text) % 7, "cache_read": 64}
        for name, tokens in used.items():
            mine[name] += tokens
        mine["model_calls"] += 1
        mine["retries"] += attempt > 1
        with call.model("default", attempt=attempt) as model:
            model.usage(**used)
            model.output('{"queue": "card"}', parsed={"queue": "card"})


def main() -> None:
    """Answer all the messages, roll back in the middle, tell what was counted."""
    parser = argparse.ArgumentParser()
    for name in ("--calls", "--rollback-at", "--seed"):
        parser.add_argument(name, type=int, default=-1)
    parser.add_argument("--endpoint")
    parser.add_argument("--token")
    options = parser.parse_args()
    messages = json.load(sys.stdin)
    chance = random.Random(options.seed)
    provider = agent_deploy.instrument(endpoint=options.endpoint, token=options.token)
    counts: Counts = defaultdict(dict)
    with agent_deploy.Client(poll_interval=0.1, cache=False) as client:
        for number in range(options.calls):
            if number == options.rollback_at:
                roll_back(client)
            with suppress(*_MODES.values()):
                answer(client, messages[number % len(messages)], number, chance, counts)
        dropped = client.telemetry_dropped()
        provider.force_flush()  # type: ignore[attr-defined]
        dropped |= client.telemetry_dropped()
    json.dump({"versions": counts, "dropped": dropped}, sys.stdout)


def roll_back(client: agent_deploy.Client) -> None:
    """As the one on call would, from another process; this one follows by itself."""
    command = [sys.executable, "-c", "from agent_deploy.cli.main import main; main()", "rollback", "support-triage"]
    subprocess.run(command, check=True, capture_output=True)
    client.refresh()


if __name__ == "__main__":
    main()
