"""A call is told as the tree of its steps, whatever its spans say."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as some

from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.looking.tree import CallTree, Step, tree_of, walk
from tests.telemetry.traffic import MS, chat, root, step


def price(fact: Fact) -> Decimal | None:
    return None if fact.model == "unheard-of" else Decimal(fact.input_tokens or 0)


def shape(steps: tuple[Step, ...]) -> list[object]:
    """Each step's name, with those of its own steps."""
    return [(one.fact.name, shape(one.steps)) if one.steps else one.fact.name for one in steps]


def tree(*facts: Fact, call_id: str | None = None) -> CallTree:
    return tree_of(facts, facts[0].call_id if call_id is None else call_id, price)


def test_steps_stand_below_their_parents_in_the_order_of_their_starts() -> None:
    call = root(1)
    attempt = step(call, 1, "attempt", 10)
    found = tree(call, step(call, 3, "tool", 500), chat(attempt, 2, 20), attempt)
    assert shape(found.steps) == [
        ("invoke_workflow support-triage", [("attempt", ["chat small"]), "execute_tool look_up"])
    ]
    assert [(one.offset_ms, depth) for one, depth in walk(found.steps)] == [(0, 0), (10, 1), (30, 2), (500, 1)]
    assert (found.id, found.started_at, found.duration_ms) == (call.span_id, call.started_at, 1000.0)


def test_a_step_whose_parent_is_not_on_record_stands_below_the_root() -> None:
    call = root(1)
    assert shape(tree(call, replace(chat(call, 1), parent_span_id="f" * 16)).steps) == [
        ("invoke_workflow support-triage", ["chat small"])
    ]


def test_spans_that_are_each_others_parents_stand_below_the_root() -> None:
    call = root(1)
    one, other = chat(call, 1, name="one"), chat(call, 2, name="other")
    looped = [replace(one, parent_span_id=other.span_id), replace(other, parent_span_id=one.span_id)]
    assert shape(tree(call, *looped).steps) == [("invoke_workflow support-triage", ["one", "other"])]


def test_without_its_root_a_call_is_its_steps_side_by_side_from_first_start_to_last_end() -> None:
    call = root(1)
    found = tree(step(call, 1, "tool", 10), chat(call, 2, 400, duration_ms=250.0))
    assert shape(found.steps) == ["execute_tool look_up", "chat small"]
    assert (found.id, found.root, found.started_at) == (call.span_id, None, call.started_at + 10 * MS)
    assert found.duration_ms == 640.0


def test_a_call_made_inside_a_call_is_one_step_and_what_it_took_is_its_own() -> None:
    call = root(1)
    tool = step(call, 1, "tool", 10)
    inner = replace(
        root(2, name="invoke_workflow billing"), trace_id=call.trace_id, parent_span_id=tool.span_id,
        started_at=call.started_at + 20 * MS,
    )  # fmt: skip
    facts = [call, tool, inner, chat(inner, 3), chat(call, 4)]
    found = tree(*facts)
    assert shape(found.steps) == [
        ("invoke_workflow support-triage",
         ["chat small", ("execute_tool look_up", ["invoke_workflow billing"])]),
    ]  # fmt: skip
    assert (found.cost_usd, len(found.facts), len(found.own)) == (Decimal(1000), 4, 3)
    assert shape(tree(*facts, call_id=inner.call_id).steps) == [("invoke_workflow billing", ["chat small"])]


def test_spans_of_others_are_one_call_a_trace_whose_root_has_no_parent() -> None:
    call = replace(root(1), call_id="")
    agent = replace(step(call, 1, "call", 5, name="agent"), call_id="")
    found = tree(agent, chat(agent, 2, 6), call)
    assert (found.id, found.root) == (call.trace_id, call)
    assert shape(found.steps) == [("invoke_workflow support-triage", [("agent", ["chat small"])])]


def test_cost_is_of_the_model_calls_with_a_price_and_the_other_models_are_named() -> None:
    call = root(1)
    found = tree(call, chat(call, 1), chat(call, 2), chat(call, 3, model="unheard-of"))
    assert (found.cost_usd, found.unpriced) == (Decimal(2000), ("acme/unheard-of",))


def test_a_chain_too_deep_for_a_tree_goes_on_below_the_root() -> None:
    call = root(1)
    facts = [call]
    for number in range(1, 250):
        facts.append(chat(facts[-1], 1, span_id=f"{number:04x}{call.span_id[4:]}"))
    found = tree(*facts)
    assert len(found.facts) == 250
    assert max(depth for _, depth in walk(found.steps)) < 110


@given(parents=some.lists(some.integers(0, 9), min_size=1, max_size=9))
def test_every_span_is_told_once_whatever_it_says_of_its_parent(parents: list[int]) -> None:
    call = root(1)
    ids = [call.span_id, *(f"{number:02x}{call.span_id[2:]}" for number in range(1, len(parents) + 1)), "f" * 16]
    facts = [
        replace(chat(call, number), parent_span_id=ids[min(parent, len(ids) - 1)])
        for number, parent in enumerate(parents, start=1)
    ]
    assert sorted(fact.span_id for fact in tree(call, *facts).facts) == sorted(ids[:-1])
    assert sorted(fact.span_id for fact in tree(*facts).facts) == sorted(ids[1:-1])
