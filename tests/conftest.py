"""Servers that start when a test first asks for one, and stores of every kind.

A test that asks for a server is to be marked `slow`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests import servers
from tests.servers import S3Server

UseS3 = Callable[[S3Server], str]


@pytest.fixture(autouse=True)
def _no_aws_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the machine's own AWS settings, nor looks for an instance role."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    nowhere = tmp_path_factory.getbasetemp() / "no-such-file"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server."""
    with servers.seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A quick S3 emulator, exact in its conditions."""
    with servers.ministack(tmp_path_factory.mktemp("ministack")) as server:
        yield server


@pytest.fixture(scope="session")
def nanio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server that ignores conditions."""
    with servers.nanio(tmp_path_factory.mktemp("nanio")) as server:
        yield server


@pytest.fixture(scope="session")
def rclone_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Another S3 server that ignores conditions."""
    with servers.rclone_s3(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """PostgreSQL: the URL that database names are put behind."""
    with servers.postgres() as base_url:
        yield base_url


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """The URL of a fresh, empty PostgreSQL database."""
    with servers.fresh_database(postgres) as url:
        yield url


@pytest.fixture
def use_s3(monkeypatch: pytest.MonkeyPatch) -> UseS3:
    """Call it with a server: this test's environment then leads to it, and the answer is the URL of an empty store."""

    def use(server: S3Server) -> str:
        for name, value in server.environ.items():
            monkeypatch.setenv(name, value)
        return f"s3://{server.shared_bucket}/{uuid.uuid4().hex[:12]}"

    return use
