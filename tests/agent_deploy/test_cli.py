"""The command line as a whole: help, JSON, exit codes, errors without tracebacks, pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from agent_deploy import errors as above
from agent_deploy.cli.exit_codes import exit_code_of
from agent_deploy.cli.main import COMMANDS, cli
from registry import errors
from registry.blobs import blob_key
from registry.models import Reader
from registry.readers import write_reader
from registry.registry import Registry
from registry.times import now
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version, write_bundle

_NAMES = [name for section in COMMANDS.values() for name in section]


def _command(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def test_every_command_of_the_first_release_is_there() -> None:
    assert set(_NAMES) >= {
        "init", "register", "list", "show", "fetch", "diff", "promote", "rollback", "status", "history", "deliver",
        "verify", "export", "import", "gc", "doctor",
    }  # fmt: skip


@pytest.mark.parametrize("name", _NAMES)
def test_every_command_explains_itself_with_an_example(name: str, agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy(name, "--help")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: agent-deploy {name} ")
    assert f"agent-deploy {name}" in answer.out.partition("Example:\n")[2]
    assert "--json" in answer.out


@pytest.mark.parametrize(
    ("name", "said"), [(name, text) for section in COMMANDS.values() for name, (_, text) in section.items()]
)
def test_the_table_that_help_prints_says_what_the_command_says_of_itself(name: str, said: str) -> None:
    command = _command(name)
    assert command.name == name
    assert (command.help or "").splitlines()[0] == said


def test_help_lists_every_command_under_its_section(agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy("--help")
    lines = [line.split(maxsplit=1) for line in answer.out.splitlines() if line.startswith("  ")]
    told = [(line[0], line[1]) for line in lines if len(line) == 2 and line[0] in _NAMES]
    assert told == [(name, text) for section in COMMANDS.values() for name, (_, text) in section.items()]


def test_without_a_command_the_help_is_shown_and_nothing_was_done(agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy()
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("Usage: agent-deploy [OPTIONS] COMMAND [ARGS]...\n")


def test_the_version_is_told(agent_deploy: AgentDeploy) -> None:
    from importlib.metadata import version

    assert agent_deploy("--version").out == f"agent-deploy {version('agent-deploy')}\n"


@pytest.mark.parametrize(
    ("typed", "nearest"), [("rolback", "rollback"), ("promot", "promote"), ("regsiter", "register"), ("zzz", None)]
)
def test_a_misspelt_command_is_met_with_the_nearest(agent_deploy: AgentDeploy, typed: str, nearest: str | None) -> None:
    answer = agent_deploy(typed, WORKFLOW)
    meant = f"; did you mean '{nearest}'?" if nearest else ""
    said = f"error: There is no command '{typed}'{meant}\n  next: agent-deploy --help\n"
    assert (answer.code, answer.out, answer.err) == (2, "", said)


def test_a_misspelt_option_leads_to_the_commands_own_help(agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy("rollback", WORKFLOW, "--to-verison", "1")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: No such option '--to-verison'.")
    assert answer.err.endswith("  next: agent-deploy rollback --help\n")


def _nothing(_registry: Registry) -> None:
    """A registry as it is."""


def _lose_blob(registry: Registry) -> None:
    registry.store.delete(blob_key(add_version(registry, 2).digest))


def _block_pointers(registry: Registry) -> None:
    Path(registry.store.url, "live").write_text("a file where a folder has to be")


def _no_database(registry: Registry) -> None:
    path = Path(registry.database.url.removeprefix("sqlite:///"))
    path.unlink()
    path.mkdir()


FAILURES: dict[str, tuple[Callable[[Registry], None], list[str], int]] = {
    "unexpected": (_nothing, ["fetch", f"{WORKFLOW}@1", "bundle/bundle.toml/x"], 1),
    "no database": (_no_database, ["status"], 1),
    "usage": (_nothing, ["promote", WORKFLOW], 2),
    "no such command": (_nothing, ["promot"], 2),
    "no such option": (_nothing, ["status", "--bogus"], 2),
    "bad input file": (_nothing, ["register", "nowhere"], 2),
    "bad ref": (_nothing, ["show", WORKFLOW], 2),
    "would overwrite": (_nothing, ["fetch", f"{WORKFLOW}@1", "bundle"], 2),
    "bad configuration": (_nothing, ["--config", "nowhere.toml", "status"], 2),
    "not found": (_nothing, ["rollback", "other"], 3),
    "refused": (_nothing, ["rollback", WORKFLOW, "--to-version", "2"], 4),
    "conflict": (_nothing, ["promote", WORKFLOW, "--version", "2", "--expect-generation", "7"], 5),
    "not whole": (_lose_blob, ["promote", WORKFLOW, "--version", "2"], 7),
}


@pytest.mark.parametrize(("arrange", "words", "code"), FAILURES.values(), ids=FAILURES)
def test_a_failure_ends_with_its_code_and_exactly_one_json_object(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, arrange: Callable[[Registry], None], words: list[str],
    code: int,
) -> None:  # fmt: skip
    write_bundle(here / "bundle")
    for number in (1, 2):
        add_version(registry, number)
    agent_deploy("promote", WORKFLOW, "--version", "1")
    arrange(registry)
    answer = agent_deploy(*words, "--json")
    (key, error), *more = answer.document.items()
    assert (answer.code, key, more) == (code, "error", [])
    assert error.keys() == {"exit_code", "message", "unchanged", "next_command"}
    assert error["exit_code"] == code
    assert answer.err.startswith(f"error: {error['message']}\n")
    assert "Traceback" not in answer.err
    plain = agent_deploy(*words)
    assert (plain.code, plain.out, plain.err) == (code, "", answer.err.replace(" --json", ""))


def test_a_result_that_is_not_all_well_is_one_json_object_too(registry: Registry, agent_deploy: AgentDeploy) -> None:
    add_version(registry)
    _block_pointers(registry)
    answer = agent_deploy("promote", WORKFLOW, "--version", "1", "--json")
    assert (answer.code, answer.document["delivered"]) == (6, False)
    answer = agent_deploy("deliver", "--json")
    assert (answer.code, len(answer.document["failed"])) == (6, 1)
    Path(registry.store.url, "live").unlink()
    add_version(registry, 2)
    _lose_blob(registry)
    answer = agent_deploy("verify", "--json")
    assert (answer.code, answer.document["ok"]) == (7, False)


_SUCCESSES = [
    ["init"], ["doctor"], ["register", "bundle"], ["list"], ["list", WORKFLOW], ["show", f"{WORKFLOW}@1"],
    ["diff", f"{WORKFLOW}@1", f"{WORKFLOW}@2"], ["fetch", f"{WORKFLOW}@1", "fetched"],
    ["export", f"{WORKFLOW}@1", "--to", "exported"], ["import", "layout"], ["promote", WORKFLOW, "--version", "2"],
    ["promote", WORKFLOW, "--version", "2", "--wait", "0"], ["rollback", WORKFLOW, "--dry-run"], ["rollback", WORKFLOW],
    ["status"], ["history", WORKFLOW], ["deliver"], ["deliver", "--all"], ["verify"], ["gc"], ["gc", "--dry-run"],
]  # fmt: skip


@pytest.mark.parametrize("words", _SUCCESSES, ids=" ".join)
def test_every_command_prints_exactly_one_json_object(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, words: list[str]
) -> None:
    for number in (1, 2):
        add_version(registry, number)
    write_bundle(here / "bundle")
    for arrange in (["promote", WORKFLOW, "--version", "2"], ["promote", WORKFLOW, "--version", "1"]):
        agent_deploy(*arrange)
    agent_deploy("export", f"{WORKFLOW}@2", "--to", "layout")
    answer = agent_deploy(*words, "--json")
    assert (answer.code, answer.err, type(answer.document)) == (0, "", dict)
    assert "error" not in answer.document


ERRORS = [
    (errors.BadInput, 2), (above.BadConfig, 2), (above.WouldOverwrite, 2), (errors.NotFound, 3), (errors.Refused, 4),
    (errors.Conflict, 5), (errors.NotDelivered, 6), (above.NotConverged, 6), (errors.Damaged, 7), (errors.Missing, 7),
    (above.ChecksFailed, 1), (errors.Unavailable, 1), (errors.CommitUnknown, 1), (ZeroDivisionError, 1), (OSError, 1),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "code"), ERRORS, ids=[kind.__name__ for kind, _ in ERRORS])
def test_every_kind_of_error_has_the_exit_code_of_the_table(kind: type[Exception], code: int) -> None:
    assert exit_code_of(kind("it happened")) == code


@pytest.mark.parametrize("words", [["--debug", "rollback", "x"], ["rollback", "--debug", "x"], ["rollback", "x", "--debug"]])  # fmt: skip  # noqa: E501
def test_debug_shows_the_traceback_wherever_it_stands(
    registry: Registry, agent_deploy: AgentDeploy, words: list[str]
) -> None:
    answer = agent_deploy(*words)
    assert (answer.code, answer.out) == (3, "")
    assert answer.err.startswith("Traceback (most recent call last):\n")
    assert answer.err.endswith("error: there is no workflow 'x'\n  next: agent-deploy list\n")


def test_an_unexpected_error_offers_the_traceback_by_a_command_that_can_be_pasted(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    add_version(registry)
    (here / "a file").write_text("")
    answer = agent_deploy("fetch", f"{WORKFLOW}@1", "a file/x")
    assert answer.err == (
        "error: a file/x: Not a directory\n"
        "  next: agent-deploy --debug fetch support-triage@1 'a file/x'   # shows the traceback\n"
    )


def test_settings_go_before_the_commands_name(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    elsewhere = ["--database", f"sqlite:///{here}/new/registry.db", "--store", str(here / "new")]
    write_bundle(here / "bundle")
    assert agent_deploy(*elsewhere, "register", "bundle").code == 0
    assert agent_deploy("list", "--json").document == {"workflows": []}
    assert len(agent_deploy(*elsewhere, "list", "--json").document["workflows"]) == 1


def test_without_a_registry_commands_that_read_make_none(here: Path, agent_deploy: AgentDeploy) -> None:
    for words in (["status"], ["list"], ["rollback", WORKFLOW], ["verify"], ["gc"], ["deliver"]):
        answer = agent_deploy(*words)
        assert (answer.code, answer.out) == (3, "")
        assert answer.err.startswith(f"error: there is no registry here ({here}/.agent-deploy/registry.db does not")
    assert list(here.iterdir()) == []


def _run(words: list[str], **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from agent_deploy.cli.main import main; main()", *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code"), [(["promote", WORKFLOW, "--version", "1"], 0), (["show", f"{WORKFLOW}@9", "--json"], 3)]
)
def test_a_reader_that_goes_away_changes_neither_what_is_done_nor_the_exit_code(
    registry: Registry, agent_deploy: AgentDeploy, words: list[str], code: int
) -> None:
    add_version(registry)
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = _run(words, stdout=write_end)
    os.close(write_end)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, b"Traceback" in err, b"BrokenPipe" in err) == (code, False, False)
    live = agent_deploy("status", "--json").document["workflows"]
    assert len(live) == (0 if code else 1)


@pytest.mark.slow
def test_an_interrupt_while_waiting_takes_nothing_back_and_says_so(registry: Registry) -> None:
    add_version(registry)
    at = now()
    late = Reader(WORKFLOW, "production", "web-1", 0, 1, "sha256:", "store", at, at, 60.0, "host", 1)
    write_reader(registry.store, late)
    process = _run(["promote", WORKFLOW, "--version", "1", "--wait", "60", "--json"], stdout=subprocess.PIPE)
    while not list(registry.store.entries("live/")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["error"]["message"]) == (130, "interrupted")
    assert err.decode() == (
        "\nerror: interrupted\n  What was recorded before that stays recorded.\n  next: agent-deploy status\n"
    )


@pytest.mark.slow
def test_an_output_that_cannot_say_every_letter_gets_the_same_json_in_ascii(registry: Registry, here: Path) -> None:
    add_version(registry)
    environ = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    words = ["promote", WORKFLOW, "--version", "1", "--reason", "größer", "--json"]
    assert _run(words, stdout=subprocess.PIPE, env=environ).wait(60) == 0
    process = _run(["history", WORKFLOW, "--json"], stdout=subprocess.PIPE, env=environ)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["releases"][0]["reason"]) == (0, "größer")
    process = _run(["history", WORKFLOW], stdout=subprocess.PIPE, env=environ)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, b"gr\\xf6\\xdfer" in out) == (0, True)
