"""What a model call cost is one rule: every command that tells of money tells the same of the same facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from agent_deploy.costs.prices import Prices
from agent_deploy.operations.cost import cost
from agent_deploy.operations.metrics import metrics
from agent_deploy.operations.traces.list_ import list_
from agent_deploy.operations.traces.show import show
from agent_deploy.telemetry.facts.store import FactStore
from agent_deploy.telemetry.looking.calls import Wanted
from agent_deploy.telemetry.serving.workflow_figures import WorkflowFigures
from agent_deploy.telemetry.spending.cells import read_cells
from agent_deploy.telemetry.spending.model_calls import Scope
from agent_deploy.telemetry.spending.pricing import Pricing
from tests.costs.traffic import HOUR, NOON, WORKFLOW, Step, call, prices, step, store_of

pytestmark = pytest.mark.slow

# Of the price file of `traffic`: small costs 1 and 10 per million, mute 1 and has no price for output.
FREE_OUTPUT = '[[price]]\nprovider = "acme"\nmodel = "still"\ninput = 1\noutput = 0\n'
NO_PRICE, NO_TOKENS = "no price", "no token counts"

# A model call, and what it cost in USD, or why nobody knows.
CASES: dict[str, tuple[Step, str]] = {
    "all told": (step(100, 10), "0.0002"),
    "it failed after its tokens": (step(100, 10, failed=True), "0.0002"),
    "it failed before any": (step(None, None, failed=True), "0"),
    "it failed, and says that there were none": (step(0, 0, failed=True), "0"),
    "it failed, and says that it read none": (step(0, None, failed=True), "0"),
    "it failed, and says that it wrote none": (step(None, 0, failed=True), "0"),
    "it failed for a model without a price": (step(None, None, "strange", failed=True), "0"),
    "nothing told": (step(None, None), NO_TOKENS),
    "none read, none written": (step(0, 0), NO_TOKENS),
    "input not told": (step(None, 10), NO_TOKENS),
    "input not told of one that failed": (step(None, 10, failed=True), NO_TOKENS),
    "output not told": (step(100, None), NO_TOKENS),
    "output not told of one that failed": (step(100, None, failed=True), NO_TOKENS),
    "output not told, and there is none": (step(100, None, "mute"), "0.0001"),
    "output not told, and it costs nothing": (step(100, None, "still"), "0.0001"),
    "output without a price": (step(100, 10, "mute"), NO_PRICE),
    "a model without a price": (step(100, 10, "strange"), NO_PRICE),
    "a model without a price, output not told": (step(100, None, "strange"), NO_PRICE),
    "neither price nor tokens": (step(None, None, "strange"), NO_TOKENS),
    "only cached input": (step(100, 10, cache_read_tokens=100), "0.00011"),
    "more cached than there was": (step(100, 10, cache_read_tokens=80, cache_write_tokens=21), NO_TOKENS),
    "more reasoning than output": (step(100, 10, reasoning_tokens=11), NO_TOKENS),
    "reasoning, and output not told": (step(100, None, "mute", reasoning_tokens=5), NO_TOKENS),
}

# What is told of one case: its cost, None where that is unknown; why, empty where the answer does not say.
Told = tuple[Decimal | None, str]


@pytest.fixture(params=["spool", "segment"])
def facts(request: pytest.FixtureRequest, tmp_path: Path) -> FactStore:
    """A call a case, each of a version of its own."""
    calls = [call(one, version=number, tenant=case) for number, (case, (one, _)) in enumerate(CASES.items())]
    store = store_of(tmp_path / "facts", calls)
    if request.param == "segment":
        store.seal(everything=True)
    return store


@pytest.fixture
def known(tmp_path: Path) -> Prices:
    return prices(tmp_path, FREE_OUTPUT)


def _expected(*, with_why: bool = False) -> dict[str, Told]:
    def told(said: str) -> Told:
        return (None, said if with_why else "") if said in (NO_PRICE, NO_TOKENS) else (Decimal(said), "")

    return {case: told(said) for case, (_, said) in CASES.items()}


def test_cost_and_with_it_status(facts: FactStore, known: Prices) -> None:
    found = cost(facts, known, WORKFLOW, since=NOON - HOUR, by="version")
    assert {case: (line.cost_usd, "") for case, line in zip(CASES, found.lines, strict=True)} == _expected()
    assert all(line.unknown == (line.cost_usd is None) for line in found.lines)
    why = Counter((one.model, said) for one, said in CASES.values() if said in (NO_PRICE, NO_TOKENS))
    assert {(each.source.model, each.why): each.model_calls for each in found.unpriced} == why


def test_the_comparison(facts: FactStore, known: Prices) -> None:
    def told(version: int) -> Told:
        with closing(facts.connection(since=NOON - HOUR)) as connection:
            found = read_cells(connection, known, Scope(WORKFLOW), from_version=version, to_version=-1, at=NOON)
        if found.calls_from.unknown:
            return None, ""
        return Decimal(str(round(sum(cell.amounts.paid_usd for cell in found.cells), 9))), ""

    assert {case: told(version) for version, case in enumerate(CASES)} == _expected()


def test_metrics(facts: FactStore, known: Prices) -> None:
    found = metrics(facts, known, WORKFLOW, clock=lambda: NOON + HOUR).versions
    assert {case: (found[version].cost_usd, "") for version, case in enumerate(CASES)} == _expected()


def test_traces_list(facts: FactStore, known: Prices) -> None:
    found = list_(facts, known, Wanted(), NOON - HOUR, limit=len(CASES))
    assert all(bool(one.unpriced) == (one.cost_usd is None) for one in found.calls)
    assert {one.tenant: (one.cost_usd, "") for one in found.calls} == _expected()


def test_traces_show(facts: FactStore, known: Prices) -> None:
    def told(key: str) -> Told:
        tree = show(facts, known, key, since=NOON - HOUR).tree
        [model] = tree.steps[0].steps
        assert (model.cost_usd is None) == bool(tree.unpriced)
        assert model.cost_usd in (None, tree.cost_usd)
        return model.cost_usd, ""

    listed = list_(facts, known, Wanted(), NOON - HOUR, limit=len(CASES)).calls
    assert {one.tenant: told(one.key) for one in listed} == _expected()


def test_the_receivers_figures(known: Prices) -> None:
    def told(one: Step) -> Told:
        registry = CollectorRegistry()
        WorkflowFigures(registry, Pricing(known)).taken(call(one))
        samples = list(_samples(registry))
        why = "".join(labels["why"] for name, labels, _ in samples if name == "agent_deploy_unpriced_model_calls_total")
        [spent] = [value for name, _, value in samples if name == "agent_deploy_cost_usd_total"]
        return (None if why else Decimal(str(spent))), why

    assert {case: told(one) for case, (one, _) in CASES.items()} == _expected(with_why=True)


def _samples(registry: CollectorRegistry) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in registry.collect():
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def test_one_call_of_unknown_cost_leaves_its_whole_call_out_everywhere(tmp_path: Path, known: Prices) -> None:
    """And the cost of the others is the same wherever it is asked for."""
    whole, part = call(step(100, 10)), call(step(100, 10), step(None, 10), at=NOON + timedelta(seconds=1))
    facts = store_of(tmp_path / "facts", [whole, part])
    spent = Decimal("0.0002")
    report = cost(facts, known, WORKFLOW, since=NOON - HOUR).total
    figures = metrics(facts, known, WORKFLOW, clock=lambda: NOON + HOUR).current
    listed = list_(facts, known, Wanted(), NOON - HOUR).calls
    assert (report.cost_usd, report.unknown) == (figures.cost_usd, figures.cost.unknown_calls) == (spent, 1)
    assert [one.cost_usd for one in listed] == [None, spent]


def test_models_of_unknown_cost_are_named_alike_with_their_tier(tmp_path: Path, known: Prices) -> None:
    nameless: Any = {"provider": ""}
    made = call(step(100, 10, "strange", tier="batch"), step(100, 10, "", **nameless))
    facts = store_of(tmp_path / "facts", [made])
    names = ("?/?", "acme/strange (batch)")
    listed = list_(facts, known, Wanted(), NOON - HOUR).calls[0]
    shown = show(facts, known, listed.key, since=NOON - HOUR).tree
    assert listed.unpriced == shown.unpriced == names
    assert tuple(sorted(metrics(facts, known, WORKFLOW, clock=lambda: NOON + HOUR).unpriced)) == names
    assert tuple(sorted(str(each.source) for each in cost(facts, known, WORKFLOW, since=NOON - HOUR).unpriced)) == names


def test_a_price_is_of_the_calls_day_and_length_whoever_asks(known: Prices) -> None:
    pricing, made = Pricing(known), call(step(100, 10, "dated"))[1]
    assert pricing.cost(made) == Decimal("0.0004")
    assert pricing.cost(replace(made, started_at=NOON - timedelta(days=1))) == Decimal("0.0002")
