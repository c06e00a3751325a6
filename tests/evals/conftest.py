"""Folders with that agent in them, in which nothing may be left running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evals.asking import Asking, running_in
from tests.evals.workers import AGENT


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "agent.py").write_text(AGENT)
    yield tmp_path
    assert running_in(tmp_path) == []


@pytest.fixture
def asking(folder: Path) -> Asking:
    return Asking("agent:answer", folder)
