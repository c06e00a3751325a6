"""`agent-deploy evals check` and `evals add`: what people and scripts get."""

from __future__ import annotations

import io
import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

import agent_deploy
from agent_deploy.cli.evals import COMMANDS
from agent_deploy.evals.reading import read_eval_set
from tests.commands import call

_SET = """\
- id: a
  input: I lost my card
  expected: card
  tags: [card, lost]
  critical: true
  source: complaint:T-1
- id: b
  input: Thank you
  expected: other
  tags: [other]
  cluster: thanks
"""
_STARTER = Path(agent_deploy.__file__).parent / "starter" / "evals" / "support-triage.yaml"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with one eval set."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set.yaml").write_text(_SET)
    return tmp_path


def test_check_says_what_a_set_holds_and_what_is_doubtful() -> None:
    digest = read_eval_set(Path("set.yaml")).digest
    answer = call(None, "evals", "check", "set.yaml")
    assert (answer.code, answer.err, answer.out) == (
        0,
        "",
        "set.yaml: 2 cases\n"
        f"  digest    {digest}\n"
        "  tags      card 1, lost 1, other 1\n"
        "  critical  1\n"
        "  clusters  1\n"
        "  scorers   exact 2\n"
        "  sources   complaint 1\n"
        "set.yaml:7: warning: case 'b' is alone in cluster 'thanks'\n",
    )
    assert call(None, "evals", "check", "set.yaml", "--json").document == {
        "path": "set.yaml", "digest": digest, "cases": 2, "tags": {"card": 1, "lost": 1, "other": 1}, "critical": 1,
        "clusters": 1, "scorers": {"exact": 2}, "sources": {"complaint": 1},
        "warnings": [{"line": 7, "message": "case 'b' is alone in cluster 'thanks'"}], "faults": [],
    }  # fmt: skip


def test_check_tells_every_fault_and_exits_2() -> None:
    Path("bad.yaml").write_text("- id: a\n  inptu: b\n- id: a\n  input: c\n  critical: 1\n")
    answer = call(None, "evals", "check", "bad.yaml")
    assert (answer.code, answer.out, answer.err) == (
        2,
        "bad.yaml:1: has no 'input'\n"
        "bad.yaml:2: unknown key 'inptu'; did you mean 'input'?\n"
        "bad.yaml:5: 'critical': must be true or false, not 1\n",
        "error: bad.yaml is no eval set: 3 faults\n"
        "  Nothing was run.\n"
        "  next: agent-deploy evals check bad.yaml   # once they are mended\n",
    )
    answer = call(None, "evals", "check", "bad.yaml", "--json")
    assert (answer.code, answer.err, answer.document["digest"]) == (2, "", None)
    assert answer.document["faults"][0] == {"line": 1, "message": "has no 'input'"}


def test_check_finds_scorers_that_there_are_not() -> None:
    Path("bad.yaml").write_text("- input: b\n  scorers: [{contians: c}]\n")
    answer = call(None, "evals", "check", "bad.yaml", "--json")
    assert (answer.code, [fault["line"] for fault in answer.document["faults"]]) == (2, [1])
    assert "unknown scorer 'contians'; did you mean 'contains'?" in answer.document["faults"][0]["message"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.yaml"], "none.yaml: cannot be read: No such file or directory"),
        (["a.txt"], "a.txt: an eval set is YAML, JSON, JSON lines or CSV (.yaml, .yml, .jsonl, .ndjson, .json, .csv)"),
        ([], "Missing argument 'PATH'."),
    ],
)  # fmt: skip
def test_check_refuses_what_is_no_file_of_a_set(words: list[str], message: str) -> None:
    answer = call(None, "evals", "check", *words, "--json")
    assert (answer.code, answer.document["error"]["message"]) == (2, message)


def test_add_appends_a_case_and_says_what_to_type_next() -> None:
    answer = call(
        None, "evals", "add", "set.yaml", "--input", "My card is gone", "--expected", "card", "--tag", "card",
        "--critical", "--source", "complaint:T-2", "--id", "c",
    )  # fmt: skip
    assert (answer.code, answer.err, answer.out) == (
        0,
        "",
        "set.yaml:12: added case 'c'\n  next  git diff set.yaml && git add set.yaml\n",
    )
    assert Path("set.yaml").read_text() == _SET + (
        "- id: c\n  input: My card is gone\n  expected: card\n  tags: [card]\n  critical: true\n"
        "  source: complaint:T-2\n"
    )


