"""What is around a command: full disks, closed outputs, terminals, words of no encoding, options in the wrong place."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry.registry import Registry
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version
from tests.commands import COMMAND

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """Inside, a file of more bytes cannot be written: as on a full disk, only sooner."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_init_that_cannot_write_leaves_nothing_so_that_it_can_be_tried_again(
    here: Path, agent_deploy: AgentDeploy
) -> None:
    with no_file_over(3000):  # the configuration fits, the eval set does not
        answer = agent_deploy("init")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        "error: cannot write evals/support-triage.yaml: File too large\n"
        "  Nothing was written.\n"
        f"  next: df -h {here}   # make room, then the same command again\n"
    )
    assert _below(here) == []
    assert agent_deploy("init").code == 0


@pytest.mark.parametrize("words", [["fetch", f"{WORKFLOW}@1", "new/deep"], ["export", f"{WORKFLOW}@1", "--to", "new"]])
def test_a_version_that_cannot_be_written_out_whole_is_not_written_out_at_all(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, words: list[str]
) -> None:
    add_version(registry)
    with no_file_over(40):
        answer = agent_deploy(*words)
    assert (answer.code, "cannot write new/" in answer.err, "Nothing was written." in answer.err) == (1, True, True)
    assert not (here / "new").exists()
    assert agent_deploy(*words).code == 0


def test_a_case_that_there_is_no_room_for_leaves_the_eval_set_as_it_was(here: Path, agent_deploy: AgentDeploy) -> None:
    agent_deploy("init")
    cases = here / "evals/support-triage.yaml"
    before = cases.read_bytes()
    with no_file_over(3000):
        answer = agent_deploy("evals", "add", "evals/support-triage.yaml", "--input", "{}", "--expected", "card")
    assert (answer.code, answer.err.splitlines()[:2]) == (
        1, ["error: cannot write evals/support-triage.yaml: File too large", "  Nothing was written."],
    )  # fmt: skip
    assert (cases.read_bytes(), list(cases.parent.iterdir())) == (before, [cases])


def test_a_folder_for_the_junit_file_that_is_not_there_is_told_before_anything_is_asked(
    here: Path, agent_deploy: AgentDeploy
) -> None:
    agent_deploy("init")
    agent_deploy("register", WORKFLOW)
    answer = agent_deploy("eval", f"{WORKFLOW}@1", "--junit", "report/evals.xml")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("error: cannot write report/evals.xml: No such file or directory\n")
    assert agent_deploy("evals", "history", WORKFLOW, "--json").document["runs"] == []


