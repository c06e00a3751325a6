"""The whole job on real servers: PostgreSQL and S3, chosen by `agent-deploy.toml` and nothing else."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from registry.blobs import blob_key
from registry.stores import open_store
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW
from tests.conftest import UseS3

pytestmark = pytest.mark.slow

_PROMPT = Path("workflows/support-triage/prompts/classify.md")


@pytest.fixture(params=["seaweedfs", "ministack"])
def store_url(request: pytest.FixtureRequest, use_s3: UseS3) -> str:
    """An empty store on each S3 server that honours conditions."""
    return use_s3(request.getfixturevalue(request.param))


def _ok(agent_deploy: AgentDeploy, *words: str) -> dict[str, Any]:
    answer = agent_deploy(*words, "--json")
    assert (answer.code, answer.err) == (0, ""), answer
    return answer.document


def _evaluate(agent_deploy: AgentDeploy, version: str) -> None:
    """Make the evidence that the gate asks for."""
    assert agent_deploy("eval", f"{WORKFLOW}@{version}", "--json").code == 0


def test_the_whole_job_from_init_to_export(
    postgres_url: str, store_url: str, here: Path, agent_deploy: AgentDeploy
) -> None:
    _ok(agent_deploy, "--database", postgres_url, "--store", store_url, "init")
    assert _ok(agent_deploy, "doctor")["ok"] is True

    one = _ok(agent_deploy, "register", WORKFLOW)
    _PROMPT.write_text(_PROMPT.read_text() + "Answer with the intent alone.\n")
    two = _ok(agent_deploy, "register", WORKFLOW, "--note", "terser")
    assert [(v["version"], v["tag"], v["created"]) for v in (one, two)] == [(1, "1.0.0", True), (2, "1.0.1", True)]
    assert (
        "+Answer with the intent alone.\n"
        in _ok(agent_deploy, "diff", f"{WORKFLOW}@1", f"{WORKFLOW}@2")["texts"]["prompt classify"]
    )

    for version in ("1", "2"):
        _evaluate(agent_deploy, version)
        assert _ok(agent_deploy, "promote", WORKFLOW, "--version", version)["delivered"] is True
    assert _pointer(store_url)["version"] == 2
    back = _ok(agent_deploy, "rollback", WORKFLOW, "--reason", "misroutes refunds")
    assert (back["version"], back["generation"], back["previous_version"], back["delivered"]) == (1, 3, 2, True)
    assert (_pointer(store_url)["version"], _pointer(store_url)["hash"]) == (1, back["hash"])

    ((live,),) = [workflow["environments"] for workflow in _ok(agent_deploy, "status")["workflows"]]
    assert (live["version"], live["generation"], live["kind"], live["actor"]) == (1, 3, "rollback", "ann")
    history = _ok(agent_deploy, "history", WORKFLOW)["releases"]
    assert [(r["generation"], r["version"], r["kind"]) for r in history] == [
        (3, 1, "rollback"),
        (2, 2, "promote"),
        (1, 1, "promote"),
    ]
    assert agent_deploy("promote", WORKFLOW, "--version", "2").code == 4
    assert agent_deploy("promote", WORKFLOW, "--version", "2", "--expect-generation", "2").code == 5

    waste = open_store(store_url)
    digest = "sha256:" + "0" * 64
    waste.create(blob_key(digest), b"waste")
    assert _ok(agent_deploy, "gc")["removed"] == [digest]
    verified = _ok(agent_deploy, "verify", "--expect-head", back["hash"])
    assert (verified["ok"], verified["versions"], verified["releases"], verified["pointers"]) == (True, 2, 3, 1)

    assert _ok(agent_deploy, "export", f"{WORKFLOW}@production", "--to", "layout")["digest"] == one["digest"]
    local = ["--database", f"sqlite:///{here}/local/registry.db", "--store", str(here / "local")]
    assert _ok(agent_deploy, *local, "import", "layout")["digest"] == one["digest"]
    assert not {path.name for path in (here / ".agent-deploy").iterdir()} - {"runs", "responses"}


def _pointer(store_url: str) -> dict[str, Any]:
    stored = open_store(store_url).get(f"live/production/{WORKFLOW}.json")
    assert stored is not None
    document: dict[str, Any] = json.loads(stored.data)
    return document


def test_damage_in_the_bucket_is_named_and_a_rollback_to_it_refused(
    postgres_url: str, store_url: str, here: Path, agent_deploy: AgentDeploy
) -> None:
    _ok(agent_deploy, "--database", postgres_url, "--store", store_url, "init")
    one = _ok(agent_deploy, "register", WORKFLOW)
    _PROMPT.write_text(_PROMPT.read_text() + "Be brief.\n")
    _ok(agent_deploy, "register", WORKFLOW)
    for version in ("1", "2"):
        _evaluate(agent_deploy, version)
        _ok(agent_deploy, "promote", WORKFLOW, "--version", version)
    store = open_store(store_url)
    store.replace(blob_key(one["digest"]), b"other bytes", expect=None)
    refused = agent_deploy("rollback", WORKFLOW, "--json")
    assert (refused.code, refused.document["error"]["unchanged"]) == (7, "Nothing was moved.")
    damaged = agent_deploy("verify", "--json")
    assert damaged.code == 7
    assert [fault.split(" in ")[0] for fault in damaged.document["damaged"]] == [f"{WORKFLOW}@1: blob {one['digest']}"]
    _PROMPT.write_text(_PROMPT.read_text().removesuffix("Be brief.\n"))
    assert _ok(agent_deploy, "register", WORKFLOW)["created"] is False
    assert _ok(agent_deploy, "rollback", WORKFLOW)["version"] == 1


def test_both_databases_record_the_very_same(postgres_url: str, here: Path, agent_deploy: AgentDeploy) -> None:
    """Hashes are made of the records as stored: the same history must not depend on where it is kept."""
    agent_deploy("init")
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for name, url in (("sqlite", f"sqlite:///{here}/registry.db"), ("postgres", postgres_url)):
        place = ["--database", url, "--store", str(here / name)]
        _ok(agent_deploy, *place, "register", WORKFLOW, "--note", "größer 😀")
        overriding = ("--override-gate", "--reason", "it's\tbetter")
        _ok(agent_deploy, *place, "promote", WORKFLOW, "--version", "1", *overriding)
    query = "SELECT workflow, number, tag, digest, manifest, note, actor, previous_hash FROM versions"
    with sqlite3.connect(here / "registry.db") as lite, psycopg.connect(postgres_url) as postgres:
        rows["sqlite"] = lite.execute(query).fetchall()
        rows["postgres"] = postgres.execute(query).fetchall()
    assert rows["sqlite"] == rows["postgres"]
    for url in (f"sqlite:///{here}/registry.db", postgres_url):
        store = str(here / ("postgres" if url == postgres_url else "sqlite"))
        assert _ok(agent_deploy, "--database", url, "--store", store, "verify")["ok"] is True
