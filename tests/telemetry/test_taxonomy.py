"""Every failure has one of six modes, told from the exception that a well-known library raises."""

from __future__ import annotations

import asyncio
import json
import urllib.error
from email.message import Message

import httpx
import httpx2
import jsonschema
import openai
import pytest
from botocore import exceptions as aws

from agent_deploy.client import RenderFailed
from agent_deploy.telemetry.taxonomy import FAILURE_MODES, error_type, failure_mode, failure_mode_named

_REQUEST = httpx.Request("POST", "http://model.test")
_TO_OPENAI = httpx2.Request("POST", "http://model.test")


def answered(status: int) -> httpx.Response:
    return httpx.Response(status, request=_REQUEST)


def by_openai(status: int) -> httpx2.Response:
    return httpx2.Response(status, request=_TO_OPENAI)


def http_error(status: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("no", request=_REQUEST, response=answered(status))


def aws_error(code: str, status: int = 400) -> aws.ClientError:
    return aws.ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Converse")  # type: ignore[typeddict-item, unused-ignore]


class LowConfidence(Exception):
    """As an application may have one."""


class Awkward(Exception):
    """One whose attributes cannot be read."""

    @property
    def response(self) -> object:
        raise RuntimeError("not yet")


@pytest.mark.parametrize(
    ("error", "mode"),
    [
        (TimeoutError(), "timeout"),
        (httpx.ReadTimeout("late"), "timeout"),
        (httpx.PoolTimeout("late"), "timeout"),
        (http_error(504), "timeout"),
        (http_error(408), "timeout"),
        (openai.APITimeoutError(request=_TO_OPENAI), "timeout"),
        (aws.ReadTimeoutError(endpoint_url="http://model.test"), "timeout"),
        (aws_error("ModelTimeoutException", 408), "timeout"),
        (http_error(429), "rate_limit"),
        (openai.RateLimitError("slow", response=by_openai(429), body=None), "rate_limit"),
        (aws_error("ThrottlingException"), "rate_limit"),
        (aws_error("ServiceQuotaExceededException"), "rate_limit"),
        (json.JSONDecodeError("no", "{", 1), "parse_error"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), "parse_error"),
        (jsonschema.ValidationError("no"), "parse_error"),
        (openai.APIResponseValidationError(by_openai(200), None), "parse_error"),
        (LowConfidence(), "low_confidence"),
        (http_error(500), "downstream_error"),
        (http_error(401), "downstream_error"),
        (httpx.ConnectError("away"), "downstream_error"),
        (httpx.RemoteProtocolError("cut"), "downstream_error"),
        (openai.APIConnectionError(request=_TO_OPENAI), "downstream_error"),
        (openai.BadRequestError("no", response=by_openai(400), body=None), "downstream_error"),
        (aws_error("ValidationException"), "downstream_error"),
        (aws.EndpointConnectionError(endpoint_url="http://model.test"), "downstream_error"),
        (urllib.error.HTTPError("http://x", 503, "no", Message(), None), "downstream_error"),
        (ConnectionResetError(), "downstream_error"),
        (ValueError("no"), "other"),
        (FileNotFoundError(), "other"),
        (ZeroDivisionError(), "other"),
        (RenderFailed("no"), "other"),
        (Awkward(), "other"),
        (asyncio.CancelledError(), "other"),
        (KeyboardInterrupt(), "other"),
        (SystemExit(500), "other"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_exception_tells_its_mode(error: BaseException, mode: str) -> None:
    assert failure_mode(error) == mode
    assert mode in FAILURE_MODES


def raised_from(outer: Exception, inner: Exception, *, hidden: bool = False) -> Exception:
    """The outer one, as it is after `raise outer from inner`, or `from None` where the inner one was being handled."""
    outer.__cause__, outer.__context__, outer.__suppress_context__ = (None if hidden else inner), inner, True
    return outer


def test_an_exception_of_the_applications_own_has_the_mode_of_what_it_was_raised_from() -> None:
    assert failure_mode(raised_from(RuntimeError("no answer"), httpx.ReadTimeout("late"))) == "timeout"


def test_a_cause_that_was_hidden_tells_nothing() -> None:
    assert failure_mode(raised_from(RuntimeError("no answer"), httpx.ReadTimeout("late"), hidden=True)) == "other"


def test_the_outermost_exception_that_tells_something_decides() -> None:
    assert failure_mode(raised_from(json.JSONDecodeError("no", "", 0), httpx.ReadTimeout("late"))) == "parse_error"


def test_a_group_has_the_mode_of_its_first_telling_member() -> None:
    assert failure_mode(ExceptionGroup("all", [ValueError(), http_error(429), TimeoutError()])) == "rate_limit"


def test_a_ring_of_causes_ends() -> None:
    one, other = ValueError(), ValueError()
    one.__cause__, other.__cause__ = other, one
    assert failure_mode(one) == "other"


@pytest.mark.parametrize(
    ("told", "status", "mode"),
    [
        ("openai.RateLimitError", None, "rate_limit"),
        ("TimeoutError", None, "timeout"),
        ("timeout", None, "timeout"),
        ("429", None, "rate_limit"),
        ("500", None, "downstream_error"),
        ("rate_limit_exceeded", None, "rate_limit"),
        ("", 503, "downstream_error"),
        ("botocore.exceptions.NoCredentialsError", None, "downstream_error"),
        ("pydantic_core._pydantic_core.ValidationError", None, "parse_error"),
        ("low_confidence", None, "low_confidence"),
        ("ValueError", None, "other"),
        ("_OTHER", None, "other"),
        ("", None, "other"),
        ("²", 200, "other"),
    ],
)
def test_where_only_the_type_is_left_its_name_tells_the_mode(told: str, status: int | None, mode: str) -> None:
    assert failure_mode_named(told, status) == mode


@pytest.mark.parametrize("mode", FAILURE_MODES)
def test_a_mode_as_error_type_is_itself(mode: str) -> None:
    assert failure_mode_named(mode) == mode


def test_the_type_of_an_error_says_nothing_of_its_message() -> None:
    told = [error_type(error) for error in (ValueError("secret"), openai.APIConnectionError(request=_TO_OPENAI))]
    assert told == ["ValueError", "openai.APIConnectionError"]
