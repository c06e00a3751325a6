"""`drill daemon`: it ticks again and again, survives ticks that fail, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.operations.drill.daemon import daemon
from agent_deploy.operations.drill.tick import Tick
from registry.errors import Unavailable
from tests.builders import open_registry
from tests.commands import start
from tests.drills.scheduled import go_live

AT = datetime(2026, 11, 24, 10, tzinfo=UTC)
NOW = timedelta(milliseconds=1)


def test_it_ticks_until_it_is_stopped_and_survives_what_a_tick_raises() -> None:
    stopping, told, failed = threading.Event(), list[Tick](), list[str]()

    def one(_stop: Callable[[], bool]) -> Tick:
        if len(told) + len(failed) == 4:
            stopping.set()
        if len(failed) < 2:
            raise (Unavailable("the database is away") if not failed else ValueError("a bug"))
        return Tick(AT)

    failures = daemon(one, NOW, told.append, lambda error: failed.append(str(error)), stopping=stopping)
    assert (failures, failed) == (2, ["the database is away", "a bug"])
    assert told == [Tick(AT)] * 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_tick_in_hand_and_that_is_told_to_begin_nothing_more(number: int) -> None:
    finished, heard = list[bool](), list[bool]()

    def one(stop: Callable[[], bool]) -> Tick:
        heard.append(stop())
        os.kill(os.getpid(), number)
        while not stop():
            threading.Event().wait(0.01)
        finished.append(True)
        return Tick(AT)

    before = signal.getsignal(number)
    daemon(one, timedelta(hours=1), lambda _tick: None, lambda _error: None)
    assert (heard, finished) == ([False], [True])
    assert signal.getsignal(number) == before


@pytest.mark.slow
def test_as_a_process_it_says_what_it_does_and_ends_well_on_sigterm(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    go_live(registry)
    process = start(registry, "drill", "daemon", "--every", "1h", "--actor", "ann")
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(2)]
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)
    assert lines[0] == "ticking every 1h as ann; Ctrl-C ends it once the drill in hand is at its end\n"
    assert lines[1].endswith("no drills are scheduled: give an environment a [environments.ENV.drill] table\n")
    assert (process.returncode, rest) == (0, "stopped\n")
