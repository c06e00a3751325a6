"""What a call and its steps have in common: a span that is entered and left, and what is noted on it meanwhile."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from agent_deploy.client.calls.values import encodable
from agent_deploy.telemetry import names
from agent_deploy.telemetry.content import Policy
from agent_deploy.telemetry.dropped import BAD_VALUE, OUR_FAULT, TOO_LATE, dropped
from agent_deploy.telemetry.taxonomy import FAILURE_MODES, FailureMode, error_type, failure_mode

if TYPE_CHECKING:
    from agent_deploy.client.calls.spans import OpenSpan

_log = logging.getLogger("agent_deploy.client")

Value = TypeVar("Value")
Opening = Callable[[str, bool, Mapping[str, Any]], "OpenSpan"]


class Recorded:
    """Notes for one span, written when it ends. Nothing here raises: what cannot be noted is dropped and counted.

    Notes may come from any thread: each is one assignment. Where nothing is traced, there is no span and notes go
    nowhere.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._span: OpenSpan | None = None
        self._notes: dict[str, Any] = {}
        self._events: list[tuple[str, dict[str, Any]]] = []
        self._mode: FailureMode | None = None
        self._ended = False

    def failed(self, mode: str) -> None:
        """It failed, and how: timeout, rate_limit, parse_error, low_confidence, downstream_error or other.

        What is said here stands, whatever exception ends it.
        """
        known = next((one for one in FAILURE_MODES if isinstance(mode, str) and one == mode), None)
        if known is None:
            dropped.add(BAD_VALUE)
        if self._ended:
            dropped.add(TOO_LATE)
        self._mode = known or "other"

    def _note(self, name: str, value: Value | None, clean: Callable[[Value], Any]) -> None:
        """Note a value, cleaned; None is nothing to note."""
        if value is None:
            return
        if self._ended:
            dropped.add(TOO_LATE)
            return
        try:
            written = clean(value)
        except Exception:  # noqa: BLE001 - a value's own methods may raise anything
            dropped.add(BAD_VALUE)
            return
        if written is not None:
            self._notes[name] = written

    def _note_content(self, name: str, value: object, written: Callable[[object], str] | None = None) -> None:
        """Note content as the workflow's policy allows; `off` does not even look at it."""
        if self._policy.content != "off":
            self._note(name, value, lambda given: _sendable(self._policy.of_content(given, written)))

    def _begin(self, start: Callable[[], OpenSpan]) -> None:
        try:
            self._span = start()
        except Exception:  # noqa: BLE001 - a sampler's or processor's fault must not become the application's
            dropped.add(OUR_FAULT)
            _log.debug("a span could not be started", exc_info=True)

    def _leave(self) -> None:
        if self._span is not None:
            try:
                self._span.leave()
            except Exception:  # noqa: BLE001 - as above
                dropped.add(OUR_FAULT)
                _log.debug("a span could not be left", exc_info=True)

    def _finish(self, error: BaseException | None) -> None:
        self._ended = True
        if self._span is None:
            return
        try:
            failed = self._note_failure(None if isinstance(error, GeneratorExit) else error)
            self._span.end(self._notes, self._events, failed)
        except Exception:  # noqa: BLE001 - as above
            dropped.add(OUR_FAULT)
            _log.debug("a span could not be ended", exc_info=True)

    def _note_failure(self, error: BaseException | None) -> bool:
        if error is None and self._mode is None:
            return False
        told = error_type(error) if error is not None else self._mode
        mode = self._mode or (failure_mode(error) if error is not None else "other")
        self._notes |= {names.ERROR_TYPE: told, names.FAILURE_MODE: mode}
        if error is not None:
            self._events.append((names.EXCEPTION_EVENT, _exception(error, self._policy)))
        return True


class Step(Recorded):
    """A step of a call, as a context manager: `with` or `async with`. It is entered once.

    opening: starts its span, given name, whether the other side of a network does the work, and first attributes.
    """

    def __init__(self, policy: Policy, opening: Opening | None, name: str, *, outside: bool = False) -> None:
        super().__init__(policy)
        self._opening = opening
        self._name = name
        self._outside = outside

    def __enter__(self) -> Self:
        opening = self._opening
        if opening is not None and self._span is None:
            first, self._notes = self._notes, {}
            self._begin(lambda: opening(encodable(self._name), self._outside, first))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        self._finish(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def _exception(error: BaseException, policy: Policy) -> dict[str, Any]:
    """The exception as an event: its type, and what it says as the policy allows. Its message often quotes content."""
    said = {names.EXCEPTION_TYPE: error_type(error)}
    try:
        message = _sendable(policy.of_content(str(error)))
        if message:
            said[names.EXCEPTION_MESSAGE] = message
        if policy.content == "full":
            said[names.EXCEPTION_STACKTRACE] = encodable("".join(traceback.format_exception(error)))
    except Exception:  # noqa: BLE001 - an exception's own __str__ may raise
        dropped.add(BAD_VALUE)
    return said


def _sendable(text: str | None) -> str | None:
    return None if text is None else encodable(text)
