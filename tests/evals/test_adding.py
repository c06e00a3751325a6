"""A case is added in the file's own format, names and order; what was there stays byte for byte."""

from __future__ import annotations

import json
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given as cases_of
from hypothesis import strategies as st

from agent_deploy.evals.adding import add_case
from agent_deploy.evals.adding.naming import Draft
from agent_deploy.evals.adding.yaml_style import dumped
from agent_deploy.evals.cases import Case, EvalSet, Origin, ScorerSpec
from agent_deploy.evals.reading import parse_eval_set, read_eval_set
from registry.errors import BadInput

_DRAFT = Draft("My card is gone", "card", "lost", ("card", "urgent"), True, "loss", Origin("complaint", "TICKET-123"))
_PLAIN = Draft("It's: gone", "card")


def _added(tmp_path: Path, name: str, before: str, draft: Draft) -> str:
    """What the file says more than before; the case is where the answer says."""
    path = tmp_path / name
    path.write_bytes(before.encode())
    case = add_case(path, draft, name).case
    assert read_eval_set(path, name).cases[-1] == case
    after = path.read_bytes().decode()
    kept = next(n for n in range(len(after) + 1) if n == len(before) or after[n] != before[n])
    rest = len(before) - kept
    assert after[len(after) - rest :] == before[kept:]
    return after[kept : len(after) - rest]


@pytest.mark.parametrize(
    ("before", "draft", "added"),
    [
        (
            "- id: a\n  input: b\n  expected: c\n",
            _DRAFT,
            "- id: lost\n  input: My card is gone\n  expected: card\n  tags: [card, urgent]\n  critical: true\n"
            "  cluster: loss\n  source:\n    kind: complaint\n    ref: TICKET-123\n",
        ),
        (
            "# ours\ncases:\n  # first\n  - expected: 'c'\n    input: \"b\"\n    source: complaint:T-1\n    id: a\n"
            "    tags:\n      - card\n\n  # second\n  - input: \"d\" # why\n    id: x\n# the end\nscorers: [exact]\n",
            _DRAFT,
            "\n  - expected: 'card'\n    input: \"My card is gone\"\n    source: complaint:TICKET-123\n    id: lost\n"
            "    tags:\n      - card\n      - urgent\n    critical: true\n    cluster: loss\n",
        ),
        ("- input: b", _PLAIN, "\n- input: 'It''s: gone'\n  expected: card\n"),
        ("- input: b\n  expected: c\n\n\n", _PLAIN, "- input: 'It''s: gone'\n  expected: card\n"),
        ("- input: b\r\n- input: c\r\n", _PLAIN, "- input: 'It''s: gone'\r\n  expected: card\r\n"),
        ("- input: |\n    two\n    lines\n\n# end\n", Draft("two\nmore", "c"),
         "- input: |-\n    two\n    more\n  expected: c\n"),
        ("- expected: c\n  input: |+\n    two\n\n", _PLAIN, "- expected: card\n  input: 'It''s: gone'\n"),
        ("-   input: b\n    tags:\n    - x\n", Draft("d", tags=("y",)), "-   input: d\n    tags:\n    - y\n"),
        ("- {input: b, expected: c}\n", _PLAIN, "- {input: 'It''s: gone', expected: card}\n"),
        ("cases: [{input: b}, {input: d}] # all\n", _PLAIN, ", {input: 'It''s: gone', expected: card}"),
        ("[\n  {input: b},\n  {input: d},\n]\n", _PLAIN, "  {input: 'It''s: gone', expected: card},\n"),
        (
            "- id: a\n  input:\n      query: b\n  expected: {queue: c}\n",
            Draft({"query": "no"}, "12:30"),
            "- id: case-af328c78\n  input:\n      query: 'no'\n  expected: {queue: '12:30'}\n",
        ),
        (
            "- name: a\n  inputs: b\n  expected_output: c\n",
            _PLAIN,
            "- name: case-4a910c78\n  inputs: 'It''s: gone'\n  expected_output: card\n",
        ),
        (
            "tests:\n  - vars: {query: b}\n    assert:\n      - type: equals\n        value: c\n",
            _PLAIN,
            "  - vars: {query: 'It''s: gone'}\n    assert:\n      - type: equals\n        value: card\n",
        ),
    ],
    ids=[
        "a plain list", "comments, quotes and order", "no line end", "empty lines after", "crlf", "literal text",
        "kept line ends", "wide dashes", "flow cases", "a flow list", "a flow list over lines", "objects",
        "pydantic-evals", "promptfoo",
    ],
)  # fmt: skip
def test_a_case_in_yaml_looks_like_the_cases_before_it(tmp_path: Path, before: str, draft: Draft, added: str) -> None:
    assert _added(tmp_path, "set.yaml", before, draft) == added


