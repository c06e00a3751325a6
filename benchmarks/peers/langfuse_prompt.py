"""langfuse: a prompt from the SDK's cache, filled through its own prompt API by a server on loopback."""

from __future__ import annotations

import json
import sys
import threading
import timeit
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import Any

from langfuse import Langfuse  # type: ignore[import-not-found]

CALLS = 5000
TTL_S = 36_000
PROMPT: dict[str, Any] = {
    "id": "1", "name": "support-triage", "version": 42, "type": "text", "prompt": "You sort letters: {{query}}",
    "config": {"model": "gpt-5-mini"}, "labels": ["production"], "tags": [], "createdAt": "2026-01-01T00:00:00Z",
    "updatedAt": "2026-01-01T00:00:00Z", "projectId": "1", "createdBy": "benchmark", "isActive": True,
}  # fmt: skip
asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """Answers every GET with the one prompt."""

    def do_GET(self) -> None:
        """The prompt as the API gives it."""
        asked.append(self.path)
        body = json.dumps(PROMPT).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:
        """Nothing: the output is for the answers."""


def main() -> None:
    """Answer each line with the seconds of one read."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_address[1]}"
    client = Langfuse(public_key="pk-lf-1", secret_key="sk-lf-1", host=host, tracing_enabled=False)
    assert client.get_prompt("support-triage", cache_ttl_seconds=TTL_S).version == PROMPT["version"]
    names = {"get": client.get_prompt, "name": "support-triage"}
    print(json.dumps({"version": version("langfuse")}), flush=True)
    for _ in sys.stdin:
        print(timeit.timeit("get(name)", globals=names, number=CALLS) / CALLS, flush=True)
        assert len(asked) == 1, asked  # all the rest came from the cache


if __name__ == "__main__":
    main()
