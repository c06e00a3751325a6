"""How durations are taken on a machine that does other work too.

What is compared is sampled in turns, A B A B, in one run, so that a busy moment hits both. Of the samples the first
quartile is reported: disturbance only ever adds time, so it is steadier than the median, and less lucky than the
minimum.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Sequence
from time import perf_counter

Sampler = Callable[[], float]

_CHUNK_S = 0.02


def typical(samples: Sequence[float]) -> float:
    """The first quartile."""
    ordered = sorted(samples)
    return ordered[len(ordered) // 4]


def once(action: Callable[[], object]) -> float:
    """The seconds that the action takes this once."""
    started = perf_counter()
    action()
    return perf_counter() - started


def whole(action: Callable[[], object]) -> Sampler:
    """Samples an action that is long enough to time alone."""
    return lambda: once(action)


def chunks(statement: str, **names: object) -> Sampler:
    """Samples a short call: the seconds of one, out of a chunk of some 20 ms."""
    timer = timeit.Timer(statement, globals=names)
    number, duration = timer.autorange()
    number = max(1, round(number * _CHUNK_S / duration))
    return lambda: timer.timeit(number) / number


def in_turns(*samplers: Sampler, rounds: int) -> list[float]:
    """The typical seconds of each, sampled in turns after one round that does not count."""
    samples = [[sampler() for sampler in samplers] for _ in range(rounds + 1)]
    return [typical(column) for column in zip(*samples[1:], strict=True)]
