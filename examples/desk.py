"""A support desk that answers messages with the version that is live, and is traced: what `agent-deploy serve` is for.

python examples/desk.py --endpoint http://127.0.0.1:4319 --calls 600

The messages are those of the eval set, from two dozen made-up tenants; the "model" is the example's offline agent, so
the tokens on the spans are estimates.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

import yaml

import agent_deploy

sys.path.insert(0, str(Path.cwd()))  # the example's own code, which `agent-deploy init` wrote here
TENANTS = 24


def answer(client: agent_deploy.Client, message: dict[str, str], tenant: str, chance: random.Random) -> None:
    """One call: the model sorts the message, an order is looked up now and then, and some end with a person."""
    from triage.agent import answer as ask_the_model  # type: ignore[import-not-found]

    with client.call("support-triage", tenant=tenant) as call:
        call.input(message["query"])
        with call.model("default") as model:
            reply = ask_the_model(call.bundle, message)
            used = reply.calls[0].usage
            model.usage(input=used.input, output=used.output)
            model.output(reply.output, parsed=reply.output)
        if "card" in message["query"]:
            with call.tool("lookup_order", arguments={"order": message["customer"]}) as tool:
                tool.result({"state": "sent"})
        call.outcome("resolved" if chance.random() < 0.8 else "escalated")


def main() -> None:
    """Answer so many messages as fast as it goes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", required=True, metavar="URL")
    parser.add_argument("--calls", type=int, default=600, metavar="N")
    options = parser.parse_args()
    messages = [case["input"] for case in yaml.safe_load(Path("evals/support-triage.yaml").read_text("utf-8"))["cases"]]
    chance = random.Random(7)
    provider = agent_deploy.instrument(endpoint=options.endpoint)
    with agent_deploy.Client() as client:
        version = client.bundle("support-triage").version
        for number in range(options.calls):
            answer(client, messages[number % len(messages)], f"tenant-{number % TENANTS:02}", chance)
        provider.force_flush()  # type: ignore[attr-defined]
        lost = sum(client.telemetry_dropped().values())
    print(f"desk: answered {options.calls} messages with version {version}; {lost} spans lost", flush=True)


if __name__ == "__main__":
    main()
