"""Bundles of a realistic size and text: support triage, its few-shot prompts made of real customers' messages.

The data is BANKING77 (Casanueva et al., 2020; CC BY 4.0): `train.csv`, columns text and category. Where it lies is
said by BANKING77, else it is looked for beside the repository, in `shared/data/banking77`.
"""

from __future__ import annotations

import csv
import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

from registry.registry import Registry
from registry.source import read_source
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, write_bundle

_BESIDE = Path(__file__).parents[3] / "shared" / "data" / "banking77"
_EXAMPLES = (1, 5, 40)  # an intent, in versions 1, 2 and 3
_INTENTS = 12

Rows = dict[str, list[str]]


def folder_of_data() -> Path:
    """Where the data lies; the test is skipped where it does not."""
    folder = Path(os.environ.get("BANKING77", _BESIDE))
    if not (folder / "train.csv").is_file():
        pytest.skip(f"the BANKING77 data is not in {folder}; set BANKING77 to its folder")
    return folder


@pytest.fixture(scope="module")
def rows() -> Rows:
    """The training messages by intent."""
    by_intent: Rows = defaultdict(list)
    with (folder_of_data() / "train.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            by_intent[row["category"]].append(row["text"])
    return dict(sorted(by_intent.items())[:_INTENTS])


def _prompt(rows: Rows, count: int) -> str:
    """A few-shot prompt of the first `count` messages of each intent, verbatim, safe from Jinja2."""
    shots = (f"Message: {text}\nIntent: {intent}\n" for intent, texts in rows.items() for text in texts[:count])
    return (
        "Sort the customer's message into one of these intents: " + ", ".join(rows) + ".\n\n{% raw %}\n"
        + "\n".join(shots)
        + "{% endraw %}\n\nMessage: {{ query }}\nIntent:"
    )  # fmt: skip


def _write(folder: Path, rows: Rows, count: int) -> Path:
    schema = {"type": "object", "properties": {"intent": {"enum": list(rows)}}, "required": ["intent"]}
    return write_bundle(
        folder,
        prompt=_prompt(rows, count),
        files={"schemas/triage.json": json.dumps(schema, indent=2)},
        inputs={"query": "the customer's message"},
        output={"schema": "schemas/triage.json"},
        metadata={"examples_per_intent": str(count)},
    )


@pytest.fixture
def registered(registry: Registry, here: Path, agent_deploy: AgentDeploy, rows: Rows) -> Path:
    """Three versions, of few, some and many examples."""
    for count in _EXAMPLES:
        assert agent_deploy("register", str(_write(here / str(count), rows, count))).code == 0
    return here


def test_versions_are_bumped_by_what_changed_and_keep_every_byte(
    registered: Path, rows: Rows, agent_deploy: AgentDeploy
) -> None:
    listed = agent_deploy("list", WORKFLOW, "--json").document["versions"]
    assert [(version["version"], version["tag"]) for version in listed] == [(3, "1.0.2"), (2, "1.0.1"), (1, "1.0.0")]
    for number, count in enumerate(_EXAMPLES, start=1):
        prompt = _prompt(rows, count).encode()
        files = agent_deploy("show", f"{WORKFLOW}@{number}", "--json").document["files"]
        assert {"path": "prompts/system.md", "bytes": len(prompt)} in files
        assert agent_deploy("fetch", f"{WORKFLOW}@{number}", f"fetched-{number}").code == 0
        assert (registered / f"fetched-{number}" / "prompts/system.md").read_bytes() == prompt
        original = read_source(registered / str(count))
        assert read_source(registered / f"fetched-{number}").digest == original.digest


def test_the_many_shot_prompt_is_of_a_realistic_size(rows: Rows) -> None:
    sizes = [len(_prompt(rows, count).encode()) for count in _EXAMPLES]
    assert sizes == sorted(sizes)
    assert sizes[0] > 1_000
    assert sizes[-1] > 40_000


def test_a_diff_shows_the_very_messages_that_were_added(
    registered: Path, rows: Rows, agent_deploy: AgentDeploy
) -> None:
    document = agent_deploy("diff", f"{WORKFLOW}@1", f"{WORKFLOW}@2", "--json").document
    assert document["changes"] == [
        {"level": "patch", "what": "prompt 'system' reads otherwise"},
        {"level": "patch", "what": "[metadata] changed"},
    ]
    (text,) = document["texts"].values()
    added = [line[1:] for line in text.splitlines() if line.startswith("+Message: ")]
    new = [message for texts in rows.values() for message in texts[1:5]]
    assert sorted(added) == sorted(f"Message: {line}" for message in new for line in message.splitlines()[:1])


def test_it_is_promoted_rolled_back_and_exported_verbatim(
    registered: Path, rows: Rows, agent_deploy: AgentDeploy
) -> None:
    for version in ("1", "2", "3"):
        assert agent_deploy("promote", WORKFLOW, "--version", version).code == 0
    assert agent_deploy("rollback", WORKFLOW, "--json").document["version"] == 2
    assert agent_deploy("verify").code == 0
    digest = agent_deploy("export", f"{WORKFLOW}@3", "--to", "layout", "--json").document["digest"]
    sizes = {path.stat().st_size for path in (registered / "layout" / "blobs" / "sha256").iterdir()}
    assert len(_prompt(rows, _EXAMPLES[2]).encode()) in sizes
    elsewhere = ["--database", f"sqlite:///{registered}/new/registry.db", "--store", str(registered / "new")]
    imported = agent_deploy(*elsewhere, "import", "layout", "--json").document
    assert (imported["digest"], imported["created"]) == (digest, True)
    assert agent_deploy(*elsewhere, "fetch", f"{WORKFLOW}@1", "again").code == 0
    assert (registered / "again/prompts/system.md").read_text(encoding="utf-8") == _prompt(rows, _EXAMPLES[2])


def test_what_a_reader_renders_is_the_prompt_with_the_message_in_its_place(
    registered: Path, rows: Rows, agent_deploy: AgentDeploy
) -> None:
    from agent_deploy import Client

    agent_deploy("promote", WORKFLOW, "--version", "3")
    message = next(iter(rows.values()))[-1]
    with Client(str(registered / ".agent-deploy"), environment="production", cache=False) as client:
        rendered = client.bundle(WORKFLOW).prompt("system").render(query=message)
    expected = _prompt(rows, _EXAMPLES[2]).replace("{% raw %}\n", "\n").replace("{% endraw %}", "")
    assert rendered == expected.replace("{{ query }}", message)
