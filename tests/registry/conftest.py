"""A migrated, empty database of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.database import Database
from tests.builders import open_registry


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """SQLite, and PostgreSQL: what holds on one holds on the other."""
    if request.param == "sqlite":
        opened = open_registry(tmp_path).database
    else:
        opened = Database(request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()
