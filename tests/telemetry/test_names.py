"""Attribute names are those of the conventions, where the installed conventions package has them."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from agent_deploy.costs.providers import ALIASES, one_name
from agent_deploy.telemetry import names

_PACKAGES = ("gen_ai", "user", "error", "exception")

# Of semantic-conventions-genai v0.1.0, which the installed package precedes. When it has them, they leave this list.
_NEWER = {names.PROMPT_VERSION, names.USAGE_CACHE_WRITE}


def written() -> dict[str, str]:
    """Every name of ours that is an attribute's, by constant."""
    texts = {key: value for key, value in vars(names).items() if key.isupper() and isinstance(value, str)}
    return {key: value for key, value in texts.items() if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", value)}


def installed() -> set[str]:
    modules = [
        importlib.import_module(f"opentelemetry.semconv._incubating.attributes.{package}_attributes")
        for package in _PACKAGES
    ]
    return {value for module in modules for value in vars(module).values() if isinstance(value, str)}


def test_each_name_outside_our_own_is_one_of_the_conventions() -> None:
    theirs = {name for name in written().values() if not name.startswith("agent_deploy.")}
    assert theirs - installed() - _NEWER == {names.EVALUATION_EVENT}


def test_what_is_newer_than_the_installed_conventions_is_still_missing_there() -> None:
    assert installed() & _NEWER == set()


def test_the_operations_are_those_of_the_conventions() -> None:
    module = importlib.import_module("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    operations = {one.value for one in module.GenAiOperationNameValues}
    assert {names.INVOKE_WORKFLOW, names.CHAT, names.EXECUTE_TOOL, names.RETRIEVAL} <= operations


def test_a_provider_has_its_name_of_the_conventions_whatever_else_it_is_called() -> None:
    module = importlib.import_module("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    theirs = {one.value for one in module.GenAiProviderNameValues}
    assert set(ALIASES.values()) <= theirs
    assert {one_name(name) for name in theirs} == theirs


def test_no_two_constants_are_the_same_name() -> None:
    assert len(set(written().values())) == len(written())


@pytest.mark.parametrize("folder", ["agent_deploy/telemetry", "agent_deploy/client/calls"])
def test_no_other_module_of_ours_spells_a_name_that_is_written(folder: str) -> None:
    root = Path(names.__file__).parents[2]
    spelled = re.compile("[\"'](" + "|".join(map(re.escape, written().values())) + ")[\"']")
    modules = [path for path in (root / folder).rglob("*.py") if path.name != "names.py"]
    assert modules
    assert [path.name for path in modules if spelled.search(path.read_text(encoding="utf-8"))] == []
