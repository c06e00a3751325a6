"""Functions of the team's own as scorers. They are trusted code, run in this process, in a thread of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from agent_deploy.evals.cases import Case
from agent_deploy.evals.errors import ScorerFailed
from agent_deploy.evals.results import Reply, Score
from agent_deploy.evals.scorers.findings import Finding, Wanted, failed, score_of, shown
from agent_deploy.evals.scorers.options import Options, is_number

_KEYS = ("passed", "value", "reason")
Function = Callable[[Any, Case], Any]


def python(options: Options) -> OwnFunction:
    """A function of the output and the case says so, sync or async: a bool, 0 to 1, or passed, value and reason."""
    named = options.main("function")
    if not isinstance(named, str):
        raise options.fault(f"its value must be module:function, not {shown(named)}")
    return OwnFunction(
        name=options.label,
        function=_load(options, named),
        threshold=options.number("threshold", 0.5, most=1.0),
        timeout_s=options.number("timeout_s", 60, least=0.001),
        negated=options.negated,
    )


def _load(options: Options, named: str) -> Function:
    from importlib import import_module

    module_name, _, function_name = named.partition(":")
    if not module_name or not function_name:
        raise options.fault(f"{shown(named)} is not module:function")
    folder = str(options.surroundings.modules.absolute())
    if folder not in sys.path:
        sys.path.append(folder)  # last: a file of the team's must not stand in for a library that is imported later
    try:
        function = getattr(import_module(module_name), function_name, None)
    except (Exception, SystemExit) as error:
        raise options.fault(f"{module_name} cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(function):
        raise options.fault(f"{module_name} has no function {function_name!r}")
    return function  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class OwnFunction:
    """A function as a scorer. What it returns above `threshold` passes; after `timeout_s` it is not waited for."""

    name: str
    function: Function
    threshold: float
    timeout_s: float
    negated: bool
    wanted: Wanted | None = None
    provider: str = ""
    digest: str = ""

    async def score(self, case: Case, reply: Reply) -> Score:
        """The score; raises ScorerFailed where the function raises, is late, or returns something else."""
        import asyncio

        try:
            returned, error = await asyncio.wait_for(self._in_thread(case, reply), self.timeout_s)
        except TimeoutError as late:
            message = f"scorer {self.name!r} gave no answer within {self.timeout_s:g} s"
            raise ScorerFailed(message, kind="timeout") from late
        if error is not None:
            raise failed(self.name, error) from error
        return score_of(self.name, self._finding(returned), negated=self.negated)

    async def _in_thread(self, case: Case, reply: Reply) -> tuple[Any, BaseException | None]:
        """What the function returned, or what it raised. A daemon thread: one that hangs does not keep the command."""
        import asyncio
        from contextlib import suppress
        from threading import Thread

        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

        def tell(outcome: tuple[Any, BaseException | None]) -> None:
            if not future.done():
                future.set_result(outcome)

        def work() -> None:
            outcome = _outcome(self.function, case, reply)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(tell, outcome)

        Thread(target=work, name=f"scorer {self.name}", daemon=True).start()
        return await future

    def _finding(self, returned: Any) -> Finding:
        if isinstance(returned, bool):
            return Finding(returned, float(returned))
        if is_number(returned):
            return self._graded(returned, None, "")
        if isinstance(returned, Mapping):
            return self._by_keys(returned)
        raise self._refused(f"{type(returned).__name__} {shown(repr(returned))}")

    def _by_keys(self, returned: Mapping[str, Any]) -> Finding:
        passed, value, reason = (returned.get(key) for key in _KEYS)
        well_formed = (
            not returned.keys() - set(_KEYS)
            and isinstance(passed, bool | None)
            and (value is None or is_number(value))
            and isinstance(reason, str | None)
        )
        if not well_formed or (passed is None and value is None):
            raise self._refused(shown(repr(dict(returned))))
        return self._graded(float(bool(passed)) if value is None else value, passed, reason or "")

    def _graded(self, value: float, passed: bool | None, reason: str) -> Finding:
        if not 0 <= value <= 1:
            raise self._refused(f"{value:g}")
        return Finding(value >= self.threshold if passed is None else passed, float(value), reason)

    def _refused(self, what: str) -> ScorerFailed:
        expected = "a bool, a number from 0 to 1, or a dict of 'passed' or 'value', and 'reason'"
        return ScorerFailed(f"scorer {self.name!r} returned {what}, not {expected}", kind="parse_error")


def _outcome(function: Function, case: Case, reply: Reply) -> tuple[Any, BaseException | None]:
    try:
        returned = function(reply.output, case)
        return (_awaited(returned) if isawaitable(returned) else returned), None
    except BaseException as error:  # noqa: BLE001 - told to the run as the scorer's failure, whatever it is
        return None, error


def _awaited(awaitable: Any) -> Any:
    import asyncio

    async def wait() -> Any:
        return await awaitable

    return asyncio.run(wait())
