"""Prompts as templates and schemas as JSON Schema: what is refused at registration, and which variables are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.source import read_source
from registry.templates import used_variables
from tests.registry.sources import TOML, refusal, write

TEMPLATES = [
    ("one\n{{ query", "2: not a Jinja2 template: unexpected end of template, expected 'end of print statement'."),
    ("{% for x in y %}\n", "1: not a Jinja2 template: Unexpected end of template."
     " Jinja was looking for the following tags: 'endfor' or 'else'."
     " The innermost block that needs to be closed is 'for'."),
    ("a\n\n{% frobnicate %}", "3: not a Jinja2 template: Encountered unknown tag 'frobnicate'."),
    ("a\n{{ query | shout }}", "2: not a Jinja2 template: No filter named 'shout'."),
    ("a\n{{ query is loud }}", "2: not a Jinja2 template: No test named 'loud'."),
    ("{% block a %}{% endblock %}\n{% block a %}{% endblock %}", "2: not a Jinja2 template: block 'a' defined twice"),
    ("a\n{% include 'footer' %}", "2: includes 'footer', which is no prompt of this bundle"),
    ("{% include 'system' %}\n{% extends 'base' %}", "2: includes 'base', which is no prompt of this bundle"),
    ("{% import 'macros' as m %}", "1: includes 'macros', which is no prompt of this bundle"),
    ("\n{% from 'macros' import m %}", "2: includes 'macros', which is no prompt of this bundle"),
    ("{% include ['system', 'more'] %}", "1: includes 'more', which is no prompt of this bundle"),
    ("{% include query %}", "1: includes a name known only when rendered, which is no prompt of this bundle"),
]  # fmt: skip

SCHEMAS = [
    ('{"type": "object"', "1: not JSON: Expecting ',' delimiter"),
    ('{\n"type":\n}', "3: not JSON: Expecting value"),
    ('{"minimum": NaN}', " not JSON: NaN is no JSON number"),
    ("[]", " a JSON Schema is an object, this is a list"),
    ('"object"', " a JSON Schema is an object, this is a str"),
    ('{"type": "objekt"}', " not a JSON Schema: $.type: 'objekt' is not valid under any of the given schemas"),
    ('{"properties": {"id": {"pattern": "("}}}', " not a JSON Schema: $.properties.id.pattern: '(' is not a 'regex'"),
    ('{"$schema": 5}', " not a JSON Schema: $.$schema: not text"),
    ('{"$schema": ["x"]}', " not a JSON Schema: $.$schema: not text"),
    ("[" * 100_000 + "]" * 100_000, " nested too deeply"),
    ('{"not": ' * 400 + "{}" + "}" * 400, " nested too deeply"),
]


@pytest.mark.parametrize(("prompt", "message"), TEMPLATES, ids=[prompt for prompt, _ in TEMPLATES])
def test_a_prompt_that_is_no_template_is_refused_with_its_line(tmp_path: Path, prompt: str, message: str) -> None:
    assert refusal(write(tmp_path, files={"system.md": prompt})) == f"system.md:{message}"


def test_a_template_nested_too_deeply_is_refused_and_does_not_end_the_process(tmp_path: Path) -> None:
    prompt = "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}"
    assert refusal(write(tmp_path, files={"system.md": prompt})) == "system.md: nested too deeply"


def test_a_prompt_may_include_the_bundles_other_prompts_by_name(tmp_path: Path) -> None:
    toml = TOML.replace("[prompts]", '[prompts]\nfooter = "footer.md"')
    files = {"system.md": "{{ query }} {% include 'footer' %}", "footer.md": "{{ team }}"}
    assert read_source(write(tmp_path, toml, files)).variables == {"query", "team"}


@pytest.mark.parametrize("name", ["tools", "output"])
@pytest.mark.parametrize(("schema", "message"), SCHEMAS, ids=[schema[:24] for schema, _ in SCHEMAS])
def test_a_tool_and_an_output_are_json_schemas(tmp_path: Path, name: str, schema: str, message: str) -> None:
    toml = f'{TOML}[{name}]\nschema = "schema.json"\n'
    assert refusal(write(tmp_path, toml, {"schema.json": schema})) == f"schema.json:{message}"


TEXTS = [
    (b"caf\xe9", "system.md:1: not UTF-8 text (byte 0xe9)"),
    (b"one\ntwo\n\xff\xfeh\0i\0", "system.md:3: not UTF-8 text (byte 0xff)"),
    (b"one\ntwo\0\n", "system.md:2: holds a NUL character"),
]


@pytest.mark.parametrize(("prompt", "message"), TEXTS, ids=["latin-1", "utf-16", "NUL"])
def test_a_prompt_is_utf_8_without_nul(tmp_path: Path, prompt: bytes, message: str) -> None:
    assert refusal(write(tmp_path, files={"system.md": prompt})) == message


def test_a_variable_used_but_not_declared_is_refused_where_it_is_first_used(tmp_path: Path) -> None:
    toml = TOML + '[inputs]\nquery = "the message"\n'
    write(tmp_path, toml, {"system.md": "{{ query }}\n{{ quary }}\n{{ quary }}"})
    assert refusal(tmp_path) == "system.md:2: uses 'quary', which [inputs] does not declare; did you mean 'query'?"


def test_a_variable_declared_but_not_used_is_refused_where_it_is_declared(tmp_path: Path) -> None:
    toml = TOML + '[inputs]\nquery = "the message"\ncustomer = "a name"\n'
    write(tmp_path, toml, {"system.md": "{{ query }}"})
    assert refusal(tmp_path) == "bundle.toml:9: [inputs] declares 'customer', which no prompt uses"


def test_an_empty_inputs_table_declares_that_there_are_none(tmp_path: Path) -> None:
    write(tmp_path, TOML + "[inputs]\n", {"system.md": "{{ query }}"})
    assert refusal(tmp_path) == "system.md:1: uses 'query', which [inputs] does not declare"


def test_without_inputs_nothing_has_to_be_declared(tmp_path: Path) -> None:
    assert read_source(write(tmp_path, files={"system.md": "{{ query }}"})).variables == {"query"}


def test_what_a_template_sets_itself_is_not_taken_from_outside() -> None:
    text = """{% set tone = 'kind' %}{% for row in rows %}{{ loop.index }} {{ row.text }} {{ tone }}{% endfor %}
{% macro shout(x) %}{{ x | upper }}{{ suffix }}{% endmacro %}{{ shout(query) }}{{ range(3) | list }}"""
    assert used_variables(text, "system.md") == {"rows": 1, "suffix": 2, "query": 2}
