"""Scorers by JSON Schema: json_schema, and the output_schema of every bundle that has one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agent_deploy.evals.cases import Case
from agent_deploy.evals.scorers.findings import RIGHT, Check, Finding, shown, wrong
from agent_deploy.evals.scorers.options import Options
from agent_deploy.evals.scorers.structured import of_json
from registry.errors import BadInput

OUTPUT_SCHEMA = "output_schema"
_LONGEST_REASON = 160


def json_schema(options: Options) -> Check:
    """The output is JSON that the schema allows; any JSON without a schema."""
    if options.has("file"):
        if options.main("schema", None) is not None:
            raise options.fault("'file' and a schema are two ways to say one thing; give one")
        schema = _parsed(options)
    else:
        schema = options.main("schema", {})
    try:
        return options.check(of_json(_by_schema(schema)))
    except BadInput as error:
        raise options.fault(error.message) from error


def output_schema(schema: Any) -> Check:
    """The scorer that holds every output to its bundle's schema."""
    return Check(OUTPUT_SCHEMA, of_json(_by_schema(schema)))


def _parsed(options: Options) -> Any:
    path = options.text("file")
    try:
        return json.loads(options.file("file"))
    except json.JSONDecodeError as error:
        raise options.fault(f"{path}:{error.lineno}: not JSON: {error.msg}") from error


def _by_schema(schema: Any) -> Any:
    from jsonschema.exceptions import best_match

    validator = _validator(schema)

    def find(_case: Case, output: Any) -> Finding:
        error = best_match(validator.iter_errors(output))
        return wrong(_cut(f"{error.json_path}: {error.message}")) if error else RIGHT

    return find


def _validator(schema: Any) -> Any:
    """Checked, with every reference resolved in the schema itself: nothing is fetched, now or later."""
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for
    from referencing.jsonschema import EMPTY_REGISTRY

    if not isinstance(schema, dict):
        raise BadInput(f"a JSON Schema is an object, not {shown(schema)}")
    dialect = validator_for(schema, default=Draft202012Validator)
    try:
        dialect.check_schema(schema)
    except SchemaError as error:
        raise BadInput(f"not a JSON Schema: {error.json_path}: {_cut(error.message)}") from error
    _check_references(schema)
    return dialect(schema, registry=EMPTY_REGISTRY)


def _check_references(schema: Any) -> None:
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

    found = list(_references(schema))
    if any(key == "$id" for key, _ in found):  # then what a reference means depends on where it stands
        return
    resolver = EMPTY_REGISTRY.with_resource("", DRAFT202012.create_resource(schema)).resolver()
    for _, reference in found:
        try:
            resolver.lookup(reference)
        except Unresolvable as error:
            raise BadInput(
                f"the schema refers to {shown(reference)}, which is not in it; nothing is fetched, put it under $defs"
            ) from error


def _references(schema: Any) -> Iterator[tuple[str, str]]:
    """Every `$ref` and `$id` in a schema, as (key, value)."""
    if isinstance(schema, dict):
        yield from ((key, value) for key in ("$ref", "$id") if isinstance(value := schema.get(key), str))
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
