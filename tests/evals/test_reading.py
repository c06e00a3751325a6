"""Eval set files: four formats say the same set, and every fault is named by file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.evals.cases import Case, EvalSet, Origin, ScorerSpec
from agent_deploy.evals.reading import parse_eval_set, read_eval_set
from agent_deploy.evals.reading.rows import Fault
from registry.errors import BadInput

_CASE = Case(
    id="refund-twice",
    input={"customer": "Ann", "query": "Charged twice"},
    expected={"queue": "card"},
    tags=("card", "hard"),
    critical=True,
    cluster="double charge",
    source=Origin("complaint", "TICKET-123"),
    metadata={"since": "2024-01-01"},
)
_YAML = """\
# cases of the support desk
- id: refund-twice
  input:
    customer: Ann
    query: Charged twice
  expected: {queue: card}
  tags: [card, hard]
  critical: true
  cluster: double charge
  source: {kind: complaint, ref: TICKET-123}
  metadata:
    since: 2024-01-01
"""
_JSON: dict[str, Any] = {
    "id": "refund-twice", "input": {"customer": "Ann", "query": "Charged twice"}, "expected": {"queue": "card"},
    "tags": ["card", "hard"], "critical": True, "cluster": "double charge", "source": "complaint:TICKET-123",
    "metadata": {"since": "2024-01-01"},
}  # fmt: skip
_CSV = (
    "id;input.customer;input.query;expected.queue;tags;critical;cluster;source;metadata.since\r\n"
    "refund-twice;Ann;Charged twice;card;card, hard;true;double charge;complaint:TICKET-123;2024-01-01\r\n"
)


def read(text: str | bytes, suffix: str = ".yaml") -> EvalSet:
    """The set of a file with this content, that is one."""
    reading = parse_eval_set(text if isinstance(text, bytes) else text.encode(), suffix, f"set{suffix}")
    assert reading.faults == ()
    assert reading.eval_set is not None
    return reading.eval_set


def faults(text: str | bytes, suffix: str = ".yaml") -> list[tuple[int, str]]:
    """Line and message of everything that is wrong with it."""
    reading = parse_eval_set(text if isinstance(text, bytes) else text.encode(), suffix, f"set{suffix}")
    assert (reading.eval_set is None) == bool(reading.faults)
    return [(fault.line, fault.message) for fault in reading.faults]


def only_case(text: str, suffix: str = ".yaml") -> Case:
    """The one case of the set."""
    (case,) = read(text, suffix).cases
    return case


@pytest.mark.parametrize(
    ("text", "suffix", "line"),
    [
        (_YAML, ".yaml", 2),
        (json.dumps([_JSON], indent=2), ".json", 2),
        ("\n" + json.dumps(_JSON) + "\n", ".jsonl", 2),
        (_CSV, ".csv", 2),
        ("\ufeff" + _CSV.replace(";", "\t").replace("card, hard", "card;hard"), ".csv", 2),
    ],
    ids=["yaml", "json", "jsonl", "csv", "csv of Excel, tabs"],
)
def test_every_format_says_the_same_set_and_knows_the_lines(text: str, suffix: str, line: int) -> None:
    found = read(text, suffix)
    assert (found.cases, found.cases[0].line) == ((_CASE,), line)
    assert found.digest == EvalSet("elsewhere", (_CASE,)).digest


def test_a_file_is_read_under_the_name_that_the_user_gave_it(tmp_path: Path) -> None:
    path = tmp_path / "set.YAML"
    path.write_text(_YAML)
    assert read_eval_set(path, "evals/set.YAML") == EvalSet("evals/set.YAML", (_CASE,))


def test_the_mapping_around_the_cases_says_scorers_and_a_description() -> None:
    text = "description: the desk\nscorers: [exact, {contains: a}]\ntests:\n- {id: a, input: b, expected: c}\n"
    scorers = (ScorerSpec("exact"), ScorerSpec("contains", {"value": "a"}))
    assert read(text) == EvalSet("set.yaml", (Case("a", "b", "c"),), scorers, "the desk")
    document = {"$schema": "eval-set.schema.json", "dataset": [{"id": "a", "input": "b", "expected": "c"}]}
    assert read(json.dumps(document), ".json") == EvalSet("set.json", (Case("a", "b", "c"),))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("off", "off"), ("y", "y"), ("12:30", "12:30"), ("2024-01-01", "2024-01-01"), ("0123", "0123"),
        ("+44", "+44"), ("0x1F", "0x1F"), ("1_000", "1_000"), ("1.", "1."), ("true", True), ("False", False),
        ("~", None), ("null", None), ("", None), ("12", 12), ("-1.5", -1.5), ("1e3", 1000.0), ("'12'", "12"),
        ('"true"', "true"), ("=", "="), ("<<", "<<"),
    ],
)  # fmt: skip
def test_plain_words_of_yaml_stay_text_unless_json_means_a_value(written: str, value: object) -> None:
    case = only_case(f"- id: a\n  input: x\n  expected: {written}\n")
    assert (case.expected, type(case.expected)) == (value, type(value))


@pytest.mark.parametrize(
    ("row", "case"),
    [
        ({"input": "q", "target": "a", "id": 7}, Case("7", "q", "a")),
        ({"id": "1", "input": "q", "target": ["a", "b"]},
         Case("1", "q", scorers=(ScorerSpec("one_of", {"value": ["a", "b"]}),))),
        ({"name": "1", "inputs": {"a": 1}, "expected_output": 2, "metadata": None, "evaluators": ["EqualsExpected"]},
         Case("1", {"a": 1}, 2, scorers=(ScorerSpec("exact"),))),
        ({"name": "1", "input": "q", "expectedOutput": "a", "actual_output": None, "context": ["c"],
          "retrieval_context": [], "tools_called": None, "expected_tools": [], "additional_metadata": {"k": "v"}},
         Case("1", "q", "a", metadata={"k": "v", "context": ["c"]})),
        ({"vars": {"query": "q"}, "description": "asks", "assert": [{"type": "equals", "value": "a"}]},
         Case("asks", {"query": "q"}, scorers=(ScorerSpec("exact", {"value": "a"}),))),
        ({"id": "1", "input": "q", "description": "kept"}, Case("1", "q", metadata={"description": "kept"})),
    ],
    ids=["inspect", "inspect, several targets", "pydantic-evals", "deepeval", "promptfoo", "description beside id"],
)  # fmt: skip
def test_other_peoples_names_of_the_fields_are_understood(row: dict[str, Any], case: Case) -> None:
    assert only_case(json.dumps(row), ".jsonl") == case


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("complaint:TICKET-123", Origin("complaint", "TICKET-123")),
        ("synthetic", Origin("synthetic")),
        ({"kind": "call", "ref": "a:b"}, Origin("call", "a:b")),
        ({"kind": "call"}, Origin("call")),
        ("https://desk.example/1", Origin("url", "https://desk.example/1")),
    ],
)
def test_a_source_is_a_kind_and_a_reference(written: object, origin: Origin) -> None:
    assert only_case(json.dumps({"input": "q", "source": written}), ".jsonl").source == origin


def test_a_case_without_an_id_gets_one_from_its_input_whatever_the_order() -> None:
    rows = [{"input": {"a": 1, "b": 2}}, {"input": "q"}]
    one = read(json.dumps(rows), ".json")
    other = read(json.dumps([rows[1], {"input": {"b": 2, "a": 1}}]), ".json")
    assert ([case.id for case in one.cases], one.digest) == (["case-43258cff", "case-90edba1c"], other.digest)


def test_a_table_of_promptfoo_has_its_variables_as_input() -> None:
    text = (
        "query,name,__expected,__expected2,__description,__metadata:team\n"
        '"say ""hi"",\nplease",Ann,hello,"icontains-any: hi, hello",greets,desk\n'
        ",Bob,not-contains:bye,,,\n"
    )
    assert read(text, ".csv").cases == (
        Case(
            "greets",
            {"query": 'say "hi",\nplease', "name": "Ann"},
            metadata={"team": "desk"},
            scorers=(
                ScorerSpec("exact", {"value": "hello"}),
                ScorerSpec("contains", {"value": ["hi", "hello"], "match": "any", "ignore_case": True}),
            ),
        ),
        Case(
            "case-bde3bbb5",
            {"query": "", "name": "Bob"},
            scorers=(ScorerSpec("contains", {"value": "bye", "not": True}),),
        ),
    )


def test_cells_of_a_table_are_text_and_empty_ones_say_nothing() -> None:
    text = 'id,input,expected,critical,metadata,scorers\n1,42,true,no,,\n2,null,,yes,"{""a"": 1}",exact\n'
    assert read(text, ".csv").cases == (
        Case("1", "42", "true"),
        Case("2", "null", critical=True, metadata={"a": 1}, scorers=(ScorerSpec("exact"),)),
    )


@pytest.mark.parametrize(
    ("text", "suffix", "told"),
    [
        ("- id: a\n  input: b\n  expectd: c\n", ".yaml", [(3, "unknown key 'expectd'; did you mean 'expected'?")]),
        ("- id: a\n  input: b\n- id: a\n  input: c\n", ".yaml", [(3, "id 'a' is taken by the case of line 1")]),
        ("- input: b\n- input: b\n", ".yaml",
         [(2, "id 'case-c100f95c' is taken by the case of line 1, and so is the input")]),
        ("[]\n", ".yaml", [(1, "holds no case; an empty set would pass anything")]),
        ("cases: []\n", ".yaml", [(1, "holds no case; an empty set would pass anything")]),
        ("", ".yaml", [(1, "is empty; an eval set holds one case at least")]),
        ("# nothing yet\n", ".yaml", [(1, "is empty; an eval set holds one case at least")]),
        ("id,input\n", ".csv", [(1, "holds no case; an empty set would pass anything")]),
        ("- id: a\n", ".yaml", [(1, "has no 'input'")]),
        ("- id: a\n  input:\n", ".yaml", [(2, "'input' is empty")]),
        ("- input: a\n  inputs: b\n", ".yaml",
         [(2, "'input' and 'inputs' are two names of the same field; give one")]),
        ("- input: a\n  expected: b\n  target: b\n", ".yaml",
         [(3, "'expected' and 'target' are two names of the same field; give one")]),
        ("- input: a\n  input: b\n", ".yaml", [(2, "key 'input' stands twice")]),
        ('{"input": "a", "input": "b"}\n', ".jsonl", [(1, "key 'input' stands twice")]),
        ("- input: a\n  critical: 'yes'\n", ".yaml", [(2, "'critical': must be true or false, not 'yes'")]),
        ("- input: a\n  tags: card\n", ".yaml", [(2, "'tags': must be a list of texts, not 'card'")]),
        ("- input: a\n  tags: [1]\n", ".yaml", [(2, "'tags': 1 is not text; put it in quotes")]),
        ("- input: a\n  metadata: b\n", ".yaml", [(2, "'metadata': must be a mapping, not 'b'")]),
        ("- input: a\n  id: ''\n", ".yaml", [(2, "'id': must be text, not ''")]),
        ('- input: a\n  id: "b\\tc"\n', ".yaml", [(2, "'id': must be one line of 200 letters at most")]),
        ("- input: a\n  source: {ref: b}\n", ".yaml",
         [(2, "'source': must be kind:ref or {kind, ref}, not {'ref': 'b'}")]),
        ("- input: a\n  vars: b\n", ".yaml", [(2, "'input' and 'vars' are two names of the same field; give one")]),
        ("- vars: b\n", ".yaml", [(1, "'vars' must be a mapping of variables, not 'b'")]),
        ("- input: a\n  scorers: 3\n", ".yaml",
         [(2, "'scorers': a scorer is a name, {name: option} or {name: …, value: …}, not 3")]),
        ("- input: a\n  expected_tools: [b]\n", ".yaml",
         [(2, "nothing here reads 'expected_tools'; write what it judges as `scorers`")]),
        ("- input: &a x\n  expected: *a\n", ".yaml",
         [(1, "an anchor or alias (&x, *x); an eval set is read by people: write the value out"),
          (2, "an anchor or alias (&x, *x); an eval set is read by people: write the value out")]),
        ("- input: !!python/object/apply:os.system [ls]\n", ".yaml",
         [(1, "a tag (tag:yaml.org,2002:python/object/apply:os.system); an eval set holds plain values only")]),
        ("- input: a\n---\n- input: b\n", ".yaml", [(2, "a second YAML document begins; an eval set is one")]),
        ("- input: .nan\n", ".yaml",
         [(1, "'input' holds a number that is not finite, which JSON has not; put it in quotes if it is text")]),
        ('{"input": NaN}\n', ".jsonl",
         [(1, "'input' holds a number that is not finite, which JSON has not; put it in quotes if it is text")]),
        ('{"input": 9007199254740993}\n', ".jsonl",
         [(1, "'input' holds a number past 9007199254740991, which JSON carries inexactly; put it in quotes if it is "
              "text")]),
        ('{"input": "a\\u0000"}\n', ".jsonl", [(1, "'input' holds a NUL character")]),
        ('{"input": "\\ud800"}\n', ".jsonl",
         [(1, "'input' holds half of a surrogate pair, which is no character")]),
        ("- input: [a\n", ".yaml", [(2, "not YAML: did not find expected ',' or ']'")]),
        ("- input: a\n\tb: c\n", ".yaml", [(2, "not YAML: found a tab character that violates indentation")]),
        ("- input: a\n  expected: \x07\n", ".yaml", [(2, "not YAML: control characters are not allowed")]),
        ("cards: []\n", ".yaml", [(1, "unknown key 'cards'; did you mean 'cases'?"), (1, "has no 'cases'")]),
        ("cases: []\ntests: []\n", ".yaml", [(1, "has both cases and tests; give one")]),
        ("cases: file.csv\n", ".yaml", [(1, "'cases' must be a list of cases, not 'file.csv'")]),
        ("just text\n", ".yaml", [(1, "an eval set is a list of cases, or a mapping with `cases`")]),
        ("- a\n- input: b\n", ".yaml", [(1, "a case is a mapping with `input`, and here is something else")]),
        ("3\n", ".json", [(1, "an eval set is a list of cases, or an object with `cases`")]),
        ('[{"input": "a"},\n 3]\n', ".json", [(2, "a case is an object with `input`, and here is something else")]),
        ('[{"input": "a"}\n', ".json", [(2, "not JSON: a comma or ] has to stand here")]),
        ('[{"input": "a"},\n', ".json", [(2, "not JSON: it ends too early")]),
        ('[{"input": "a"}]\n[]', ".json", [(2, "not JSON: there is more after the end")]),
        ('[{"input":\n tru}]', ".json", [(2, "not JSON: Expecting value (column 2)")]),
        ('{"input": "a"}\n{"input":\n', ".jsonl", [(2, "not JSON: Expecting value (column 10)")]),
        ('id,input\n1,"a\n2,b\n', ".csv", [(2, "not CSV: unexpected end of data")]),
        ("id,input\n1,a,b\n", ".csv", [(2, "3 cells under 2 columns; quote a cell that holds the separator")]),
        ("id,id,input\n1,a,b\n", ".csv", [(1, "column 'id' stands twice")]),
        ("input,exspected\na,b\n", ".csv", [(2, "unknown key 'exspected'; did you mean 'expected'?")]),
        ("input,critical\na,maybe\n", ".csv", [(2, "column 'critical': 'maybe' is neither true nor false")]),
        ("query,__providerOutput\na,b\n", ".csv",
         [(2, "column '__providerOutput': promptfoo knows it, this does not")]),
        ("input,expected,expected.queue\na,b,c\n", ".csv",
         [(2, "column 'expected.queue': there is a column 'expected' as well; have one or the other")]),
        (b"- input: a\n- input: \xff\n", ".yaml", [(2, "byte 0xff is not UTF-8; save the file as UTF-8")]),
        (b"- input: a\n- input: \0\n", ".yaml", [(2, "holds a NUL character; save the file as UTF-8 text")]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_line(text: str | bytes, suffix: str, told: list[tuple[int, str]]) -> None:
    assert faults(text, suffix) == told


def test_every_fault_of_a_set_is_told_up_to_fifty() -> None:
    assert faults("- id: a\n  inpt: b\n  critical: 1\n- expected: c\n") == [
        (1, "has no 'input'"),
        (2, "unknown key 'inpt'; did you mean 'input'?"),
        (3, "'critical': must be true or false, not 1"),
        (4, "has no 'input'"),
    ]
    assert len(faults("- expected: c\n" * 99)) == 50


def test_the_first_fault_is_the_error_and_the_command_that_tells_all_is_named(tmp_path: Path) -> None:
    path = tmp_path / "set.yaml"
    path.write_text("- id: a\n- id: b\n")
    with pytest.raises(BadInput) as raised:
        read_eval_set(path, "set.yaml")
    assert (raised.value.message, raised.value.next_command) == (
        "set.yaml:1: has no 'input' (and 1 more)",
        "agent-deploy evals check set.yaml",
    )


def test_where_there_is_no_such_file_the_next_command_names_the_one_that_was_meant_or_begins_it(tmp_path: Path) -> None:
    (tmp_path / "triage.yaml").write_text("- input: a\n")
    (tmp_path / "traige.txt").write_text("no set\n")
    told = {}
    for name in ("traige.yaml", "new sets/other.yaml"):
        with pytest.raises(BadInput) as raised:
            read_eval_set(tmp_path / name, name)
        told[raised.value.message] = raised.value.next_command
    assert told == {
        "traige.yaml: cannot be read: No such file or directory; did you mean triage.yaml?": (
            "agent-deploy evals check triage.yaml"
        ),
        "new sets/other.yaml: cannot be read: No such file or directory": (
            "agent-deploy evals add 'new sets/other.yaml' --input TEXT --expected TEXT   # begins it"
        ),
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [("none.yaml", "cannot be read: No such file or directory"), (".", "an eval set is YAML, JSON, JSON lines or CSV")],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_eval_set(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "suffix", "told"),
    [
        ("- input: " + "[" * 70 + "]" * 70, ".yaml", "nested more than 64 deep"),
        ('{"input": ' + "[" * 99_999 + "]" * 99_999 + "}", ".jsonl", "nested too deeply"),
        ('[{"input": ' + "[" * 99_999 + "]" * 99_999 + "}]", ".json", "nested too deeply"),
        ("- input: " + "9" * 5000, ".yaml", "a number has too many digits; put it in quotes if it is text"),
        ('{"input": ' + "9" * 5000 + "}", ".jsonl", "not JSON: a number has too many digits"),
    ],
    ids=["deep yaml", "deep jsonl", "deep json", "long number in yaml", "long number in jsonl"],
)
def test_bombs_are_refused(text: str, suffix: str, told: str) -> None:
    assert faults(text, suffix)[0] == (1, told)


def test_a_billion_laughs_are_refused_at_once() -> None:
    lines = [
        'a: &a ["lol"]',
        *(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    ]
    found = parse_eval_set("\n".join(lines).encode(), ".yaml", "set.yaml")
    assert found.faults[0] == Fault(
        1, "an anchor or alias (&x, *x); an eval set is read by people: write the value out"
    )


def test_crlf_is_no_part_of_any_value() -> None:
    assert read(_YAML.replace("\n", "\r\n")).cases == (_CASE,)
    assert read((json.dumps(_JSON) + "\n").replace("\n", "\r\n"), ".jsonl").cases == (_CASE,)
