"""Responses on disk: given back whole, never an error, never damaged, never another question's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_deploy.client.frozen import freeze
from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.ports import Completion, Request
from agent_deploy.evals.providers.cache import ResponseCache, cache_key
from agent_deploy.evals.results import ToolCall

_COMPLETION = Completion(
    "refund ä", ModelCall("openai", "tiny", Usage(10, 3, 4, 1, 2)), (ToolCall("refund", {"amount": 3}),), 12.5
)
_WHY: dict[str, Any] = {"bundle": "sha256:ab", "case": "lost", "input": {"q": "hi"}, "repeat": 0}
_REQUEST = Request("openai", "tiny", (("user", "hi"),), {"temperature": 0.0}, {"refund": {"type": "object"}})
_KEY = cache_key(_REQUEST, **_WHY)


@pytest.fixture
def cache(tmp_path: Path) -> ResponseCache:
    return ResponseCache(tmp_path / "responses")


def _file(folder: Path) -> Path:
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    return path


def test_a_response_comes_back_whole(cache: ResponseCache, tmp_path: Path) -> None:
    cache.put(_KEY, _COMPLETION)
    assert (cache.get(_KEY), ResponseCache(tmp_path / "responses").get(_KEY)) == (_COMPLETION, _COMPLETION)


def test_what_was_never_put_is_not_there(cache: ResponseCache) -> None:
    assert cache.get(_KEY) is None


def test_the_key_of_the_same_question_is_the_same_whatever_the_order_of_its_keys() -> None:
    assert cache_key(_REQUEST, **dict(reversed(_WHY.items()))) == _KEY


def test_the_key_of_a_bundles_read_only_parameters_is_that_of_plain_ones() -> None:
    frozen = Request("openai", "tiny", _REQUEST.messages, freeze(_REQUEST.parameters), freeze(_REQUEST.tools))
    assert cache_key(frozen, **_WHY) == _KEY


@pytest.mark.parametrize(
    "change", [{"bundle": "sha256:cd"}, {"case": "found"}, {"input": {"q": "ho"}}, {"repeat": 1}], ids=str
)
def test_every_reason_to_ask_has_a_key_of_its_own(change: dict[str, Any]) -> None:
    assert cache_key(_REQUEST, **{**_WHY, **change}) != _KEY


@pytest.mark.parametrize(
    "request_",
    [
        Request("bedrock", "tiny", _REQUEST.messages, _REQUEST.parameters, _REQUEST.tools),
        Request("openai", "small", _REQUEST.messages, _REQUEST.parameters, _REQUEST.tools),
        Request("openai", "tiny", (("system", "hi"),), _REQUEST.parameters, _REQUEST.tools),
        Request("openai", "tiny", _REQUEST.messages, {"temperature": 1.0}, _REQUEST.tools),
        Request("openai", "tiny", _REQUEST.messages, _REQUEST.parameters, {}),
    ],
    ids=["provider", "model", "messages", "parameters", "tools"],
)
def test_every_request_has_a_key_of_its_own(request_: Request) -> None:
    assert cache_key(request_, **_WHY) != _KEY


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\0" * 400, b'{"key": "other", "text": "x"}'])
def test_a_damaged_response_is_as_if_it_were_not_there_and_is_replaced(
    cache: ResponseCache, tmp_path: Path, data: bytes
) -> None:
    cache.put(_KEY, _COMPLETION)
    _file(tmp_path).write_bytes(data)
    assert cache.get(_KEY) is None
    cache.put(_KEY, _COMPLETION)
    assert cache.get(_KEY) == _COMPLETION


def test_a_response_of_another_key_is_not_taken_for_it(cache: ResponseCache, tmp_path: Path) -> None:
    other = cache_key(_REQUEST, **{**_WHY, "repeat": 1})
    cache.put(other, _COMPLETION)
    path = tmp_path / "responses" / _KEY[:2] / f"{_KEY[2:]}.json"
    path.parent.mkdir(exist_ok=True)
    _file(tmp_path).rename(path)
    assert cache.get(_KEY) is None


def test_one_that_cannot_be_kept_is_no_error_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "responses").write_text("a file where a folder has to be")
    cache = ResponseCache(tmp_path / "responses")
    cache.put(_KEY, _COMPLETION)
    assert (cache.get(_KEY), cache.trouble.startswith(f"cannot keep responses in {tmp_path}/responses: ")) == (
        None,
        True,
    )
