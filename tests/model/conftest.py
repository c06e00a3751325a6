"""The model's server, started once; collected only where the packages of the group `model` are installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Without the packages there is no model to test with: `make test` leaves these out, `make test-model` installs them.
collect_ignore_glob = [] if importlib.util.find_spec("xllamacpp") else ["test_*.py"]


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    """The base URL of an OpenAI-compatible API with a real model behind it."""
    command = [sys.executable, str(Path(__file__).parent / "server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        address = server.stdout.readline().decode().strip()
        assert address.startswith("http://"), "the server of the model did not start"
        yield f"{address}/v1"
        assert server.stdin is not None
        server.stdin.close()
        server.wait(timeout=30)
