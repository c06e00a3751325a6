"""`bundle.toml`: its keys and their types. Every fault is named by line and key, a near miss by its right spelling."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from registry.errors import BadInput
from registry.names import check_workflow, nearest

FILE = "bundle.toml"
_TABLES = ("prompts", "models", "tools", "inputs", "output", "metadata")
_PART = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
_KEY = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+))\s*=""")
_MOST = 2**53 - 1  # JSON carries no greater number exactly (RFC 8785, RFC 7493)
_SHOWN = 60

# Parameters are the provider's business and pass as they are; these are known so that a misspelt one is caught.
KNOWN_PARAMETERS = (
    "api", "base_url", "frequency_penalty", "max_output_tokens", "max_tokens", "presence_penalty", "reasoning_effort",
    "response_format", "seed", "service_tier", "stop", "temperature", "timeout_s", "tool_choice", "top_k", "top_p",
    "verbosity",
)  # fmt: skip


class Where:
    """Finds the line of a key in TOML text, so that a message can name it."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def of(self, key: str) -> str:
        """`bundle.toml:7` for the dotted key, or `bundle.toml` where the line cannot be told."""
        table = ""
        for number, line in enumerate(self._lines, start=1):
            if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
                table = header.group(1).replace('"', "").replace("'", "")
                if table == key:
                    return f"{FILE}:{number}"
            elif pair := _KEY.match(line):
                name = pair.group(pair.lastindex or 0)
                dotted = f"{table}.{name}" if table else name
                if dotted == key or key.startswith(f"{dotted}."):
                    return f"{FILE}:{number}"
        return FILE


def load_toml(text: str) -> dict[str, Any]:
    """The document; raises BadInput naming the line when it is not TOML."""
    if text.startswith("\ufeff"):
        raise BadInput(f"{FILE}:1: begins with a byte order mark; save it as UTF-8 without one")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise BadInput(f"{FILE}: nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError is one, and so is a number of thousands of digits
        message = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a number has too many digits"
        line = re.search(r"at line (\d+)", message)
        raise BadInput(f"{FILE}{':' + line.group(1) if line else ''}: not TOML: {message}") from error


def file_paths(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every file that a checked config names, as (dotted key, path)."""
    for table in ("prompts", "tools"):
        for name, path in config.get(table, {}).items():
            yield f"{table}.{name}", path
    if "output" in config:
        yield "output.schema", config["output"]["schema"]


def check_config(config: Mapping[str, Any], where: Where) -> None:
    """Raises BadInput at the first unknown key, wrong type or missing part."""
    for key in config:
        if key not in ("workflow", *_TABLES):
            raise BadInput(f"{where.of(key)}: unknown key {key!r}{nearest(key, ('workflow', *_TABLES))}")
    for key in ("workflow", "prompts", "models"):
        if key not in config:
            raise BadInput(f"{FILE}: {key!r} is missing; a bundle has a workflow, [prompts] and [models.<step>]")
    _check_workflow(_string(config["workflow"], "workflow", where), where)
    for table in ("prompts", "models", "tools", "inputs", "metadata"):
        _check_table(config, table, where)
    _check_models(config["models"], where)
    _check_output(config, where)


def _check_workflow(name: str, where: Where) -> None:
    try:
        check_workflow(name)
    except BadInput as error:
        raise BadInput(f"{where.of('workflow')}: {error.message}") from error


def _check_table(config: Mapping[str, Any], table: str, where: Where) -> None:
    if table not in config:
        return
    entries = config[table]
    if not isinstance(entries, dict):
        raise BadInput(f"{where.of(table)}: {table!r} must be a table, [{table}]")
    if not entries and table in ("prompts", "models"):
        raise BadInput(f"{where.of(table)}: [{table}] is empty; a bundle needs at least one")
    for name, value in entries.items():
        if table != "metadata" and not _PART.fullmatch(name):
            raise BadInput(
                f"{where.of(f'{table}.{name}')}: {name!r} is not a name: letters, digits, _ and -, 63 at most"
            )
        if table != "models":
            _string(value, f"{table}.{name}", where)


def _check_models(models: Mapping[str, Any], where: Where) -> None:
    for step, model in models.items():
        key = f"models.{step}"
        if not isinstance(model, dict):
            raise BadInput(f"{where.of(key)}: {key!r} must be a table, [{key}] with provider and name")
        for part in ("provider", "name"):
            if part not in model:
                raise BadInput(f"{where.of(key)}: [{key}] has no {part!r}{_misspelt(part, model)}")
            if not _string(model[part], f"{key}.{part}", where):
                raise BadInput(f"{where.of(f'{key}.{part}')}: {key}.{part} is empty")
        for parameter, value in model.items():
            if parameter not in ("provider", "name"):
                _check_parameter(f"{key}.{parameter}", parameter, value, where)


def _misspelt(part: str, model: Mapping[str, Any]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(part, model, n=1)
    return f"; {close[0]!r} is not it" if close else ""


def _check_parameter(key: str, parameter: str, value: object, where: Where) -> None:
    from difflib import get_close_matches

    if parameter not in KNOWN_PARAMETERS:
        close = get_close_matches(parameter, KNOWN_PARAMETERS, n=1, cutoff=0.85)
        if close:
            raise BadInput(f"{where.of(key)}: unknown parameter {key!r}; did you mean {close[0]!r}?")
    if parameter in ("temperature", "top_p") and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise BadInput(f"{where.of(key)}: {key} must be a number, not {_said(value)}")
    if parameter in ("max_tokens", "max_output_tokens", "top_k", "seed") and type(value) is not int:
        raise BadInput(f"{where.of(key)}: {key} must be a whole number, not {_said(value)}")
    _check_json(value, key, where)


def _check_json(value: object, key: str, where: Where) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_json(inner, f"{key}.{name}", where)
    elif isinstance(value, list):
        for inner in value:
            _check_json(inner, key, where)
    elif not isinstance(value, str | bool | int | float):
        raise BadInput(f"{where.of(key)}: {key} is a {type(value).__name__}; write it as text")
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"{where.of(key)}: {key} is not a finite number")
    elif isinstance(value, int | float) and abs(value) > _MOST:
        raise BadInput(f"{where.of(key)}: {key} is too large a number; {_MOST} is the most that JSON carries exactly")


def _check_output(config: Mapping[str, Any], where: Where) -> None:
    if "output" not in config:
        return
    output = config["output"]
    if not isinstance(output, dict) or "schema" not in output:
        raise BadInput(f'{where.of("output")}: [output] has one key: schema = "path/to/schema.json"')
    for key in output:
        if key != "schema":
            raise BadInput(f"{where.of(f'output.{key}')}: unknown key 'output.{key}'{nearest(key, ('schema',))}")
    _string(output["schema"], "output.schema", where)


def _string(value: object, key: str, where: Where) -> str:
    if not isinstance(value, str):
        raise BadInput(f"{where.of(key)}: {key} must be text in quotes, not {_said(value)}")
    return value


def _said(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # a number of more digits than Python prints
        return f"a very large {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
