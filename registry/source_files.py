"""The files of a bundle, one by one: text is UTF-8 without NUL, a schema is a JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from registry.errors import BadInput


def check_text(data: bytes, path: str) -> str:
    """The text; raises BadInput naming file and line where it is not UTF-8 or holds a NUL."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{path}:{line}: not UTF-8 text (byte 0x{data[error.start]:02x})") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadInput(f"{path}:{line}: holds a NUL character")
    return text


def check_schemas(config: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Raises BadInput where a tool's file or the output's is not a JSON Schema."""
    paths = [*config.get("tools", {}).values()]
    if "output" in config:
        paths.append(config["output"]["schema"])
    for path in paths:
        _check_schema(files[path], path)


def _check_schema(data: bytes, path: str) -> None:
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    try:
        schema = json.loads(data, parse_constant=_no_constant)
        if not isinstance(schema, dict):
            raise BadInput(f"{path}: a JSON Schema is an object, this is a {type(schema).__name__}")
        if not isinstance(schema.get("$schema", ""), str):
            raise BadInput(f"{path}: not a JSON Schema: $.$schema: not text")
        validator_for(schema).check_schema(schema)
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    except ValueError as error:
        raise BadInput(f"{path}: not JSON: {error}") from error
    except RecursionError as error:
        raise BadInput(f"{path}: nested too deeply") from error
    except SchemaError as error:
        raise BadInput(f"{path}: not a JSON Schema: {error.json_path}: {error.message}") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
