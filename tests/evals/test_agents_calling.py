"""What a Python agent raises, as its case's error: sorted as a call in production is."""

from __future__ import annotations

import json

import openai
import pytest

from agent_deploy.evals.agents.calling import raised
from tests.telemetry.test_taxonomy import aws_error, by_openai, http_error, raised_from

_CONNECTION = openai.APIConnectionError(request=by_openai(500).request)


@pytest.mark.parametrize(
    ("error", "kind", "retry"),
    [
        (openai.RateLimitError("slow", response=by_openai(429), body=None), "rate_limit", True),
        (aws_error("ThrottlingException"), "rate_limit", True),
        (http_error(504), "timeout", True),
        (http_error(502), "downstream_error", True),
        (_CONNECTION, "downstream_error", True),
        (raised_from(RuntimeError("no intent"), _CONNECTION), "downstream_error", True),
        (openai.BadRequestError("no", response=by_openai(400), body=None), "downstream_error", False),
        (raised_from(RuntimeError("no intent"), http_error(401)), "downstream_error", False),
        (aws_error("AccessDeniedException", 403), "downstream_error", False),
        (json.JSONDecodeError("no", "{", 1), "parse_error", False),
        (ValueError("no"), "other", False),
        (SystemExit(500), "other", False),
    ],
    ids=lambda value: f"{type(value).__name__} {value}" if isinstance(value, BaseException) else "",
)
def test_an_exception_is_sorted_as_in_production_and_tried_again_where_that_may_help(
    error: BaseException, kind: str, retry: bool
) -> None:
    told = json.loads(raised(7, error))
    assert (told["id"], told["error"]["kind"], told["error"]["retry"]) == (7, kind, retry)
