"""What a bundle holds, and that nobody can change it."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from agent_deploy.client import Bundle, UnknownModel, UnknownPrompt
from tests.client.conftest import MakeClient
from tests.client.releases import WORKFLOW, Releases


@pytest.fixture
def bundle(releases: Releases, make_client: MakeClient) -> Bundle:
    releases.release(3)
    return make_client().bundle(WORKFLOW)


def test_a_bundle_says_which_release_it_is(bundle: Bundle, releases: Releases) -> None:
    assert (bundle.workflow, bundle.environment, bundle.generation, bundle.version, bundle.tag) == (
        WORKFLOW,
        "production",
        1,
        3,
        "1.3.0",
    )
    assert bundle.digest == releases.digests[3]
    assert bundle.source == "store"


def test_a_bundle_holds_all_that_was_registered(bundle: Bundle) -> None:
    assert bundle.prompt("classify").text == "{% include 'system' %}Classify by 3: {{ query }}\n"
    assert sorted(bundle.prompts) == ["classify", "system"]
    assert sorted(bundle.models) == ["default", "rank"]
    assert bundle.tools["lookup"]["properties"]["order"] == {"type": "integer", "minimum": 3}
    assert bundle.output_schema == {"type": "object", "title": "triage 3"}
    assert bundle.inputs == {"query": "the customer's message"}
    assert bundle.metadata == {"owner": "triage team"}


def test_a_models_parameters_are_read_by_name_or_as_a_mapping(bundle: Bundle) -> None:
    model = bundle.model()
    assert (model.provider, model.name) == ("openai", "model-3")
    assert model.parameters == {"temperature": 0.5, "stop": ["END"]}
    assert (model.temperature, model.parameters["temperature"]) == (0.5, 0.5)
    assert bundle.model("rank").parameters == {}
    with pytest.raises(AttributeError, match="no parameter 'top_p'; it has 'stop', 'temperature'"):
        _ = model.top_p


def test_an_unknown_prompt_is_an_error_naming_those_there_are(bundle: Bundle) -> None:
    with pytest.raises(UnknownPrompt, match=r"support-triage@3 has no prompt 'clasify'; it has 'classify', 'system'"):
        bundle.prompt("clasify")


def test_an_unknown_model_is_an_error_naming_those_there_are(bundle: Bundle) -> None:
    with pytest.raises(UnknownModel, match=r"support-triage@3 has no model 'judge'; it has 'default', 'rank'"):
        bundle.model("judge")


@pytest.mark.parametrize(
    "change",
    [
        lambda b: setattr(b, "version", 4),
        lambda b: setattr(b.model(), "name", "other"),
        lambda b: setattr(b.prompt("system"), "text", "other"),
    ],
)
def test_a_bundles_parts_cannot_be_set(bundle: Bundle, change: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        change(bundle)


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.tools.update(other={}),
        lambda b: b.tools["lookup"].pop("type"),
        lambda b: b.tools["lookup"]["required"].append("more"),
        lambda b: b.tools["lookup"]["required"].sort(),
        lambda b: b.prompts.clear(),
        lambda b: b.output_schema.__setitem__("title", "other"),
        lambda b: b.model().parameters["stop"].__iadd__(["STOP"]),
        lambda b: b.metadata.__ior__({"owner": "me"}),
    ],
)
def test_a_bundles_mappings_and_lists_refuse_every_change(bundle: Bundle, change: Any) -> None:
    with pytest.raises(TypeError, match="read-only"):
        change(bundle)


def test_a_tool_goes_into_json_as_it_is_and_a_copy_of_it_may_be_changed(bundle: Bundle) -> None:
    tool = bundle.tools["lookup"]
    assert json.loads(json.dumps(tool)) == tool
    changed = copy.deepcopy(tool)
    changed["required"].append("more")
    assert (changed["required"], tool["required"]) == (["order", "more"], ["order"])


def test_a_bundle_survives_pickling_and_still_renders(bundle: Bundle) -> None:
    bundle.prompt("classify").render(query="x")
    copied = pickle.loads(pickle.dumps(bundle))  # noqa: S301
    assert copied == bundle
    assert copied.prompt("classify").render(query="where?") == "You are version 3.\nClassify by 3: where?\n"
    assert copied.tools == bundle.tools
    with pytest.raises(TypeError, match="read-only"):
        copied.tools["lookup"].clear()


def test_a_bundles_repr_is_short(bundle: Bundle) -> None:
    assert "version=3" in repr(bundle)
    assert "Classify" not in repr(bundle)
