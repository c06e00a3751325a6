"""The JSON Schema says what the reader does, for whoever writes a set in an editor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import agent_deploy
from agent_deploy.evals.reading import parse_eval_set
from agent_deploy.evals.reading.fields import KNOWN
from agent_deploy.operations.evals.check import schema

_VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema()))
_STARTER = Path(agent_deploy.__file__).parent / "starter" / "evals" / "support-triage.yaml"


def _agree(document: Any) -> bool:
    """Whether the document is an eval set; schema and reader have to agree."""
    reading = parse_eval_set(json.dumps(document).encode(), ".json", "set.json")
    assert _VALIDATOR.is_valid(document) == (reading.eval_set is not None), (document, reading.faults)
    return reading.eval_set is not None


@pytest.mark.parametrize(
    "document",
    [
        [{"input": "a"}],
        {"$schema": "x", "description": "d", "scorers": ["exact", {"contains": "a"}], "cases": [{"input": "a"}]},
        {"name": None, "evaluators": ["EqualsExpected"], "tests": [{"vars": {"a": 1}, "assert": ["a"]}]},
        {"dataset": [{"input": {"a": 1}, "target": ["a", "b"], "id": 3}]},
        [{"name": "n", "inputs": [1], "expected_output": None, "metadata": None, "evaluators": []}],
        [{"input": "a", "expectedOutput": 1, "actualOutput": "b", "context": [], "expected_tools": [], "name": None}],
        [{"input": "a", "tags": ["t"], "critical": True, "cluster": 3, "source": "k:r", "metadata": {"a": 1}}],
        [{"input": "a", "source": {"kind": "k", "ref": 3}, "scorers": {"name": "contains", "value": "a"}}],
        [{"vars": {}, "assert": [{"type": "contains", "value": "a", "metric": "m", "weight": 1}], "description": "d"}],
    ],
)
def test_what_the_reader_takes_the_schema_takes(document: Any) -> None:
    assert _agree(document)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"cases": []},
        {"cases": "file.csv"},
        {"cases": [{"input": "a"}], "tests": [{"input": "b"}]},
        {"cases": [{"input": "a"}], "unknown": 1},
        {"cases": [{"input": "a"}], "scorers": 3},
        ["a"],
        [{"id": "a"}],
        [{"input": None}],
        [{"input": "a", "inputs": "a"}],
        [{"input": "a", "expected": 1, "target": 1}],
        [{"input": "a", "id": "b", "name": "b"}],
        [{"input": "a", "unknown": 1}],
        [{"input": "a", "id": ""}],
        [{"input": "a", "tags": "t"}],
        [{"input": "a", "tags": [1]}],
        [{"input": "a", "critical": "true"}],
        [{"input": "a", "source": {"ref": "r"}}],
        [{"input": "a", "source": {"kind": "k", "url": "u"}}],
        [{"input": "a", "metadata": []}],
        [{"input": "a", "scorers": [{"a": 1, "b": 2}]}],
        [{"input": "a", "scorers": [{}]}],
        [{"input": "a", "expected_tools": ["t"]}],
        [{"vars": "a"}],
        [{"vars": {}, "assert": [{"value": "a"}]}],
        [{"vars": {}, "assert": [{"type": "contains", "value": "a", "transform": "b"}]}],
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(document: Any) -> None:
    assert not _agree(document)


def test_the_starter_set_is_valid() -> None:
    assert list(_VALIDATOR.iter_errors(yaml.safe_load(_STARTER.read_text()))) == []


def test_the_schema_is_one_and_knows_every_key_that_the_reader_knows() -> None:
    document = json.loads(schema())
    jsonschema.Draft202012Validator.check_schema(document)
    assert set(KNOWN) <= document["$defs"]["case"]["properties"].keys()