@pytest.mark.parametrize(
    ("name", "before", "added"),
    [
        ("set.jsonl", '{"input": "b"}\n', '{"input": "It\'s: gone", "expected": "card"}\n'),
        ("set.jsonl", '{"expected":"c","input":"b"}', '\n{"expected":"card","input":"It\'s: gone"}\n'),
        ("set.jsonl", '{"input":"b","target":"c"}\r\n', '{"input":"It\'s: gone","target":"card"}\r\n'),
        ("set.json", '[{"input": "b"}]', ', {"input": "It\'s: gone", "expected": "card"}'),
        ("set.json", '{"cases": [\n    {"input": "b"}\n  ], "scorers": ["exact"]}\n',
         ',\n    {"input": "It\'s: gone", "expected": "card"}'),
        ("set.json", '[\n    {\n        "input": "b"\n    }\n]\n',
         ',\n    {\n        "input": "It\'s: gone",\n        "expected": "card"\n    }'),
        ("set.csv", "input,expected\nb,c\n", "It's: gone,card\n"),
        ("set.csv", '"input";"expected"\r\n"b";"c"', '\r\n"It\'s: gone";"card"\r\n'),
        ("set.csv", "query,__expected\nb,contains:c\n", "It's: gone,card\n"),
        ("set.csv", "id,expected.queue,input.query\na,b,c\n", "case-4a910c78,card,It's: gone\n"),
    ],
)  # fmt: skip
def test_a_case_in_json_and_csv_looks_like_those_before_it(tmp_path: Path, name: str, before: str, added: str) -> None:
    assert _added(tmp_path, name, before, _PLAIN) == added


@pytest.mark.parametrize(
    ("other", "given", "expected"),
    [
        ("3", "4.5", 4.5), ("3", "four", "four"), ("3", "", ""), ("3", "true", "true"), ("true", "false", False),
        ("'3'", "4", "4"), ("{a: 1}", "2", {"a": 2}), ("{a: b}", {"c": 1}, {"c": 1}),
    ],
)  # fmt: skip
def test_what_is_expected_takes_the_form_that_the_others_have(
    tmp_path: Path, other: str, given: Any, expected: Any
) -> None:
    path = tmp_path / "set.yaml"
    path.write_text(f"- input: a\n  expected: {other}\n")
    assert add_case(path, Draft("b", given)).case.expected == expected


def test_a_csv_takes_what_it_has_columns_for(tmp_path: Path) -> None:
    before = "source;id;input;expected;tags;critical;cluster\nsynthetic;a;b;c;x, y;yes;\n"
    added = _added(tmp_path, "set.csv", before, _DRAFT)
    assert added == "complaint:TICKET-123;lost;My card is gone;card;card, urgent;yes;loss\n"
    path = tmp_path / "set.csv"
    path.write_text("input,expected\nb,c\n")
    for draft, told in (
        (_DRAFT, "the file has no column 'id' for that; add it to the first line"),
        (Draft({"a": 1}, "c"), '--input: a cell of a CSV holds text, not {"a": 1}'),
        (Draft("d", {"queue": "c"}), "the file has no column 'expected.queue' for that; add it to the first line"),
    ):
        with pytest.raises(BadInput) as raised:
            add_case(path, draft)
        assert (raised.value.message, path.read_text()) == (told, "input,expected\nb,c\n")


