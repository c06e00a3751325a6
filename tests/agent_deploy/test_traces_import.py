"""`agent-deploy traces import` takes trace files as facts, each span once."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent_deploy.cli.options import Settings
from agent_deploy.cli.traces.import_ import command
from agent_deploy.operations.traces import import_ as importing
from agent_deploy.operations.traces.import_ import Bad, Imported, Source, find_sources, import_
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.spool import spool_files
from agent_deploy.telemetry.facts.store import FactStore
from registry.errors import BadInput, Unavailable
from registry.stores import open_store
from tests.commands import Answer
from tests.telemetry.otlp import Sent, line, span_id

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5-mini"}


class Facts:
    """Takes facts, and remembers in how many appends."""

    def __init__(self) -> None:
        self.taken: list[Fact] = []
        self.appends = 0

    def append(self, facts: Sequence[Fact]) -> None:
        self.taken += facts
        self.appends += bool(facts)

    @property
    def ids(self) -> list[str]:
        return [fact.span_id for fact in self.taken]


def chat(*numbers: int) -> bytes:
    return line(*(Sent(number, attributes=CHAT) for number in numbers))


def sources(*words: str | Path) -> list[Source]:
    return find_sources([str(word) for word in words], io.BytesIO())


def test_files_are_read_in_the_order_of_their_rotation_and_each_span_counts_once(tmp_path: Path) -> None:
    (tmp_path / "traces.json").write_bytes(chat(2, 3))
    (tmp_path / "traces-2026-11-23T22-00-00.000.json").write_bytes(chat(1) + chat(2))
    (tmp_path / "traces-2026-11-23T21-00-00.000.json.gz").write_bytes(gzip.compress(chat(9)))
    (tmp_path / "README").write_text("no traces")
    facts = Facts()
    done = import_(sources(tmp_path), facts.append)
    assert facts.ids == [span_id(number) for number in (9, 1, 2, 3)]
    assert done == Imported(
        files=3, lines=4, spans=5, facts=4, skipped={"duplicate": 1}, ignored={}, bad_lines=0, bad=()
    )


def test_what_is_left_out_refused_and_ignored_is_counted_by_why(tmp_path: Path) -> None:
    odd = Sent(1, attributes=CHAT | {"gen_ai.usage.input_tokens": "many"})
    (tmp_path / "a.json").write_bytes(line(odd, Sent(2), Sent(3, trace="0" * 32)) + b'{"resourceLogs": []}\n')
    done = import_(sources(tmp_path / "a.json"), Facts().append)
    assert (done.spans, done.facts, done.lines) == (3, 1, 2)
    assert done.skipped == {"of no LLM workflow": 1, "the trace id is not 16 bytes that are not all zero": 1}
    assert done.ignored == {"gen_ai.usage.input_tokens": 1}


def test_a_bad_line_is_named_and_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(chat(1) + b"{torn\n" + chat(2))
    facts = Facts()
    done = import_(sources(file), facts.append)
    assert (facts.ids, done.bad_lines) == ([span_id(1), span_id(2)], 1)
    (bad,) = done.bad
    assert (bad.file, bad.line) == (str(file), 2)
    assert bad.message.startswith("no OTLP trace export: not JSON")


def test_strict_stops_at_it_and_keeps_what_came_before(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(chat(1) + b"{torn\n" + chat(2))
    facts = Facts()
    with pytest.raises(BadInput) as stopped:
        import_(sources(file), facts.append, strict=True)
    assert stopped.value.message.startswith(f"{file}:2: ")
    assert stopped.value.unchanged == "Facts kept from before it: 1."
    assert facts.ids == [span_id(1)]


def test_a_file_of_which_nothing_can_be_read_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("not\ntraces\n")
    with pytest.raises(BadInput, match=r"notes\.json:1: no OTLP trace export") as refused:
        import_(sources(tmp_path / "notes.json"), Facts().append)
    assert refused.value.unchanged == "Nothing was imported."


def test_the_first_hundred_bad_lines_are_told_and_all_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(chat(1) + b"x\n" * 150)
    done = import_(sources(tmp_path / "a.json"), Facts().append)
    assert (done.bad_lines, len(done.bad)) == (150, 100)
    assert all(isinstance(bad, Bad) for bad in done.bad)


def test_facts_are_appended_in_large_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_BATCH", 10)
    (tmp_path / "a.json").write_bytes(b"".join(chat(number) for number in range(1, 26)))
    facts, told = Facts(), list[str]()
    import_(sources(tmp_path / "a.json"), facts.append, progress=told.append)
    assert (len(facts.taken), facts.appends) == (25, 3)
    assert [words.partition(": ")[2] for words in told] == ["line 10, 10 facts", "line 20, 20 facts", ""]


def test_duplicates_are_noticed_within_a_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_REMEMBERED", 10)
    (tmp_path / "a.json").write_bytes(b"".join(chat(number) for number in (*range(1, 26), 25, 16, 1)))
    done = import_(sources(tmp_path / "a.json"), Facts().append)
    assert done.skipped == {"duplicate": 2}  # the first is long forgotten: the readers of facts count it once


@pytest.mark.parametrize("word", ["nowhere.json", "empty"])
def test_a_name_with_nothing_under_it_is_refused(word: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=word):
        sources(tmp_path / word)


def test_stdin_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = Facts()
    done = import_(find_sources(["-"], io.BytesIO(chat(1))), facts.append)
    assert (done.files, facts.ids) == (1, [span_id(1)])
    assert not sys.stdin.closed


def test_facts_that_cannot_be_sealed_are_kept_and_the_error_says_so(tmp_path: Path) -> None:
    def away() -> None:
        raise Unavailable("the store is away")

    (tmp_path / "a.json").write_bytes(chat(1))
    facts = Facts()
    with pytest.raises(Unavailable) as failed:
        import_(sources(tmp_path / "a.json"), facts.append, seal=away)
    assert failed.value.unchanged == "Facts kept on this machine, and in its reports: 1."
    assert facts.ids == [span_id(1)]


def run(*words: str) -> Answer:
    """The command, before it has its place on the command line."""
    done = CliRunner().invoke(command, words, obj=Settings())
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Answer(done.exit_code, done.stdout, done.stderr)


def counted(here: Path) -> tuple[int, int]:
    """Facts, and those in files of the spool."""
    facts = FactStore(open_store(str(here / ".agent-deploy")), here / ".agent-deploy" / "facts")
    found = facts.connection().execute("SELECT count(*) FROM facts").fetchone()
    assert found is not None
    return found[0], len(spool_files(facts.folder / "spool"))


def test_the_command_imports_into_the_store_and_a_second_time_adds_nothing(here: Path) -> None:
    (here / "a.json").write_bytes(chat(1, 2) + b"{torn\n")
    answer = run("a.json", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.document == {
        "files": 1, "lines": 2, "spans": 2, "facts": 2, "skipped": {}, "ignored": {}, "bad_lines": 1,
        "bad": [{"file": "a.json", "line": 2, "message": answer.document["bad"][0]["message"]}],
    }  # fmt: skip
    assert counted(here) == (2, 0)
    run("a.json")
    assert counted(here) == (2, 0)


def test_the_command_tells_people_what_it_took_and_on_stderr_what_not(here: Path) -> None:
    odd = Sent(1, attributes=CHAT | {"gen_ai.usage.input_tokens": "many"})
    (here / "a.json").write_bytes(line(odd, Sent(2)) + b"[]\n")
    answer = run("a.json")
    assert answer.out.splitlines() == [
        "1 fact of 2 spans, from 1 file",
        "  skipped         1 of no LLM workflow",
        "  ignored values  1 gen_ai.usage.input_tokens",
    ]
    assert answer.err.splitlines() == [
        "1 line could not be read:",
        "  a.json:2: no OTLP trace export: a JSON list, not an object with resourceSpans",
    ]
