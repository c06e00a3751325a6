"""Figures that nobody can mean, from a sender gone wrong: they cost neither the other spans nor any figure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.costs.prices import open_prices
from agent_deploy.operations.cost import cost
from agent_deploy.telemetry import names
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.store import FactStore
from agent_deploy.telemetry.reading import Tally, facts_of, read_export
from registry.stores import open_store
from tests.telemetry.otlp import START_NS, Sent, document

ROOT = {
    names.OPERATION: names.INVOKE_WORKFLOW, names.WORKFLOW: "support-triage", names.BUNDLE_VERSION: 1,
    names.CALL_ID: f"{1:016x}",
}  # fmt: skip
CHAT = ROOT | {names.OPERATION: names.CHAT, names.PROVIDER: "openai", names.REQUEST_MODEL: "gpt-5-mini"}
GOOD = CHAT | {names.USAGE_INPUT: 1_000_000, names.USAGE_OUTPUT: 0}
STARTED = datetime.fromtimestamp(START_NS / 1e9, UTC)


def _read(*spans: Sent) -> tuple[list[Fact], Tally]:
    tally = Tally()
    data = json.dumps(document(*spans)).encode()
    return facts_of(read_export(data, "application/json", tally), tally), tally


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (names.USAGE_INPUT, 10**9 + 1), (names.USAGE_OUTPUT, 2**62), (names.USAGE_CACHE_READ, 10**400),
        (names.COST_USD, -0.01), (names.COST_USD, 1_000_000.5), (names.COST_USD, 10**400), (names.CONFIDENCE, 10**400),
        (names.CONFIDENCE, -1e16), (names.EVALUATION_VALUE, 1e308),
    ],
    ids=lambda value: str(value)[:24],
)  # fmt: skip
def test_a_figure_beyond_all_measure_counts_as_not_said(name: str, value: Any) -> None:
    (odd, good), tally = _read(Sent(2, 1, GOOD | {name: value}), Sent(3, 1, GOOD))
    (plain,), _ = _read(Sent(2, 1, {key: said for key, said in GOOD.items() if key != name}))
    assert (odd, good.input_tokens, tally.ignored) == (plain, 1_000_000, {name: 1})


def test_the_largest_figures_that_count() -> None:
    most = CHAT | {names.USAGE_INPUT: 10**9, names.USAGE_OUTPUT: 0, names.COST_USD: 10**6}
    (fact,), _ = _read(Sent(2, 1, most))
    assert (fact.input_tokens, fact.reported_cost_usd) == (10**9, 1e6)


@pytest.mark.parametrize("absurd", [2**62, 10**18 - 1, 2**53])
def test_absurd_counts_of_tokens_neither_keep_facts_from_being_sealed_nor_costs_from_being_told(
    tmp_path: Path, absurd: int
) -> None:
    many = [Sent(number, 1, CHAT | {names.USAGE_INPUT: absurd, names.COST_USD: 1e308}) for number in range(3, 1203)]
    found, _ = _read(Sent(1, 0, ROOT, took=60), Sent(2, 1, GOOD, at=1), *many)
    facts = FactStore(open_store(str(tmp_path / "store")), tmp_path / "facts")
    facts.spool().append(found)
    assert facts.seal(everything=True).facts == 1202
    told = cost(facts, open_prices(), "support-triage", since=STARTED)
    assert (told.total.calls, told.total.unknown, told.total.model_calls) == (1, 1, 1201)
    assert told.total.usage.input == 1_000_000
    assert (told.unpriced[0].why, told.unpriced[0].model_calls) == ("no token counts", 1200)
