"""openfeature-sdk: an object value from its in-memory provider. Run in an environment of its own."""

from __future__ import annotations

import json
import sys
import timeit
from importlib.metadata import version
from typing import Any

from openfeature import api  # type: ignore[import-not-found]
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider  # type: ignore[import-not-found]

CALLS = 1000
BUNDLE: dict[str, Any] = {"version": 42, "model": {"name": "gpt-5-mini"}, "prompts": {"system": "You sort letters."}}


def main() -> None:
    """Answer each line with the seconds of one read."""
    api.set_provider(InMemoryProvider({"support-triage": InMemoryFlag("on", {"on": BUNDLE})}))
    client = api.get_client()
    assert client.get_object_value("support-triage", {}) == BUNDLE
    names = {"get": client.get_object_value, "name": "support-triage", "default": {}}
    print(json.dumps({"version": version("openfeature-sdk")}), flush=True)
    for _ in sys.stdin:
        print(timeit.timeit("get(name, default)", globals=names, number=CALLS) / CALLS, flush=True)


if __name__ == "__main__":
    main()
