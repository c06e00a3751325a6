"""Many real processes let go at one moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from typing import Any, TypeVar

RACERS = 16
_TIMEOUT_S = 120

_Argument = TypeVar("_Argument")
_Answer = TypeVar("_Answer")


def race(act: Callable[[_Argument], _Answer], arguments: Sequence[_Argument]) -> list[_Answer]:
    """What `act` answered to each argument, all called at once, each in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.warm"])  # else the slow start of each would keep them apart
    start = context.Barrier(len(arguments))
    racers = [_start(context, start, act, argument) for argument in arguments]
    try:
        return [_answer(pipe) for _, pipe in racers]
    finally:
        for process, _ in racers:
            process.kill()
            process.join()


def _start(
    context: ForkServerContext, start: Barrier, act: Callable[[_Argument], _Answer], argument: _Argument
) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, start, act, argument))
    process.start()
    theirs.close()  # so that a process that dies is seen as the end of its pipe
    return process, ours


def _run(pipe: Connection, start: Barrier, act: Callable[[_Argument], _Answer], argument: _Argument) -> None:
    start.wait(_TIMEOUT_S)
    pipe.send(act(argument))


def _answer(pipe: Connection) -> Any:
    if not pipe.poll(_TIMEOUT_S):
        raise TimeoutError("a racer did not come in")
    return pipe.recv()
