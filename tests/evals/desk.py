"""A working directory with a configuration, an eval set, an agent in Python and two versions of a workflow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_deploy.evals.recording import list_runs, read_results
from agent_deploy.evals.results import Result
from agent_deploy.evals.runs import STARTED, Run
from registry.evidence import list_evidence
from registry.registry import Registry
from tests.builders import UNGATED, WORKFLOW, add_version, open_registry

# It notes every question that reaches it. An input is what it is told to do; the prompt says which version asks.
AGENT = """\
import os, pathlib, time

from agent_deploy.evals import ModelCall, Reply, Usage

ASKED = pathlib.Path(__file__).with_name("asked")


def answer(bundle, said):
    with ASKED.open("a") as file:
        file.write(f"{bundle.version} {said}\\n")
    time.sleep(float(os.environ.get("NAP_S", "0")))
    word, _, rest = said.partition(" ")
    if word == "raise":
        raise ValueError(rest)
    if word == "die":
        os._exit(3)
    if word == "hang":
        time.sleep(60)
    if word == "set":
        return {rest}
    if word == "dear":
        return Reply(rest, (ModelCall("openai", "gpt-5-mini", Usage(input=1_000_000, output=0)),))
    if word == "waver":  # right the first time, wrong the next, and so on
        return rest if ASKED.read_text().count(f" {said}\\n") % 2 else "wrong"
    if word == "only":
        return rest if bundle.version == 2 else "not me"
    return rest
"""

CONFIG = f"""\
[workflows.{WORKFLOW}]
cases = "evals/set.jsonl"
agent = "agent:answer"
[workflows.{WORKFLOW}.eval]
attempts = 1
"""

Cases = Sequence[Mapping[str, Any]]


def case(id_: str, said: str, expected: str, **more: Any) -> dict[str, Any]:
    """A row of the eval set."""
    return {"id": id_, "input": said, "expected": expected, **more}


def echoes(count: int, right: int | None = None) -> list[dict[str, Any]]:
    """Cases of which so many are right, all by default."""
    right = count if right is None else right
    return [case(f"c{n:03}", f"say {n}", str(n) if n < right else "else") for n in range(count)]


@dataclass
class Desk:
    """The working directory, and the registry in it."""

    folder: Path
    registry: Registry = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.registry = open_registry(self.folder)
        (self.folder / "agent.py").write_text(AGENT)
        self.configure()
        for number in (1, 2):
            add_version(self.registry, number)

    def configure(self, more: str = "", *, gated: bool = False) -> None:
        """Write agent-deploy.toml. more: at its end, under [workflows.….eval]."""
        (self.folder / "agent-deploy.toml").write_text(CONFIG + more + ("" if gated else f"\n{UNGATED}"))

    def write_cases(self, cases: Cases, name: str = "evals/set.jsonl") -> Path:
        """Write the eval set."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{json.dumps(row)}\n" for row in cases))
        return path

    def asked(self) -> list[str]:
        """What the agent was asked so far: version and input, in order."""
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []

    def runs(self) -> list[Run]:
        """The finished runs on record, newest start first."""
        with self.registry.database.read() as connection:
            return [run for run in list_runs(connection, WORKFLOW) if isinstance(run, Run)]

    def started(self) -> list[str]:
        """The ids of the runs that are on record, complete or not."""
        with self.registry.database.read() as connection:
            return [record.subject for record in list_evidence(connection, WORKFLOW, kind=STARTED)]

    def results(self, run: Run) -> list[Result]:
        """Its results, by case and repeat."""
        return list(read_results(self.registry, run))

    def journals(self) -> list[Path]:
        """The journals of runs that are not complete."""
        return sorted((self.folder / ".agent-deploy" / "runs").glob("*.jsonl"))
