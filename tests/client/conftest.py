"""A store in a folder, releases in it, clocks that stand still, and clients that are closed at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from agent_deploy.client import Client
from registry.stores.local import LocalStore
from tests.client.flaky import Flaky
from tests.client.releases import FakeTime, Releases, config_of, files_of

NEVER_S = 3600.0


class MakeClient(Protocol):
    """Makes a client on the test's store, cache and clocks; `polling` one looks at the store by itself."""

    def __call__(self, *, polling: bool = False, **settings: Any) -> Client: ...


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def releases(folder: Path) -> Releases:
    return Releases(LocalStore(folder))


@pytest.fixture
def at() -> FakeTime:
    return FakeTime()


@pytest.fixture
def make_client(folder: Path, cache: Path, at: FakeTime, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeClient]:
    for name in ("STORE", "ENVIRONMENT", "CACHE", "POLL_INTERVAL", "MAX_STALENESS"):
        monkeypatch.delenv(f"AGENT_DEPLOY_{name}", raising=False)
    made: list[Client] = []

    def make(*, polling: bool = False, **settings: Any) -> Client:
        own: dict[str, Any] = {"store": str(folder), "environment": "production", "cache": cache}
        own |= (
            {"poll_interval": 0.02}
            if polling
            else {"poll_interval": NEVER_S, "clock": at.wall, "monotonic": at.monotonic}
        )
        made.append(Client(**(own | settings)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def store(folder: Path) -> Flaky:
    return Flaky(folder)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A bundle folder that the application ships, of version "9"."""
    import tomli_w

    root = tmp_path / "shipped"
    for path, data in files_of(9).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    (root / "bundle.toml").write_text(tomli_w.dumps(config_of(9)))
    return root