def test_what_is_in_the_way_is_shown_with_the_folder_that_it_stands_in(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    add_version(registry)
    (here / "a file").write_text("")
    assert agent_deploy("fetch", f"{WORKFLOW}@1", "a file/x").err == (
        "error: cannot write a file/x/bundle.toml: Not a directory\n"
        "  Nothing was written.\n"
        f"  next: ls -ld {here} '{here}/a file'   # who may do what there\n"
    )


@pytest.mark.slow
@needs_full
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_an_output_on_a_full_disk_is_told_and_what_was_done_stays_done(
    registry: Registry, agent_deploy: AgentDeploy, more: list[str]
) -> None:
    add_version(registry)
    with FULL.open("wb") as full:
        ended = subprocess.run(
            [*COMMAND, "promote", WORKFLOW, "--version", "1", *more], stdout=full, stderr=subprocess.PIPE, timeout=60,
            text=True, check=False,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (
        1,
        "error: the output cannot be written: No space left on device\n"
        "  What the command did before that stays done.\n"
        "  next: agent-deploy status\n",
    )
    assert len(agent_deploy("status", "--json").document["workflows"]) == 1


@pytest.mark.slow
def test_without_any_output_a_command_does_its_work_all_the_same(registry: Registry, agent_deploy: AgentDeploy) -> None:
    add_version(registry)
    line = " ".join(f"'{word}'" for word in (*COMMAND, "promote", WORKFLOW, "--version", "1"))
    assert subprocess.run(["sh", "-c", f"{line} >&- 2>&-"], timeout=60, check=False).returncode == 0
    assert len(agent_deploy("status", "--json").document["workflows"]) == 1


@pytest.mark.slow
def test_a_stderr_that_nobody_reads_leaves_the_exit_code_as_it_is(here: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    ended = subprocess.run([*COMMAND, "promot"], stdout=write_end, stderr=write_end, timeout=60, check=False)
    os.close(write_end)
    assert ended.returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value", "coloured"), [("LANG", "", True), ("NO_COLOR", "1", False), ("TERM", "dumb", False)])  # fmt: skip  # noqa: E501
def test_colours_are_for_terminals_that_are_to_have_them(name: str, value: str, coloured: bool) -> None:
    ours, theirs = os.openpty()
    environ = {key: text for key, text in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm", name: value}
    process = subprocess.Popen([*COMMAND, "promot"], stdout=theirs, stderr=theirs, env=environ)
    process.wait(60)
    os.close(theirs)
    told = os.read(ours, 10_000)
    os.close(ours)
    assert (b"\x1b" in told, b"There is no command" in told) == (coloured, True)


@pytest.mark.parametrize("words", [["--reason", "\udcff"], ["--reason", "\udcff", "--json"]])
def test_a_word_that_is_not_text_is_a_usage_error(
    registry: Registry, agent_deploy: AgentDeploy, words: list[str]
) -> None:
    add_version(registry)
    answer = agent_deploy("promote", WORKFLOW, "--version", "1", *words)
    said = "error: argument '\\udcff' is not text in UTF-8\n  next: agent-deploy promote --help\n"
    assert (answer.code, answer.err) == (2, said)
    assert agent_deploy("status", "--json").document["workflows"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--json", "status"], "--json goes after the command's name"),
        (["--scope", "ingest", "token", "create"], "--scope goes after the command's name"),
        (["status", "--store", "x"], "--store goes before the command's name"),
        (["evals", "show", "run-1", "--config", "x"], "--config goes before the command's name"),
        (["status", "--strore", "x"], "No such option '--strore'."),
    ],
)
def test_an_option_on_the_wrong_side_of_the_commands_name_is_told_so(
    agent_deploy: AgentDeploy, words: list[str], said: str
) -> None:
    answer = agent_deploy(*words)
    assert (answer.code, answer.err.splitlines()[0]) == (2, f"error: {said}")


@pytest.mark.parametrize(
    ("words", "next_command"),
    [
        (["cost", WORKFLOW, "--since", "yesterday"], "agent-deploy cost --help"),
        (["cost", WORKFLOW, "--compare", "1"], "agent-deploy cost --help"),
        (["metrics", WORKFLOW, "--window", "x"], "agent-deploy metrics --help"),
        (["evals", "add", "x.yaml", "--input", "@gone"], "agent-deploy evals add --help"),
    ],
)
def test_wrong_words_lead_to_the_help_of_the_command_where_nothing_better_is_known(
    registry: Registry, agent_deploy: AgentDeploy, words: list[str], next_command: str
) -> None:
    answer = agent_deploy(*words)
    assert (answer.code, answer.out, answer.err.splitlines()[-1]) == (2, "", f"  next: {next_command}")


def test_a_slip_in_the_configuration_keeps_nobody_from_rolling_back(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    for number in (1, 2):
        add_version(registry, number)
        agent_deploy("promote", WORKFLOW, "--version", str(number))
    (here / "agent-deploy.toml").write_text("[environments.production.gate]\nmin_passrate = 0.9\n")
    answer = agent_deploy("rollback", WORKFLOW)
    assert (answer.code, "--config /dev/null --database URL --store URL rollback" in answer.err) == (2, True)
    past = ["--config", "/dev/null", "--database", registry.database.url, "--store", registry.store.url]
    assert agent_deploy(*past, "rollback", WORKFLOW).code == 0


@pytest.mark.parametrize("words", [["cost", WORKFLOW], ["metrics", WORKFLOW], ["traces", "list"]])
def test_a_misspelt_environment_is_told_and_not_taken_for_one_without_calls(
    here: Path, agent_deploy: AgentDeploy, words: list[str]
) -> None:
    (here / "agent-deploy.toml").write_text("[environments.production]\n")
    answer = agent_deploy(*words, "--env", "prodction")
    assert (answer.code, "did you mean 'production'?" in answer.err) == (2, True)


def test_facts_that_cannot_be_read_leave_the_status_to_be_seen(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    add_version(registry)
    agent_deploy("promote", WORKFLOW, "--version", "1")
    (here / ".agent-deploy/facts").mkdir()
    (here / ".agent-deploy/facts/spool").write_text("a file where a folder has to be")
    answer = agent_deploy("status")
    assert (answer.code, answer.out.startswith("WORKFLOW")) == (0, True)
