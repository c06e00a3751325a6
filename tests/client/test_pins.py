"""A pin: one version for a whole request, wherever it goes, though releases happen meanwhile."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from pathlib import Path

import pytest

from agent_deploy.client import Bundle, Client, ClientClosed, ClientError, NotServed
from registry.blobs import blob_key
from registry.stores import Stored
from registry.stores.local import LocalStore
from tests.client.conftest import MakeClient
from tests.client.releases import WORKFLOW, FakeTime, Releases


@pytest.fixture
def client(releases: Releases, make_client: MakeClient) -> Client:
    releases.release(1)
    made = make_client()
    made.bundle(WORKFLOW)
    return made


def release(releases: Releases, client: Client, version: int) -> None:
    releases.release(version)
    client.refresh()


def test_inside_a_pin_the_bundle_stays_though_a_release_happens(client: Client, releases: Releases) -> None:
    with client.pin(WORKFLOW) as bundle:
        release(releases, client, 2)
        assert client.bundle(WORKFLOW) is bundle
        assert bundle.version == 1
    assert client.bundle(WORKFLOW).version == 2


def test_a_pin_inside_a_pin_gives_the_outer_bundle(client: Client, releases: Releases) -> None:
    with client.pin(WORKFLOW) as outer:
        release(releases, client, 2)
        with client.pin(WORKFLOW) as inner:
            assert inner is outer
        assert client.bundle(WORKFLOW) is outer


def test_each_workflow_is_pinned_on_its_own(client: Client, releases: Releases) -> None:
    billing = Releases(releases.store, "billing")
    billing.release(1)
    with client.pin(WORKFLOW):
        client.bundle("billing")
        billing.release(2)
        release(releases, client, 2)
        assert (client.bundle(WORKFLOW).version, client.bundle("billing").version) == (1, 2)


def test_clients_do_not_see_each_others_pins(client: Client, releases: Releases, make_client: MakeClient) -> None:
    other = make_client()
    other.bundle(WORKFLOW)
    with client.pin(WORKFLOW):
        release(releases, client, 2)
        other.refresh()
        assert (client.bundle(WORKFLOW).version, other.bundle(WORKFLOW).version) == (1, 2)


def test_a_pin_ends_when_its_block_fails(client: Client, releases: Releases) -> None:
    with pytest.raises(ZeroDivisionError), client.pin(WORKFLOW):
        _ = 1 / 0
    release(releases, client, 2)
    assert client.bundle(WORKFLOW).version == 2


def test_pins_may_end_in_any_order(client: Client, releases: Releases) -> None:
    Releases(releases.store, "billing").release(1)
    one, other = client.pin(WORKFLOW), client.pin("billing")
    one.__enter__()
    held = other.__enter__()
    one.__exit__(None, None, None)
    release(releases, client, 2)
    assert (client.bundle(WORKFLOW).version, client.bundle("billing")) == (2, held)
    other.__exit__(None, None, None)


def test_a_pin_may_be_left_in_another_context_than_it_was_entered_in(client: Client, releases: Releases) -> None:
    pin = client.pin(WORKFLOW)
    context = contextvars.copy_context()
    context.run(pin.__enter__)
    inner = context.copy()
    inner.run(pin.__exit__, None, None, None)
    release(releases, client, 2)
    assert inner.run(client.bundle, WORKFLOW).version == 2


def test_a_pin_is_entered_once(client: Client) -> None:
    pin = client.pin(WORKFLOW)
    with pin, pytest.raises(ClientError, match="entered once"):
        pin.__enter__()


def test_a_rollback_in_the_middle_of_a_request_changes_nothing_for_it(client: Client, releases: Releases) -> None:
    async def step() -> int:
        await asyncio.sleep(0)
        return client.bundle(WORKFLOW).version

    async def request(rolled_back: asyncio.Event) -> list[int]:
        async with client.pin(WORKFLOW):
            before = await step()
            await rolled_back.wait()
            in_tasks = await asyncio.gather(step(), asyncio.create_task(step()))
            in_thread = await asyncio.to_thread(client.bundle, WORKFLOW)
            return [before, *in_tasks, in_thread.version, await step()]

    async def main() -> tuple[list[int], int]:
        rolled_back = asyncio.Event()
        running = asyncio.create_task(request(rolled_back))
        await asyncio.sleep(0)
        await asyncio.to_thread(release, releases, client, 1)
        rolled_back.set()
        return await running, await step()

    release(releases, client, 2)
    assert asyncio.run(main()) == ([2, 2, 2, 2, 2], 1)


def test_requests_that_run_at_once_hold_each_its_own_version(client: Client, releases: Releases) -> None:
    async def request(started: asyncio.Event, end: asyncio.Event) -> int:
        async with client.pin(WORKFLOW):
            started.set()
            await end.wait()
            return client.bundle(WORKFLOW).version

    async def main() -> list[int]:
        end, running = asyncio.Event(), []
        for version in (2, 3, 4):
            await asyncio.to_thread(release, releases, client, version)
            started = asyncio.Event()
            running.append(asyncio.create_task(request(started, end)))
            await started.wait()
        end.set()
        return list(await asyncio.gather(*running))

    assert asyncio.run(main()) == [2, 3, 4]


def test_an_async_pin_loads_a_cold_bundle_off_the_event_loop(
    releases: Releases, make_client: MakeClient, folder: Path
) -> None:
    loading: list[str] = []

    class Watched(LocalStore):
        def get(self, key: str, *, unless: str | None = None) -> Stored | None:
            loading.append(threading.current_thread().name)
            return super().get(key, unless=unless)

    releases.release(1)
    client = make_client(store=Watched(folder))

    async def main() -> Bundle:
        async with client.pin(WORKFLOW) as bundle:
            assert client.bundle(WORKFLOW) is bundle
            return bundle

    assert asyncio.run(main()).version == 1
    assert loading
    assert threading.main_thread().name not in loading


def test_a_thread_has_the_pin_when_it_is_given_the_context(client: Client, releases: Releases) -> None:
    seen: dict[str, int] = {}

    def note(name: str) -> None:
        seen[name] = client.bundle(WORKFLOW).version

    with client.pin(WORKFLOW):
        release(releases, client, 2)
        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=(note, "given")),
            threading.Thread(target=contextvars.Context().run, args=(note, "bare")),
        ]
        for thread in threads:
            thread.start()
            thread.join()
    assert seen == {"given": 1, "bare": 2}


def test_the_pin_travels_in_the_headers(client: Client, releases: Releases, make_client: MakeClient) -> None:
    downstream = make_client()
    with client.pin(WORKFLOW) as bundle:
        headers = client.inject({"Baggage": "userId=ann", "accept": "*/*"})
        release(releases, client, 2)
        downstream.bundle(WORKFLOW)
        with downstream.pin(WORKFLOW, headers=headers) as theirs:
            assert theirs == bundle
            assert downstream.bundle(WORKFLOW) is theirs
            assert theirs.prompt("system").render() == "You are version 1.\n"
        assert downstream.bundle(WORKFLOW).version == 2
    assert headers["Baggage"] == f"agent-deploy.{WORKFLOW}=1/1/1.1.0/{bundle.digest},userId=ann"


def test_headers_are_left_alone_where_nothing_is_pinned(client: Client) -> None:
    assert client.inject({"accept": "*/*"}) == {"accept": "*/*"}


def test_a_pin_from_headers_yields_to_an_outer_one(client: Client, releases: Releases) -> None:
    with client.pin(WORKFLOW):
        headers: dict[str, str] = client.inject({})
    release(releases, client, 2)
    with client.pin(WORKFLOW) as outer, client.pin(WORKFLOW, headers=headers) as inner:
        assert inner is outer


def test_the_same_content_released_again_carries_the_callers_generation(client: Client, releases: Releases) -> None:
    with client.pin(WORKFLOW):
        headers: dict[str, str] = client.inject({})
    release(releases, client, 2)
    release(releases, client, 1)
    with client.pin(WORKFLOW, headers=headers) as bundle:
        assert (bundle.generation, bundle.version) == (1, 1)
    assert client.bundle(WORKFLOW).generation == 3


@pytest.mark.parametrize(
    "value", ["junk", "1/1/1.0.0/sha256:" + "0" * 64], ids=["malformed", "a digest that nobody has"]
)
def test_a_pin_that_cannot_be_had_is_logged_and_the_live_bundle_used(
    client: Client, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    with client.pin(WORKFLOW, headers={"baggage": f"agent-deploy.{WORKFLOW}={value}"}) as bundle:
        assert bundle is client.bundle(WORKFLOW)
        assert bundle.version == 1
    assert "ignored" in caplog.text


def test_a_digest_that_nobody_has_is_asked_for_once_in_a_while(
    releases: Releases, make_client: MakeClient, at: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    digest = releases.register(5)
    releases.store.delete(blob_key(digest))
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    headers = {"baggage": f"agent-deploy.{WORKFLOW}=9/5/1.5.0/{digest}"}
    for _ in range(100):
        with client.pin(WORKFLOW, headers=headers) as bundle:
            assert bundle.version == 1
    assert caplog.text.count("ignored the caller's pin") == 1
    releases.register(5)
    at.pass_s(31)
    with client.pin(WORKFLOW, headers=headers) as bundle:
        assert bundle.version == 5


def test_a_pin_to_another_workflows_bundle_is_ignored(
    client: Client, releases: Releases, caplog: pytest.LogCaptureFixture
) -> None:
    digest = Releases(releases.store, "billing").register(6)
    headers = {"baggage": f"agent-deploy.{WORKFLOW}=9/6/1.6.0/{digest}"}
    with client.pin(WORKFLOW, headers=headers) as bundle:
        assert bundle.version == 1
    assert "it is a bundle of billing" in caplog.text


def test_entering_a_pin_fails_as_asking_for_the_bundle_does(make_client: MakeClient) -> None:
    client = make_client()
    with pytest.raises(NotServed), client.pin(WORKFLOW):
        pass
    client.close()
    with pytest.raises(ClientClosed), client.pin(WORKFLOW):
        pass
