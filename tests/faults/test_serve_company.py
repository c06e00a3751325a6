"""Servers that have company, or a store that says nothing: what was acknowledged is there, and once."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from agent_deploy.telemetry.facts.segments import list_segments
from agent_deploy.telemetry.facts.store import FactStore
from registry.errors import Conflict
from registry.registry import Registry
from registry.stores import open_store
from registry.times import now
from tests.builders import open_registry
from tests.conftest import UseS3
from tests.servers import S3Server
from tests.telemetry.served import Application, Served, ingest_token, kept, serving

pytestmark = pytest.mark.slow

_SPANS = 20


def test_while_s3_says_nothing_all_is_taken_and_whoever_reaches_it_seals_all(
    tmp_path: Path, ministack: S3Server, use_s3: UseS3
) -> None:
    """A server that is away refuses; a silent one keeps whoever asks it waiting, and must not keep senders waiting."""
    url, registry = use_s3(ministack), open_registry(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {
            "AGENT_DEPLOY_STORE": url,
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        with serving(tmp_path, **settings) as served:
            application = Application(served.url, ingest_token(registry))
            _sender(application)()
            assert httpx2.get(served.started["health"]).json() == {"ok": True, "why": []}
    assert len(application.acknowledged) == _SPANS
    facts = FactStore(open_store(url), tmp_path / ".agent-deploy/facts")
    assert facts.seal().facts == _SPANS
    with facts.connection() as connection:
        found = connection.execute("SELECT span_id FROM facts ORDER BY span_id").fetchall()
    assert [span_id for (span_id,) in found] == sorted(application.acknowledged)


def test_two_servers_on_one_spool_and_a_compaction_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    token = ingest_token(registry)
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(tmp_path)) for _ in range(2)]
        compacting = stack.enter_context(_beside(_tidier(tmp_path, registry)))
        applications = [Application(served.url, token) for served in servers for _ in range(2)]
        _at_once([_sender(one) for one in applications])
        assert _stopped(servers) == [0, 0]  # each seals what it has, at the same time
        assert compacting.is_alive()
    acknowledged = sorted(span_id for one in applications for span_id in one.acknowledged)
    assert len(acknowledged) == 4 * _SPANS
    assert kept(tmp_path, registry) == acknowledged
    _tidier(tmp_path, registry)()
    hours = [segment.hour for segment in list_segments(registry.store)]
    assert (kept(tmp_path, registry), len(hours)) == (acknowledged, len(set(hours)))


def _sender(application: Application) -> Callable[[], None]:
    def send() -> None:
        for _ in range(_SPANS):
            application.call()

    return send


def _tidier(folder: Path, registry: Registry) -> Callable[[], None]:
    """Seals and compacts as `traces compact` does, two hours later, when the hour that is written to now is over."""
    facts = FactStore(registry.store, folder / ".agent-deploy/facts", clock=lambda: now() + timedelta(hours=2))

    def tidy() -> None:
        facts.seal()
        with suppress(Conflict):
            facts.compact()

    return tidy


@contextmanager
def _beside(work: Callable[[], None]) -> Iterator[threading.Thread]:
    """Something done over and over on a thread, until the end; what it raises ends it."""
    over = threading.Event()

    def again_and_again() -> None:
        while not over.is_set():
            work()

    thread = threading.Thread(target=again_and_again)
    thread.start()
    try:
        yield thread
    finally:
        over.set()
        thread.join()


def _at_once(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _stopped(servers: list[Served]) -> list[int]:
    for served in servers:
        served.process.send_signal(signal.SIGTERM)
    return [served.process.wait(60) for served in servers]
