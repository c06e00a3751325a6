"""What failed and why, and what evaluations say."""

from __future__ import annotations

from typing import Any

import pytest

from agent_deploy.telemetry import names
from tests.telemetry.otlp import Sent
from tests.telemetry.spans import CHAT, STAMP, only


@pytest.mark.parametrize(
    ("attributes", "more", "mode", "error_type"),
    [
        ({}, {}, "", ""),
        ({"error.type": "timeout"}, {}, "timeout", "timeout"),
        ({"error.type": "429"}, {"error": True}, "rate_limit", "429"),
        ({"error.type": "openai.RateLimitError"}, {}, "rate_limit", "openai.RateLimitError"),
        ({names.FAILURE_MODE: "low_confidence"}, {}, "low_confidence", ""),
        ({names.FAILURE_MODE: "parse_error", "error.type": "ValueError"}, {}, "parse_error", "ValueError"),
        ({names.FAILURE_MODE: "bad mood", "error.type": "503"}, {}, "downstream_error", "503"),
        ({}, {"error": True}, "other", ""),
        ({}, {"error": True, "events": [("exception", {"exception.type": "A"}),
                                        ("exception", {"exception.type": "httpx.ReadTimeout"})]},
         "timeout", "httpx.ReadTimeout"),
        ({}, {"events": [("exception", {"exception.type": "KeyError"})]}, "", ""),  # it was handled
    ],
)  # fmt: skip
def test_what_failed_and_why(attributes: dict[str, Any], more: dict[str, Any], mode: str, error_type: str) -> None:
    fact = only(Sent(2, 1, CHAT | attributes, **more))
    assert (fact.failed, fact.failure_mode, fact.error_type) == (mode != "", mode, error_type)


def evaluation(value: float | None = None, label: str = "") -> tuple[str, dict[str, Any]]:
    said = {names.EVALUATION_VALUE: value, names.EVALUATION_LABEL: label or None}
    return (names.EVALUATION_EVENT, {name: held for name, held in said.items() if held is not None})


@pytest.mark.parametrize(
    ("events", "score", "passed"),
    [
        ([], None, None),
        ([evaluation(0.5, "passed")], 0.5, True),
        ([evaluation(1.0, "Pass"), evaluation(0.5, "failed")], 0.75, False),
        ([evaluation(4.0)], 4.0, None),  # what is enough, nobody says
        ([evaluation(label="fail")], None, False),
        ([evaluation(0.9, "relevant"), evaluation(0.9, "pass")], 0.9, True),
    ],
)
def test_evaluations_become_a_score_and_a_verdict(events: list[Any], score: float | None, passed: bool | None) -> None:
    fact = only(Sent(1, 0, STAMP, events=events))
    assert (fact.score, fact.score_passed) == (score, passed)
