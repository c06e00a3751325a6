"""Other backends for traces, each a server of its own on SQLite, as it comes: where to send, and how to ask."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from benchmarks.children import environment
from benchmarks.context import Context
from benchmarks.peers.installing import NotMeasured, in_python, last_line, python_version
from benchmarks.serving import on_cores

_STARTS_WITHIN_S = 180.0
_LOOK_EVERY_S = 0.2
_ANSWERS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Totals:
    """What is asked of a backend: how many calls there were, and their tokens."""

    calls: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend that answers. url, headers: to post exports to. totals: asks it, by its own API."""

    title: str
    url: str
    headers: Mapping[str, str]
    totals: Callable[[], Totals]


@contextmanager
def phoenix(context: Context, folder: Path, cores: Sequence[int]) -> Iterator[Backend]:
    """Arize Phoenix, on these cores. Raises NotMeasured."""
    home, port, grpc = in_python(context, "arize-phoenix"), _free_port(), _free_port()
    version = context.versions["arize-phoenix"] = python_version(home, "arize-phoenix")
    variables = {
        "PHOENIX_WORKING_DIR": str(folder), "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc), "PHOENIX_TELEMETRY_ENABLED": "false",
    }  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with _running([str(home / "bin" / "phoenix"), "serve"], folder, cores, variables, f"{url}/healthz"):
        yield Backend(f"Phoenix {version}", f"{url}/v1/traces", {}, lambda: _phoenix_totals(url))


def _phoenix_totals(url: str) -> Totals:
    query = "{ projects { edges { node { traceCount tokenCountPrompt tokenCountCompletion } } } }"
    projects = _asked(f"{url}/graphql", {"query": query})["data"]["projects"]["edges"]
    counts = [project["node"] for project in projects]
    keys = ("traceCount", "tokenCountPrompt", "tokenCountCompletion")
    return Totals(*(int(sum(count[key] for count in counts)) for key in keys))


@contextmanager
def mlflow(context: Context, folder: Path, cores: Sequence[int]) -> Iterator[Backend]:
    """MLflow tracing, on these cores. Raises NotMeasured."""
    home, port = in_python(context, "mlflow"), _free_port()
    version = context.versions["mlflow"] = python_version(home, "mlflow")
    command = [str(home / "bin" / "mlflow"), "server", "--port", str(port)]
    variables = {"DO_NOT_TRACK": "true"}  # no call home, which would only slow it down
    url = f"http://127.0.0.1:{port}"
    with _running(command, folder, cores, variables, f"{url}/health"):
        headers = {"x-mlflow-experiment-id": "0"}
        yield Backend(f"MLflow {version}", f"{url}/v1/traces", headers, lambda: _mlflow_totals(url))


def _mlflow_totals(url: str) -> Totals:
    of_traces, count, total = 1, 1, 2  # numbers of the enums MetricViewType and AggregationType in its service.proto

    def asked(metric: str, aggregation: int) -> int:
        wanted = {
            "experiment_ids": ["0"], "view_type": of_traces, "metric_name": metric,
            "aggregations": [{"aggregation_type": aggregation}],
        }  # fmt: skip
        points = _asked(f"{url}/api/3.0/mlflow/traces/metrics", wanted).get("data_points", [])
        return int(sum(value for point in points for value in point["values"].values()))

    return Totals(asked("trace_count", count), asked("input_tokens", total), asked("output_tokens", total))


@contextmanager
def _running(
    command: Sequence[str], folder: Path, cores: Sequence[int], variables: Mapping[str, str], health: str
) -> Iterator[None]:
    """A server in a new folder, from when it answers until the block ends. Raises NotMeasured."""
    folder.mkdir(parents=True)
    log = folder / "log"
    with log.open("wb") as output, on_cores(*cores):  # a child begins where its parent is
        process = subprocess.Popen(
            command, cwd=folder, env=environment(**variables), stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_for(health, process, log)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its workers too
        process.wait()


def _wait_for(health: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise NotMeasured(f"ended at once: {last_line(log.read_text())}")
        try:
            urlopen(health, timeout=_ANSWERS_WITHIN_S).close()  # noqa: S310 - ours
        except (URLError, OSError):
            time.sleep(_LOOK_EVERY_S)
        else:
            return
    raise NotMeasured(f"did not answer within {_STARTS_WITHIN_S:.0f} s: {last_line(log.read_text())}")


def _asked(url: str, document: dict[str, Any]) -> dict[str, Any]:
    """The answer to a document posted. Raises NotMeasured where it tells of errors."""
    request = Request(url, json.dumps(document).encode(), {"content-type": "application/json"})  # noqa: S310 - ours
    with urlopen(request, timeout=_ANSWERS_WITHIN_S) as answer:  # noqa: S310 - ours
        said: dict[str, Any] = json.load(answer)
    if said.get("errors"):
        raise NotMeasured(f"{url} answered {said['errors']}")
    return said


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
