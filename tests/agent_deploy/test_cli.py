"""The command line as a whole: help, JSON, exit codes, errors without tracebacks, pipes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from agent_deploy.cli.main import COMMANDS, cli
from registry.models import Reader
from registry.readers import write_reader
from registry.registry import Registry
from registry.times import now
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version, write_bundle
from tests.reference import subcommands

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


_GROUPS = [name for name in _NAMES if subcommands(name)]
_LINES = [name for name in _NAMES if name not in _GROUPS] + [f"{g} {name}" for g in _GROUPS for name in subcommands(g)]


@pytest.mark.parametrize("line", _LINES)
def test_every_command_explains_itself_with_an_example(line: str, agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy(*line.split(), "--help")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: agent-deploy {line} ")
    assert f"agent-deploy {line}" in answer.out.partition("Example:\n")[2]
    assert "--json" in answer.out


@pytest.mark.parametrize("group", _GROUPS)
def test_a_group_tells_of_each_of_its_commands_what_it_says_of_itself(group: str, agent_deploy: AgentDeploy) -> None:
    listed = agent_deploy(group, "--help").out
    for name in subcommands(group):
        said = agent_deploy(group, name, "--help").out.splitlines()[2].strip()
        assert re.search(rf"^  {name} +{re.escape(said)}$", listed, re.MULTILINE), name


@pytest.mark.parametrize("group", _GROUPS)
def test_a_misspelt_command_of_a_group_is_met_with_the_nearest(group: str, agent_deploy: AgentDeploy) -> None:
    name = subcommands(group)[0]
    answer = agent_deploy(group, f"{name}x")
    assert (answer.code, f"did you mean '{name}'?" in answer.err) == (2, True)


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


@pytest.mark.parametrize("words", [["--debug", "rollback", "x"], ["rollback", "--debug", "x"], ["rollback", "x", "--debug"]])  # fmt: skip  # noqa: E501
def test_debug_shows_the_traceback_wherever_it_stands(
    registry: Registry, agent_deploy: AgentDeploy, words: list[str]
) -> None:
    answer = agent_deploy(*words)
    assert (answer.code, answer.out) == (3, "")
    assert answer.err.startswith("Traceback (most recent call last):\n")
    assert answer.err.endswith("error: there is no workflow 'x'\n  next: agent-deploy list\n")


def _fail_unexpectedly(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_settings: object) -> None:
        raise ZeroDivisionError("of all\nthings")

    monkeypatch.setattr("agent_deploy.cli.options.Settings.config", fail)
    monkeypatch.setattr("agent_deploy.cli.options.Settings.registry", fail)


def test_an_unexpected_error_offers_the_traceback_by_a_command_that_can_be_pasted(
    agent_deploy: AgentDeploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_unexpectedly(monkeypatch)
    answer = agent_deploy("history", "a name")
    assert answer.err == (
        "error: unexpected ZeroDivisionError: of all things\n"
        "  next: agent-deploy --debug history 'a name'   # shows the traceback\n"
    )


def test_the_command_that_shows_the_traceback_shows_no_password(
    agent_deploy: AgentDeploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_unexpectedly(monkeypatch)
    answer = agent_deploy("--database", "postgresql://ann:hunter2@db/registry", "status")
    assert (answer.code, answer.err) == (
        1,
        "error: unexpected ZeroDivisionError: of all things\n"
        "  next: agent-deploy --debug --database postgresql://ann:***@db/registry status   # shows the traceback\n",
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


def _heed_interrupts() -> None:
    """A test run that was started in the background of a shell ignores SIGINT, and its children would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _run(words: list[str], **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from agent_deploy.cli.main import main; main()", *words]
    options.setdefault("preexec_fn", _heed_interrupts)
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