def test_a_case_that_says_no_answer_is_to_be_checked_first_for_a_scorer_may_need_one() -> None:
    answer = call(None, "evals", "add", "set.yaml", "--input", "My card is gone", "--id", "c")
    assert (answer.code, answer.out.splitlines()[1]) == (
        0,
        "  next  agent-deploy evals check set.yaml && git add set.yaml",
    )


def test_add_takes_personal_data_out_and_prints_counts_only() -> None:
    text = "I am ann@example.org, ring +44 20 7946 0958 or bob@example.org"
    answer = call(None, "evals", "add", "set.yaml", "--input", text, "--redact", "--id", "c", "--json")
    assert answer.document == {
        "path": "set.yaml", "line": 12, "id": "c", "created": False, "redacted": {"EMAIL": 2, "PHONE": 1},
    }  # fmt: skip
    assert Path("set.yaml").read_text() == _SET + "- id: c\n  input: I am <EMAIL>, ring <PHONE> or <EMAIL>\n"
    answer = call(None, "evals", "add", "set.yaml", "--input", "Hello", "--redact", "--id", "d")
    assert "redacted  nothing was found" in answer.out


def test_add_reads_objects_files_and_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("input.txt").write_text("{not JSON}\n")
    Path("expected.json").write_text('{"queue": "card"}')
    monkeypatch.setattr(sys, "stdin", io.StringIO("From a pipe\n"))
    for words in (
        ["--input", "@input.txt", "--expected", "@expected.json"],
        ["--input", '{"query": "a"}', "--expected", "[1]"],
        ["--input", "@-"],
    ):
        assert call(None, "evals", "add", "new.jsonl", *words, "--json").code == 0
    cases = read_eval_set(Path("new.jsonl")).cases
    assert [(case.input, case.expected) for case in cases] == [
        ("{not JSON}", {"queue": "card"}),
        ({"query": "a"}, [1]),
        ("From a pipe", None),
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--input", "Thank you"], "set.yaml:7: case 'b' has the same input"),
        (["--input", "x", "--id", "a"], "set.yaml:1: id 'a' is taken by the case there"),
        (["--input", "x", "--source", ":"], "--source: must be text, not ''"),
        (["--input", "@none"], "--input: none cannot be read: No such file or directory"),
        (["--input", "{x"], "--input: begins like JSON and is none: "),
        (["--input", "x", "--redact", "--region", "UK"], "'UK' is no country code of two capital letters"),
    ],
)
def test_add_refuses_with_nothing_written(here: Path, words: list[str], message: str) -> None:
    answer = call(None, "evals", "add", "set.yaml", *words, "--json")
    assert (answer.code, answer.document["error"]["unchanged"]) == (2, "Nothing was written.")
    assert answer.document["error"]["message"].startswith(message)
    assert ([path.name for path in here.iterdir()], Path("set.yaml").read_text()) == (["set.yaml"], _SET)


def test_the_starter_set_is_sound_and_takes_a_case(here: Path) -> None:
    assert call(None, "evals", "check", str(_STARTER), "--json").document["warnings"] == []
    copy = here / "triage.yaml"
    copy.write_bytes(_STARTER.read_bytes())
    words = ["--input", '{"customer": "Ann", "query": "Hello"}', "--expected", "other", "--source", "synthetic"]
    assert call(None, "evals", "add", "triage.yaml", *words, "--id", "hello").code == 0
    assert copy.read_text() == _STARTER.read_text() + (
        "  - id: hello\n    input:\n      customer: Ann\n      query: Hello\n    expected: {queue: other}\n"
        "    source: {kind: synthetic}\n"
    )


def test_the_group_lists_its_commands_without_loading_them_and_their_help_agrees() -> None:
    answer = call(None, "evals", "--help")
    assert (answer.code, [name for name in COMMANDS if f"  {name} " not in answer.out]) == (0, [])
    for name in ("check", "add"):
        module, text = COMMANDS[name]
        assert import_module(f"agent_deploy.cli.evals.{module}").command.get_short_help_str(200) == text
    assert "There is no command evals 'ad'; did you mean 'add'?" in call(None, "evals", "ad").err


def test_the_schema_is_printed_for_editors() -> None:
    document = json.loads(call(None, "evals", "check", "--print-schema").out)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
