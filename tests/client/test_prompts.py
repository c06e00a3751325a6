"""Rendering: sandboxed, strict, and clear about what is missing."""

from __future__ import annotations

import pickle

import pytest

from agent_deploy.client import Prompt, RenderFailed, UndefinedVariable, UnsafeTemplate
from agent_deploy.client.prompts import Templates


def prompt(text: str, **others: str) -> Prompt:
    return Prompt("main", text, Templates({"main": text, **others}))


def test_variables_are_put_in_and_all_else_stays_as_it_is() -> None:
    assert prompt("Hi {{ name }} <&>\n\n").render(name="<Ann>") == "Hi <Ann> <&>\n\n"


def test_a_prompt_includes_and_imports_others_by_name() -> None:
    text = "{% from 'macros' import shout %}{% include 'head' %}{{ shout(word) }}"
    whole = prompt(text, head="To {{ who }}: ", macros="{% macro shout(w) %}{{ w|upper }}{% endmacro %}")
    assert whole.render(who="you", word="hi") == "To you: HI"


def test_an_undefined_variable_is_an_error_naming_prompt_variable_and_what_was_passed() -> None:
    with pytest.raises(UndefinedVariable) as caught:
        prompt("{{ customer }}").render(query="secret text", topic="x")
    assert str(caught.value) == "prompt 'main': 'customer' is undefined (passed: query, topic)"
    assert (caught.value.prompt, caught.value.variable) == ("main", "customer")


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ("{% if flag %}x{% endif %}", "flag"),
        ("{% for row in rows %}{{ row }}{% endfor %}", "rows"),
        ("{{ customer.name }}", "customer"),
        ("{{ known.name }}", "name"),
        ("{{ known['name'] }}", "name"),
        ("{{ missing ~ 'x' }}", "missing"),
        ("{% include 'part' %}", "deep"),
    ],
)
def test_every_use_of_what_is_undefined_is_that_error(text: str, variable: str) -> None:
    with pytest.raises(UndefinedVariable) as caught:
        prompt(text, part="{{ deep }}").render(known={"other": 1})
    assert caught.value.variable == variable


def test_what_may_be_undefined_can_say_so() -> None:
    assert prompt("{{ name | default('you') }}{{ ' x' if extra is defined }}").render() == "you"


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ known.append(1) }}",
        "{{ '{0.__class__}'.format(known) }}",
        "{{ fn.__globals__ }}",
    ],
)
def test_the_sandbox_refuses_with_a_named_error(text: str) -> None:
    with pytest.raises(UnsafeTemplate, match="prompt 'main'"):
        prompt(text).render(known=[], fn=prompt)


def test_a_broken_template_names_prompt_and_line() -> None:
    with pytest.raises(RenderFailed, match=r"prompt 'main': TemplateSyntaxError: .*, line 2"):
        prompt("fine\n{% if %}").render()
    with pytest.raises(RenderFailed, match="prompt 'main'"):
        _ = prompt("{% if %}").variables


def test_an_error_inside_an_expression_names_the_prompt_and_keeps_its_cause() -> None:
    with pytest.raises(RenderFailed, match="prompt 'main': ZeroDivisionError: division by zero") as caught:
        prompt("{{ 1 / n }}").render(n=0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_the_variables_of_a_prompt_are_those_of_its_includes_too() -> None:
    whole = prompt(
        "{% set mine = 1 %}{{ mine }}{{ a }}{% include 'one' %}", one="{{ b }}{% include 'two' %}", two="{{ c }}"
    )
    assert whole.variables == {"a", "b", "c"}


def test_prompts_that_include_each_other_have_their_variables_and_fail_to_render() -> None:
    whole = prompt("{{ a }}{% include 'one' %}", one="{{ b }}{% include 'main' %}")
    assert whole.variables == {"a", "b"}
    with pytest.raises(RenderFailed, match="RecursionError"):
        whole.render(a=1, b=2)


def test_a_variable_may_be_called_self() -> None:
    assert prompt("{{ name }}").render(**{"self": 1, "name": "Ann"}) == "Ann"


def test_a_template_is_compiled_once() -> None:
    whole = prompt("{{ a }}")
    assert whole.templates.compiled("main") is whole.templates.compiled("main")
    assert [whole.render(a=n) for n in range(50)] == [str(n) for n in range(50)]


def test_a_rendering_error_survives_pickling() -> None:
    with pytest.raises(UndefinedVariable) as caught:
        prompt("{{ customer }}").render()
    copied = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert (str(copied), copied.variable) == (str(caught.value), "customer")
