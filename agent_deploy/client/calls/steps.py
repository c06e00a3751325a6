"""The steps of a call: models, tools, retrievals, and attempts that hold several of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent_deploy.client.bundle import Bundle, Model
from agent_deploy.client.calls.recorded import Opening, Step
from agent_deploy.client.calls.values import amount, count, label, labels, messages, name_of, number, tokens, yes_or_no
from agent_deploy.costs.providers import one_name
from agent_deploy.telemetry import names
from agent_deploy.telemetry.content import Policy, as_text
from agent_deploy.telemetry.dropped import BAD_VALUE, dropped

_NOT_SAID: Final[Any] = object()

# A bundle's parameter -> its attribute, and how it is written.
_PARAMETERS = {
    "temperature": (names.REQUEST_TEMPERATURE, number),
    "top_p": (names.REQUEST_TOP_P, number),
    "top_k": (names.REQUEST_TOP_K, count),
    "max_tokens": (names.REQUEST_MAX_TOKENS, count),
    "seed": (names.REQUEST_SEED, count),
    "frequency_penalty": (names.REQUEST_FREQUENCY_PENALTY, number),
    "presence_penalty": (names.REQUEST_PRESENCE_PENALTY, number),
    "stop": (names.REQUEST_STOP, labels),
}


class ModelStep(Step):
    """One request to a model of the bundle."""

    def __init__(
        self, policy: Policy, opening: Opening | None, bundle: Bundle, step: str, attempt: int | None, prompt: str
    ) -> None:
        model = bundle.models.get(step) if isinstance(step, str) else None
        super().__init__(policy, opening, _named(names.CHAT, model.name if model else ""), outside=True)
        self._notes = {names.OPERATION: names.CHAT, names.PROMPT_VERSION: str(bundle.version)}
        self._note(names.STEP, step, label)
        self._note(names.PROMPT_NAME, bundle.workflow, label)
        self._note(names.PROMPT_NAME, prompt, label)
        self._note(names.ATTEMPT, attempt, count)
        if model is None:
            dropped.add(BAD_VALUE)  # the bundle has no such model; the step is told of all the same
        else:
            self._note_model(model)

    def usage(
        self,
        *,
        input: int | None = None,
        output: int | None = None,
        cache_read: int | None = None,
        cache_write: int | None = None,
        reasoning: int | None = None,
    ) -> None:
        """The tokens that it took. `input` includes what was read from and written to a cache, `output` reasoning."""
        self._note(names.USAGE_INPUT, input, tokens)
        self._note(names.USAGE_OUTPUT, output, tokens)
        self._note(names.USAGE_CACHE_READ, cache_read, tokens)
        self._note(names.USAGE_CACHE_WRITE, cache_write, tokens)
        self._note(names.USAGE_REASONING, reasoning, tokens)

    def output(self, raw: object, *, parsed: object = _NOT_SAID) -> None:
        """What the model gave. parsed: what was read out of it; None says that it could not be parsed."""
        self._note_content(names.OUTPUT_MESSAGES, raw, _as_answer)
        if parsed is not _NOT_SAID:
            self._note(names.PARSE_OK, parsed is not None, yes_or_no)
            self._note_content(names.OUTPUT_PARSED, parsed, as_text)

    def response(
        self,
        *,
        model: str | None = None,
        id: str | None = None,
        finish_reason: str | Sequence[str] | None = None,
        tier: str | None = None,
    ) -> None:
        """What the response said of itself. tier: what the provider charges by (batch, flex, priority…)."""
        self._note(names.RESPONSE_MODEL, model, label)
        self._note(names.RESPONSE_ID, id, label)
        self._note(names.RESPONSE_FINISH_REASONS, finish_reason, labels)
        self._note(names.TIER, tier, label)

    def cost(self, usd: float, *, price_table: str | None = None) -> None:
        """What it cost, in USD, if the application knows. The control plane reckons from the tokens, and compares."""
        self._note(names.COST_USD, usd, amount)
        self._note(names.PRICE_TABLE, price_table, label)

    def _note_model(self, model: Model) -> None:
        self._note(names.PROVIDER, one_name(model.provider), label)
        self._note(names.REQUEST_MODEL, model.name, label)
        for parameter, (name, clean) in _PARAMETERS.items():
            self._note(name, model.parameters.get(parameter), clean)


class ToolStep(Step):
    """One use of a tool."""

    def __init__(self, policy: Policy, opening: Opening | None, tool: str, arguments: object, call_id: str) -> None:
        super().__init__(policy, opening, _named(names.EXECUTE_TOOL, tool))
        self._notes = {names.OPERATION: names.EXECUTE_TOOL, names.TOOL_TYPE: "function"}
        self._note(names.TOOL_NAME, tool, label)
        self._note(names.TOOL_CALL_ID, call_id, label)
        self._note_content(names.TOOL_ARGUMENTS, arguments, as_text)

    def result(self, value: object) -> None:
        """What the tool gave."""
        self._note_content(names.TOOL_RESULT, value, as_text)


class RetrievalStep(Step):
    """One search for documents."""

    def __init__(self, policy: Policy, opening: Opening | None, source: str) -> None:
        super().__init__(policy, opening, _named(names.RETRIEVAL, source), outside=True)
        self._notes = {names.OPERATION: names.RETRIEVAL}
        self._note(names.DATA_SOURCE, source, label)

    def documents(self, found: Sequence[object]) -> None:
        """What was found."""
        self._note(names.RETRIEVED_COUNT, found, _how_many)
        self._note_content(names.RETRIEVAL_DOCUMENTS, found, as_text)


class AttemptStep(Step):
    """One try of a step that is retried. number: 1, 2, 3…"""

    def __init__(self, policy: Policy, opening: Opening | None, step: str, number: int) -> None:
        super().__init__(policy, opening, _named(names.ATTEMPT_SPAN, step))
        self.number = number
        self._note(names.STEP, step, label)
        self._note(names.ATTEMPT, number, count)


def _named(operation: str, what: object) -> str:
    """The span's name: what is done, and with what; the latter left out where it is no name, which the note counts."""
    return f"{operation} {name_of(what)}".rstrip()


def _as_answer(value: object) -> str:
    return messages("assistant", value)


def _how_many(found: Sequence[object]) -> int:
    return 1 if isinstance(found, str | Mapping) else count(len(found))
