"""init and doctor: a start that works, and proof of what everything else relies on."""

from __future__ import annotations

import os
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from agent_deploy.config import Config, load_config
from agent_deploy.operations.doctor import Check, doctor
from agent_deploy.operations.promote import promote
from agent_deploy.operations.register import register
from registry.database import SCHEMA
from registry.registry import Registry
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version, source_of
from tests.conftest import UseS3
from tests.servers import S3Server

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_WRITTEN = [
    "agent-deploy.toml",
    "evals/support-triage.yaml",
    "triage/__init__.py",
    "triage/agent.py",
    "workflows/support-triage/bundle.toml",
    "workflows/support-triage/prompts/classify.md",
    "workflows/support-triage/prompts/system.md",
    "workflows/support-triage/schemas/triage.json",
    "workflows/support-triage/tools/lookup_order.json",
]
_STORE_PROMISES = [
    "write and read", "write-once", "one winner among concurrent creates", "compare-and-swap",
    "no swap of a missing object", "one winner among concurrent swaps", "conditional read", "list and delete",
]  # fmt: skip
_CHECKS = [
    "config", "database reachable", "database migrated", "database durable", "records append-only", "clock",
    *(f"store: {promise}" for promise in _STORE_PROMISES),
]  # fmt: skip


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_init_writes_a_start_that_registers_and_runs(here: Path, agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy("init")
    lines = "".join(f"wrote {path}\n" for path in _WRITTEN)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"{lines}\nnext: agent-deploy register support-triage\n"
    assert _files(here) == sorted(_WRITTEN)
    run = (["doctor"], ["register", WORKFLOW], ["eval", f"{WORKFLOW}@1"], ["promote", WORKFLOW, "--version", "1"])
    for words in (*run, ["verify"]):
        assert agent_deploy(*words).code == 0


def test_init_says_what_it_wrote_as_json(here: Path, agent_deploy: AgentDeploy) -> None:
    assert agent_deploy("init", "--json").document == {"written": _WRITTEN}


def test_the_configuration_that_init_writes_says_the_defaults(here: Path, agent_deploy: AgentDeploy) -> None:
    defaults = load_config(environ={})
    agent_deploy("init")
    written = load_config(environ={})
    assert written == Config(
        database=defaults.database, store=defaults.store, default_environment=defaults.default_environment,
        environments=("production", "staging"), sources={WORKFLOW: here / "workflows/support-triage"},
        file=here / "agent-deploy.toml", state=here / ".agent-deploy",
        evals={WORKFLOW: written.eval_settings(WORKFLOW)},
    )  # fmt: skip


def test_what_is_given_to_init_takes_the_defaults_place(here: Path, agent_deploy: AgentDeploy) -> None:
    agent_deploy("--database", "postgresql://db/registry", "--store", "état 😀", "init")
    written = tomllib.loads((here / "agent-deploy.toml").read_text(encoding="utf-8"))
    assert (written["database"], written["store"]) == ("postgresql://db/registry", "état 😀")


@pytest.mark.parametrize("path", ["agent-deploy.toml", "workflows/support-triage/prompts/system.md"])
def test_init_overwrites_nothing_and_then_writes_nothing(here: Path, agent_deploy: AgentDeploy, path: str) -> None:
    (here / path).parent.mkdir(parents=True, exist_ok=True)
    (here / path).write_text("mine")
    answer = agent_deploy("init")
    assert (answer.code, answer.out, answer.err) == (
        2,
        "",
        f"error: {path} is there already\n  Nothing was written.\n"
        "  next: agent-deploy register support-triage   # if this folder was set up before\n",
    )
    assert _files(here) == [path]
    assert (here / path).read_text() == "mine"


def test_doctor_passes_on_sqlite_and_a_folder_and_leaves_nothing_behind(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    add_version(registry)
    (here / "agent-deploy.toml").unlink()
    before = _files(here)
    answer = agent_deploy("doctor", "--json")
    checks = answer.document.pop("checks")
    assert (answer.code, answer.err, answer.document["ok"]) == (0, "", True)
    assert [(check["name"], check["ok"]) for check in checks] == [(name, True) for name in _CHECKS]
    details = {check["name"]: check["detail"] for check in checks}
    assert details["config"] == "no agent-deploy.toml, defaults in force"
    assert details["database reachable"] == registry.database.name
    assert details["database migrated"] == f"schema {SCHEMA}"
    assert details["database durable"] == "journal_mode=delete, synchronous=3"
    assert details["records append-only"] == "triggers in place"
    assert set(_files(here)) - set(before) <= {".agent-deploy/.lock"}


def test_doctor_prints_a_line_a_check(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    (here / "agent-deploy.toml").write_text("")
    lines = agent_deploy("doctor").out.splitlines()
    assert [line.split()[0] for line in lines] == ["CHECK"] + ["ok"] * len(_CHECKS)
    assert lines[1].split() == ["ok", "config", str(here / "agent-deploy.toml")]


def _failed(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> dict[str, str]:
    """What doctor says of the checks that failed, having ended with 1 and named each."""
    answer = agent_deploy("doctor", "--json")
    failed = {check["name"]: check["detail"] for check in answer.document["checks"] if not check["ok"]}
    assert (answer.code, answer.document["ok"]) == (1, False)
    told = agent_deploy("doctor")
    number = "1 check" if len(failed) == 1 else f"{len(failed)} checks"
    assert (told.code, told.err) == (1, f"error: {number} failed: {', '.join(failed)}\n  Nothing was changed.\n")
    return failed


def test_doctor_names_a_configuration_that_cannot_be(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    (here / "agent-deploy.toml").write_text('databse = "x"\n')
    message = f"{here}/agent-deploy.toml: unknown key 'databse'; did you mean 'database'?"
    assert _failed(registry, here, agent_deploy) == {"config": message}


def test_doctor_names_a_database_that_cannot_be_opened_and_still_looks_at_the_rest(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_DEPLOY_DATABASE", f"sqlite:///{here}")
    message = f"the database sqlite:///{here} failed: unable to open database file"
    assert _failed(registry, here, agent_deploy) == {"database reachable": message}


def test_doctor_names_triggers_that_are_gone(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    with registry.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER releases_no_update")
    assert _failed(registry, here, agent_deploy) == {"records append-only": "no trigger releases_no_update"}


def test_doctor_names_a_store_that_cannot_be_written_to(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "file").write_text("")
    monkeypatch.setenv("AGENT_DEPLOY_STORE", str(here / "file"))
    failed = _failed(registry, here, agent_deploy)
    assert list(failed) == ["store: write and read"]
    assert failed["store: write and read"].startswith(f"cannot write {here}/file/doctor/")


def test_doctor_names_a_store_that_is_none(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_DEPLOY_STORE", "ftp://host/x")
    message = "store 'ftp://host/x': give a folder, file:///folder or s3://bucket/prefix"
    assert _failed(registry, here, agent_deploy) == {"store reachable": message}


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (_NOON, Check("clock", True, "2026-11-23 12:00:00 UTC")),
        (_NOON - timedelta(seconds=5), Check("clock", True, "2026-11-23 11:59:55 UTC")),
        (_NOON - timedelta(seconds=6), Check("clock", False, "this machine is 6 s behind the last release")),
        (
            datetime(1970, 1, 1, tzinfo=UTC),
            Check("clock", False, "this machine says it is 1970-01-01, before this version was made"),
        ),
    ],
)
def test_doctor_holds_the_clock_against_the_records(registry: Registry, at: datetime, expected: Check) -> None:
    register(registry, source_of(), actor="ci", clock=lambda: _NOON)
    promote(registry, WORKFLOW, "1", "production", actor="ann", clock=lambda: _NOON)
    checks = doctor(lambda: load_config(environ={}), clock=lambda: at)
    assert [check for check in checks if check.name == "clock"] == [expected]


@pytest.mark.slow
def test_doctor_names_a_postgresql_that_is_not_durable(
    postgres_url: str, agent_deploy: AgentDeploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_DEPLOY_DATABASE", postgres_url)
    assert agent_deploy("doctor").code == 0
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {postgres_url.rpartition('/')[2]} SET synchronous_commit = off")
    answer = agent_deploy("doctor")
    assert (answer.code, answer.err) == (1, "error: 1 check failed: database durable\n  Nothing was changed.\n")
    assert "FAILED  database durable                            synchronous_commit=off\n" in answer.out


@pytest.mark.slow
@pytest.mark.parametrize("server", ["nanio", "rclone_s3"])
def test_a_store_that_ignores_conditions_is_refused_by_init_and_doctor(
    server: str, request: pytest.FixtureRequest, use_s3: UseS3, here: Path, agent_deploy: AgentDeploy
) -> None:
    url = use_s3(request.getfixturevalue(server))
    answer = agent_deploy("--store", url, "doctor")
    assert answer.code == 1
    assert "store: write-once" in answer.err
    assert "store: compare-and-swap" in answer.err
    answer = agent_deploy("--store", url, "init")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"error: {url} cannot be a store: write-once: a second create of one key was let")
    assert "  Nothing was written.\n  next: agent-deploy doctor --help" in answer.err
    assert not (here / "agent-deploy.toml").exists()


@pytest.mark.slow
def test_a_store_that_honours_conditions_is_accepted_by_init_and_doctor(
    ministack: S3Server, use_s3: UseS3, agent_deploy: AgentDeploy
) -> None:
    url = use_s3(ministack)
    assert agent_deploy("--store", url, "init").code == 0
    assert agent_deploy("doctor").code == 0
    assert load_config(environ=os.environ).store == url


@pytest.mark.slow
def test_doctor_proves_that_content_stays_off_spans(agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy("doctor", "--redaction", "--json")
    assert (answer.code, answer.document["ok"], len(answer.document["checks"])) == (0, True, 5)
