"""The client on S3, against a real server over HTTP."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from agent_deploy.client import NotServed
from registry.readers import list_readers
from registry.stores import open_store
from tests.client.conftest import MakeClient
from tests.client.releases import WORKFLOW, Releases, wait_until
from tests.client.test_processes import in_child
from tests.conftest import UseS3
from tests.servers import S3Server

pytestmark = pytest.mark.slow


@pytest.fixture
def url(ministack: S3Server, use_s3: UseS3) -> str:
    return use_s3(ministack)


def test_releases_are_followed_and_readers_counted(url: str, make_client: MakeClient) -> None:
    releases, billing = Releases(open_store(url)), Releases(open_store(url), "billing")
    releases.release(1)
    billing.release(5)
    client = make_client(store=url, polling=True)
    assert (client.bundle(WORKFLOW).version, client.bundle("billing").version) == (1, 5)
    releases.release(2)
    billing.release(6)
    wait_until(lambda: (client.bundle(WORKFLOW).version, client.bundle("billing").version) == (2, 6))
    wait_until(lambda: {r.generation for r in list_readers(releases.store)} == {2})
    client.close()
    wait_until(lambda: not list(list_readers(releases.store)))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_follows_over_connections_of_its_own(url: str, make_client: MakeClient) -> None:
    releases = Releases(open_store(url))
    releases.release(1)
    client = make_client(store=url, polling=True)
    client.bundle(WORKFLOW)

    def child() -> None:
        assert client.bundle(WORKFLOW).version == 1
        Releases(open_store(url), generation=1).release(2)
        wait_until(lambda: client.bundle(WORKFLOW).version == 2)
        client.close()

    assert in_child(child) == 0
    wait_until(lambda: client.bundle(WORKFLOW).version == 2)


def test_a_start_while_s3_is_silent_comes_to_the_last_known_good_in_seconds(
    url: str, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    Releases(open_store(url)).release(1)
    client = make_client(store=url)
    client.bundle(WORKFLOW)
    client.refresh()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{silent.getsockname()[1]}")
        late = make_client(store=url)
        started = time.monotonic()
        assert (late.bundle(WORKFLOW).version, late.bundle(WORKFLOW).source) == (1, "disk")
        assert time.monotonic() - started < 15


def test_a_refused_connection_is_named(make_client: MakeClient, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{closed.getsockname()[1]}")
    with pytest.raises(NotServed, match=rf"is not served in production from {url}"):
        make_client(store=url).bundle(WORKFLOW)


def test_boto3_is_imported_for_s3_alone(url: str, make_client: MakeClient, cache: Path, folder: Path) -> None:
    from tests.client.test_processes import run

    Releases(open_store(url)).release(1)
    ended = run(
        """
        import sys
        from agent_deploy.client import Client
        client = Client(sys.argv[1], environment="production", cache=sys.argv[2])
        print("boto3" in sys.modules)
        client.bundle("support-triage")
        print("boto3" in sys.modules)
        """,
        url,
        str(cache),
    )
    assert ended.stdout == "False\nTrue\n", ended.stderr