def test_a_text_that_reads_like_another_assertion_is_still_what_the_output_equals(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_text("query,__expected\nb,c\n")
    assert add_case(path, Draft("d", "contains: c")).case == Case(
        "case-447f67a0", {"query": "d"}, scorers=(ScorerSpec("exact", {"value": "contains: c"}),)
    )
    assert path.read_text().endswith("\nd,equals:contains: c\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("new/set.yaml", "# yaml-language-server: $schema=eval-set.schema.json\ncases:\n  - id: lost\n"
         "    input: My card is gone\n    expected: card\n    tags: [card, urgent]\n    critical: true\n"
         "    cluster: loss\n    source:\n      kind: complaint\n      ref: TICKET-123\n"),
        ("set.jsonl", '{"id": "lost", "input": "My card is gone", "expected": "card", "tags": ["card", "urgent"], '
         '"critical": true, "cluster": "loss", "source": {"kind": "complaint", "ref": "TICKET-123"}}\n'),
        ("set.csv", "id,input,expected,tags,critical,cluster,source\n"
         "lost,My card is gone,card,card;urgent,true,loss,complaint:TICKET-123\n"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_there_is_begun(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    added = add_case(path, _DRAFT)
    case = Case("lost", _DRAFT.input, "card", _DRAFT.tags, True, "loss", _DRAFT.source)
    assert (added.created, added.case, path.read_text()) == (True, case, content)
    assert read_eval_set(path).cases == (case,)


def test_a_new_json_file_names_its_schema(tmp_path: Path) -> None:
    add_case(tmp_path / "set.json", _PLAIN)
    assert json.loads((tmp_path / "set.json").read_text()) == {
        "$schema": "eval-set.schema.json",
        "cases": [{"id": "case-4a910c78", "input": "It's: gone", "expected": "card"}],
    }


@pytest.mark.parametrize(
    ("draft", "told"),
    [
        (Draft("c", "d", "a"), "set.yaml:2: id 'a' is taken by the case there"),
        (Draft("b", "d"), "set.yaml:2: case 'a' has the same input"),
        (Draft("a\0b", "d"), "set.yaml: the case cannot be added: 'input' holds a NUL character"),
        (Draft("c", id="x\ny"), "set.yaml: the case cannot be added: 'id': must be one line of 200 letters at most"),
    ],
)
def test_a_case_that_is_there_or_is_none_is_refused_with_nothing_written(
    tmp_path: Path, draft: Draft, told: str
) -> None:
    path = tmp_path / "set.yaml"
    path.write_text("# ours\n- id: a\n  input: b\n")
    with pytest.raises(BadInput) as raised:
        add_case(path, draft, "set.yaml")
    assert raised.value.message.startswith(told)
    assert (raised.value.unchanged, [p.name for p in tmp_path.iterdir()]) == ("Nothing was written.", ["set.yaml"])
    assert path.read_text() == "# ours\n- id: a\n  input: b\n"


def test_an_input_that_must_be_an_object_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "set.yaml"
    path.write_text("- input: {customer: Ann, query: b}\n")
    with pytest.raises(BadInput) as raised:
        add_case(path, _PLAIN)
    assert raised.value.message == '--input: the cases of this file have an object there: {"customer": …, "query": …}'


def test_a_file_that_is_no_eval_set_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "set.yaml"
    path.write_text("- id: a\n")
    with pytest.raises(BadInput, match=r"set\.yaml:1: has no 'input'"):
        add_case(path, _PLAIN, "set.yaml")
    with pytest.raises(BadInput, match="an eval set is YAML"):
        add_case(tmp_path / "set.txt", _PLAIN)
    assert path.read_text() == "- id: a\n"


def test_mode_byte_order_mark_and_link_of_a_file_are_kept(tmp_path: Path) -> None:
    path, link = tmp_path / "real.csv", tmp_path / "set.csv"
    path.write_bytes(b"\xef\xbb\xbfinput,expected\r\nb,c\r\n")
    path.chmod(0o640)
    link.symlink_to(path)
    add_case(link, _PLAIN)
    assert path.read_bytes() == b"\xef\xbb\xbfinput,expected\r\nb,c\r\nIt's: gone,card\r\n"
    assert (stat.S_IMODE(path.stat().st_mode), link.is_symlink()) == (0o640, True)


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


@cases_of(
    st.sampled_from(
        ["1e5", "0123", "no", "~", "", ".inf", "=", "<<", "- a", "a: b", "#", " x ", "x\n", "x\n\n", "\n x"]
    )
    | _TEXT
)
def test_any_text_survives_yaml(text: str) -> None:
    _survives(text or "x")


@cases_of(_VALUE.filter(lambda value: value is not None))
def test_any_value_survives_yaml(value: Any) -> None:
    _survives(value)


def _survives(value: Any) -> None:
    """What is written reads back the same."""
    data = ("- " + dumped({"id": "a", "input": value}, []).replace("\n", "\n  ").rstrip(" ")).encode()
    assert parse_eval_set(data, ".yaml", "set.yaml").eval_set == EvalSet("set.yaml", (Case("a", value),))


_STYLE = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([None, False, True]),
        "default_style": st.sampled_from([None, "'", '"']),
        "indent": st.sampled_from([2, 4]),
        "width": st.sampled_from([20, 1000]),
        "line_break": st.sampled_from(["\n", "\r\n"]),
        "explicit_start": st.booleans(),
    }
)


@pytest.mark.slow
@cases_of(
    st.lists(_VALUE.filter(lambda value: value is not None), min_size=1, max_size=3),
    st.booleans(),
    _STYLE,
    _TEXT.filter(bool),
)
def test_a_case_is_added_to_whatever_yaml_others_wrote(
    values: list[Any], wrapped: bool, style: dict[str, Any], text: str
) -> None:
    rows = [{"id": f"c{n}", "input": {"a": value, "b": n}, "tags": ["t"]} for n, value in enumerate(values)]
    before = yaml.safe_dump({"cases": rows, "scorers": ["exact"]} if wrapped else rows, allow_unicode=True, **style)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "set.yaml")
        path.write_bytes(before.encode())
        if parse_eval_set(before.encode(), ".yaml", "set.yaml").eval_set is None:
            return  # PyYAML writes some numbers and texts with tags, which are refused
        old = read_eval_set(path).cases
        case = add_case(path, Draft({"a": text, "b": "x"}, id="new")).case
        assert (read_eval_set(path).cases, case.input) == ((*old, case), {"a": text, "b": "x"})
