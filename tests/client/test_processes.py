"""Forks, ends and imports: what happens to a client when its process does something drastic."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import traceback
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_deploy.client import Client, ClientClosed
from registry.readers import list_readers
from registry.stores.local import LocalStore
from tests.client.conftest import MakeClient
from tests.client.releases import WORKFLOW, Releases, wait_until


def in_child(act: Callable[[], None]) -> int:
    """Run this in a forked child, which is killed after 20 s; its exit code."""
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20)
            act()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child must never return into pytest
            traceback.print_exc()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def pollers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "agent-deploy-poller"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_serves_at_once_and_follows_as_a_reader_of_its_own(
    releases: Releases, make_client: MakeClient
) -> None:
    releases.release(1)
    client = make_client(polling=True, heartbeat=3600)
    bundle, parent = client.bundle(WORKFLOW), client.instance
    wait_until(lambda: [r.instance for r in list_readers(releases.store)] == [parent])

    def child() -> None:
        assert client.bundle(WORKFLOW) is bundle
        assert client.instance != parent
        wait_until(lambda: {r.instance for r in list_readers(releases.store)} == {parent, client.instance})
        releases.release(2)
        wait_until(lambda: client.bundle(WORKFLOW).version == 2)
        client.close()
        assert [r.instance for r in list_readers(releases.store)] == [parent]

    assert in_child(child) == 0
    wait_until(lambda: client.bundle(WORKFLOW).version == 2)
    assert [r.instance for r in list_readers(releases.store)] == [parent]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_every_lock_is_held_leaves_the_child_free(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    served = client._served
    slot = served.slot(WORKFLOW)
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with slot.busy, served._lock, client._poller._starting:
            held.set()
            go.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(20)

    def child() -> None:
        assert client.bundle(WORKFLOW).version == 1
        client.refresh()
        client.status()
        client.close()

    try:
        assert in_child(child) == 0
    finally:
        go.set()
        holder.join()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_before_the_first_bundle_is_fine_too(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client(polling=True)

    def child() -> None:
        assert client.bundle(WORKFLOW).version == 1
        client.close()

    assert in_child(child) == 0
    assert pollers() == []


def test_closing_ends_the_thread_and_may_be_repeated(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    with make_client(polling=True) as client:
        client.bundle(WORKFLOW)
        assert len(pollers()) == 1
    wait_until(lambda: pollers() == [])
    client.close()
    with pytest.raises(ClientClosed, match="this client is closed"):
        client.bundle(WORKFLOW)
    client.refresh()


def test_one_client_has_one_thread(releases: Releases, make_client: MakeClient) -> None:
    Releases(releases.store, "billing").release(1)
    releases.release(1)
    client = make_client(polling=True)
    assert pollers() == []
    for _ in range(10):
        client.bundle(WORKFLOW)
        client.bundle("billing")
    assert len(pollers()) == 1


def test_a_client_that_is_dropped_takes_its_thread_along(releases: Releases, folder: Path, cache: Path) -> None:
    releases.release(1)
    client = Client(str(folder), environment="production", cache=cache, poll_interval=0.02)
    client.bundle(WORKFLOW)
    assert len(pollers()) == 1
    gone = weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None
    wait_until(lambda: pollers() == [])


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AGENT_DEPLOY_")}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


def test_a_program_that_just_ends_leaves_no_record_and_a_last_known_good(
    releases: Releases, folder: Path, cache: Path, make_client: MakeClient
) -> None:
    releases.release(1)
    ended = run(
        """
        import sys
        from agent_deploy.client import Client
        client = Client(sys.argv[1], environment="production", cache=sys.argv[2])
        print(client.bundle("support-triage").prompt("system").render(), end="")
        """,
        str(folder),
        str(cache),
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "You are version 1.\n", "")
    assert list(list_readers(LocalStore(folder))) == []
    folder.rename(folder.with_name("elsewhere"))
    assert make_client().bundle(WORKFLOW).source == "disk"


@pytest.mark.slow
def test_a_program_ends_in_time_though_the_store_hangs() -> None:
    ended = run(
        """
        import threading, time
        from agent_deploy.client import Client, NotServed
        from registry.errors import Unavailable
        from registry.stores.memory import MemoryStore
        from tests.client.releases import Releases

        class Hanging(MemoryStore):
            hangs = False
            def get(self, key, *, unless=None):
                if self.hangs:
                    entered.set()
                    time.sleep(3600)
                return super().get(key, unless=unless)

        entered = threading.Event()
        store = Hanging()
        Releases(store).release(1)
        client = Client(store, environment="production", cache=False, poll_interval=0.01)
        client.bundle("support-triage")
        store.hangs = True
        entered.wait(20)
        print(client.bundle("support-triage").version)
        """
    )
    assert (ended.returncode, ended.stdout) == (0, "1\n"), ended.stderr


HEAVY = ("alembic", "boto3", "botocore", "click", "detect_secrets", "jinja2", "jsonschema", "pydantic", "rfc8785",
         "sqlalchemy", "sqlmodel", "structlog", "asyncio", "concurrent.futures")  # fmt: skip


def test_serving_imports_nothing_heavy_and_jinja_only_to_render(releases: Releases, folder: Path, cache: Path) -> None:
    releases.release(1)
    ended = run(
        f"""
        import sys
        from agent_deploy import Client
        heavy = {HEAVY!r}
        print([name for name in heavy if name in sys.modules])
        client = Client(sys.argv[1], environment="production", cache=sys.argv[2])
        with client.pin("support-triage") as bundle:
            client.inject({{}})
        client.refresh()
        print([name for name in heavy if name in sys.modules])
        bundle.prompt("system").render()
        print([name for name in heavy if name in sys.modules])
        """,
        str(folder),
        str(cache),
    )
    assert ended.stdout.splitlines()[:2] == ["[]", "[]"], ended.stderr
    assert "jinja2" in ended.stdout.splitlines()[2]
    assert "boto3" not in ended.stdout
    assert "sqlmodel" not in ended.stdout
