"""The stores that facts are kept in."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.stores import Store, open_store
from registry.stores.memory import MemoryStore
from tests.conftest import UseS3

_SERVERS = [pytest.param(name, marks=pytest.mark.slow) for name in ("seaweedfs", "ministack")]


@pytest.fixture(params=["memory", "local", *_SERVERS])
def store(request: pytest.FixtureRequest, tmp_path: Path, use_s3: UseS3) -> Store:
    """An empty store, of each kind in turn."""
    if request.param == "memory":
        return MemoryStore()
    if request.param == "local":
        return open_store(str(tmp_path / "store"))
    return open_store(use_s3(request.getfixturevalue(request.param)))
