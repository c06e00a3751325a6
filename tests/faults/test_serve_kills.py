"""`kill -9` of `serve` under load, again and again, at every point: what was acknowledged is there, and once."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from registry.failpoints import VARIABLE
from registry.registry import Registry
from tests.builders import open_registry
from tests.telemetry.served import Application, ingest_token, kept, serving

pytestmark = pytest.mark.slow

KILLS = max(200, int(os.environ.get("AGENT_DEPLOY_TORTURE", "0")) // 10)
_ROUNDS = 4  # for as many tests to run at once
_SENDERS = 3
_ENOUGH = 5  # acknowledged spans, before a kill at no particular point
# Where it dies by itself; "" for a kill from outside, at any moment.
_POINTS = ("", "spool.written", "", "spool.synced", "", "seal.stored", "", "seal.removed")


class Senders:
    """Applications that send all the time, and know what was acknowledged."""

    def __init__(self, url: str, token: str) -> None:
        self._over = threading.Event()
        self._applications = [Application(url, token, timeout_s=1.0) for _ in range(_SENDERS)]
        self._threads = [threading.Thread(target=self._send, args=[one]) for one in self._applications]
        for thread in self._threads:
            thread.start()

    def acknowledged(self) -> list[str]:
        return [span_id for one in self._applications for span_id in one.acknowledged]

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _send(self, application: Application) -> None:
        while not self._over.is_set():
            application.call()


def _killed(folder: Path, port: int, point: str, senders: Senders, chance: random.Random) -> None:
    """One life of the server, ended by a kill."""
    before = len(senders.acknowledged())
    with serving(folder, "--port", str(port), **({VARIABLE: point} if point else {})) as served:
        while not point and served.process.poll() is None and len(senders.acknowledged()) < before + _ENOUGH:
            time.sleep(0.01)
        if not point:
            time.sleep(chance.random() * 0.2)
            served.process.kill()
        assert served.process.wait(60) == -signal.SIGKILL


@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_whatever_was_acknowledged_is_there_once_however_often_it_is_killed(tmp_path: Path, seed: int) -> None:
    registry: Registry = open_registry(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    senders = Senders(f"http://127.0.0.1:{port}/v1/traces", ingest_token(registry))
    chance, kills = random.Random(seed), KILLS // _ROUNDS
    try:
        for number in range(kills):
            _killed(tmp_path, port, _POINTS[number % len(_POINTS)], senders, chance)
        with serving(tmp_path, "--port", str(port)) as served:
            before = len(senders.acknowledged())
            while len(senders.acknowledged()) < before + _ENOUGH:
                time.sleep(0.01)
            senders.stop()
            assert served.stop()[0] == 0
    finally:
        senders.stop()
    acknowledged, found = senders.acknowledged(), kept(tmp_path, registry)
    assert len(acknowledged) >= kills // 2 * _ENOUGH
    assert sorted(set(acknowledged) - set(found)) == []
    assert len(found) == len(set(found))
