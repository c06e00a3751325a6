"""One execution of a workflow: its bundle, pinned, and the trace of what it did."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from agent_deploy.client.bundle import Bundle
from agent_deploy.client.calls.recorded import Opening, Recorded
from agent_deploy.client.calls.steps import AttemptStep, ModelStep, RetrievalStep, ToolStep
from agent_deploy.client.calls.values import label, messages, name_of, number, share, yes_or_no
from agent_deploy.client.pins import Pin
from agent_deploy.telemetry import names
from agent_deploy.telemetry.content import Policy
from agent_deploy.telemetry.dropped import BAD_VALUE, TOO_LATE, dropped
from agent_deploy.telemetry.stamp import Stamp

if TYPE_CHECKING:
    from agent_deploy.client.calls.spans import OpenSpan, Tracing


@dataclass(frozen=True, slots=True)
class Who:
    """For whom a call is made, as the application gave it."""

    tenant: str = ""
    user: str = ""
    request_id: str = ""
    conversation: str = ""


class Call(Recorded):
    """`with` or `async with`: inside, the bundle is pinned, and every span is stamped with it. It is entered once.

    Entering raises as `client.pin` does. Apart from that nothing here raises: what cannot be recorded is dropped and
    counted. An exception that leaves the block is recorded, and goes on.
    """

    def __init__(self, pin: Pin, who: Who, policy_of: Callable[[str], Policy], tracing: Tracing | None) -> None:
        super().__init__(Policy())
        self._policy_of = policy_of
        self._pin = pin
        self._who = who
        self._tracing = tracing
        self._bundle: Bundle | None = None
        self._attempts: dict[str, Iterator[int]] = {}

    @property
    def bundle(self) -> Bundle:
        """The pinned bundle. Raises RuntimeError before the block is entered."""
        if self._bundle is None:
            raise RuntimeError("enter the call first: `with client.call(…) as call:`")
        return self._bundle

    @property
    def id(self) -> str:
        """The call's id, 16 hex digits: the span id of its root. Empty where nothing is traced."""
        return self._span.ids[1] if self._span is not None else ""

    @property
    def trace_id(self) -> str:
        """The id of the trace that it is in, 32 hex digits. Empty where nothing is traced."""
        return self._span.ids[0] if self._span is not None else ""

    def input(self, text: object) -> None:
        """What the user, or the caller, gave."""
        self._note_content(names.INPUT_MESSAGES, text, _as_question)

    def output(self, text: object) -> None:
        """What the call answered, after all post-processing."""
        self._note_content(names.OUTPUT_MESSAGES, text, _as_answer)

    def retrieved(self, documents: Sequence[object], *, source: str = "") -> None:
        """Documents that were found already. `retrieval` times the search for them as well."""
        with self.retrieval(source) as step:
            step.documents(documents)

    def retrieval(self, source: str = "") -> RetrievalStep:
        """A search for documents, timed. source: where it is made."""
        return RetrievalStep(self._policy, self._opening(), source)

    def model(self, step: str = "default", *, attempt: int | None = None, prompt: str = "") -> ModelStep:
        """A request to the bundle's model of that step. attempt: 1, 2, 3… where this one is retried."""
        return ModelStep(self._policy, self._opening(), self.bundle, step, attempt, prompt)

    def tool(self, name: str, *, arguments: object = None, id: str = "") -> ToolStep:
        """A use of a tool. id: what the model called this use."""
        return ToolStep(self._policy, self._opening(), name, arguments, id)

    def attempt(self, step: str = "default") -> AttemptStep:
        """One try of what is tried again as a whole; numbered from 1 for each `step`. Steps inside are part of it."""
        numbers = self._attempts.setdefault(name_of(step), itertools.count(1))
        return AttemptStep(self._policy, self._opening(), step, next(numbers))

    def confidence(self, value: float) -> None:
        """How sure the workflow is of its answer, from 0 to 1."""
        self._note(names.CONFIDENCE, value, share)

    def outcome(self, name: str) -> None:
        """What came of it for the business (`resolved`, `drafted`…): cost is reckoned per outcome."""
        self._note(names.OUTCOME, name, label)

    def score(self, name: str, value: float | None = None, passed: bool | None = None) -> None:
        """What an evaluation of this call found. value: as a number. passed: whether it was good enough."""
        if self._ended:
            dropped.add(TOO_LATE)
            return
        try:
            self._events.append((names.EVALUATION_EVENT, _evaluation(name, value, passed)))
        except Exception:  # noqa: BLE001 - a value's own methods may raise anything
            dropped.add(BAD_VALUE)

    def __enter__(self) -> Call:
        self._bundle = self._pin.__enter__()
        self._start(self._bundle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        self._pin.__exit__(kind, error, trace)
        self._finish(error)

    async def __aenter__(self) -> Call:
        self._bundle = await self._pin.__aenter__()
        self._start(self._bundle)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _start(self, bundle: Bundle) -> None:
        tracing = self._tracing
        if tracing is not None:
            self._begin(lambda: self._open_root(tracing, bundle))

    def _open_root(self, tracing: Tracing, bundle: Bundle) -> OpenSpan:
        from agent_deploy.client.calls.spans import open_root

        self._policy, who = self._policy_of(bundle.workflow), self._who
        self._note(names.REQUEST_ID, who.request_id, label)
        self._note(names.CONVERSATION, who.conversation, label)
        self._note(names.USER_ID, who.user, self._user)
        self._note(names.TENANT, who.tenant, label)
        first, self._notes = self._notes, {}
        tenant = first.pop(names.TENANT, "")
        first |= {names.OPERATION: names.INVOKE_WORKFLOW, names.AGENT_NAME: bundle.workflow}
        stamp = Stamp(_stamped(bundle, tenant), self._policy)
        return open_root(tracing, f"{names.INVOKE_WORKFLOW} {bundle.workflow}", first, stamp)

    def _user(self, given: object) -> str | None:
        written = label(given)
        return self._policy.of_user(written) if written else None

    def _opening(self) -> Opening | None:
        tracing, root = self._tracing, self._span
        if tracing is None or root is None:
            return None

        def opening(name: str, outside: bool, attributes: Mapping[str, Any]) -> OpenSpan:
            from agent_deploy.client.calls.spans import CLIENT, INTERNAL, open_step

            return open_step(tracing, name, CLIENT if outside else INTERNAL, attributes, root)

        return opening


def _stamped(bundle: Bundle, tenant: str) -> dict[str, str | int]:
    told: dict[str, str | int] = {
        names.WORKFLOW: bundle.workflow,
        names.ENVIRONMENT: bundle.environment,
        names.GENERATION: bundle.generation,
        names.BUNDLE_VERSION: bundle.version,
        names.BUNDLE_TAG: bundle.tag,
        names.BUNDLE_DIGEST: bundle.digest,
    }
    return {**told, names.TENANT: tenant} if tenant else told


def _evaluation(name: str, value: float | None, passed: bool | None) -> dict[str, Any]:
    told: dict[str, Any] = {names.EVALUATION_NAME: label(name)}
    if value is not None:
        told[names.EVALUATION_VALUE] = number(value)
    if passed is not None:
        told[names.EVALUATION_LABEL] = names.PASSED if yes_or_no(passed) else names.NOT_PASSED
    return told


def _as_question(value: object) -> str:
    return messages("user", value)


def _as_answer(value: object) -> str:
    return messages("assistant", value)
