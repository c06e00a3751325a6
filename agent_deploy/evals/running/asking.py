"""Asking, and asking once more: attempts under a time limit, with back-off between them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.providers.limits import LONGEST_PAUSE_S
from agent_deploy.telemetry.taxonomy import failure_mode

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one attempt may take, in seconds, how many there may be, and how it is waited in between.

    random: a number from 0 to 1, so that many that failed at one moment do not come back at one moment.
    """

    timeout_s: float = 60.0
    attempts: int = 3
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random


async def persist(
    attempt: Callable[[], Awaitable[Answer]], patience: Patience, failed: Callable[[CaseError], None]
) -> tuple[Answer | CaseError, int]:
    """What the last attempt gave, an answer or an error, and how many it took.

    It is attempted again after an error that says so, unless that asks for a longer wait than any run has. failed:
    told of every attempt that did.
    """
    number = 0
    while True:
        number += 1
        try:
            return await attempt(), number
        except CaseError as error:
            failed(error)
            if not error.retry or number >= patience.attempts or (error.retry_after_s or 0) > LONGEST_PAUSE_S:
                return error, number
            await patience.sleep(_wait_s(number, error.retry_after_s, patience.random()))


async def in_time(answer: Awaitable[Answer], timeout_s: float) -> Answer:
    """The answer; whatever else comes of it, even what its author did not foresee, is raised as a CaseError."""
    try:
        async with asyncio.timeout(timeout_s):
            return await answer
    except TimeoutError as error:
        raise CaseError(f"no answer within {timeout_s:g} s", kind="timeout", retry=True) from error
    except CaseError:
        raise
    except Exception as error:  # an agent's or a scorer's own bug costs one case, not the run
        raise unforeseen(error) from error


def unforeseen(error: Exception) -> CaseError:
    """An error that its author did not foresee, sorted as a call's would be."""
    return CaseError(f"{type(error).__name__}: {error}", kind=failure_mode(error))


def _wait_s(attempt: int, asked_for_s: float | None, chance: float) -> float:
    """Twice as long after every attempt, half of it by chance; never less than the other side asked for."""
    full = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** (attempt - 1))
    return max(asked_for_s or 0.0, full * (1 + chance) / 2)
