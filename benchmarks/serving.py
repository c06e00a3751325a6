"""`agent-deploy serve` as a process of its own, on a core of its own, and applications that send to it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agent_deploy.config import Config, load_config
from agent_deploy.operations.token.create import create
from agent_deploy.wiring import open_registry
from benchmarks.bundles import ACTOR
from benchmarks.children import agent_deploy, environment

CONNECTIONS = 4
_STOPS_WITHIN_S = 120.0
_ANSWERS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """A receiver that answers. url: where to post. headers: that let one in. config: of its folder."""

    url: str
    headers: Mapping[str, str]
    config: Config


@contextmanager
def served(folder: Path, *cores: int) -> Iterator[Served]:
    """A receiver over a new registry in a new folder; stopped, with everything sealed, when the block ends well.

    cores: where all its threads run; none named leaves that to the system.
    """
    config, token = _laid(folder)
    log = folder / "serve.log"
    command = agent_deploy("--config", str(config.file), "serve", "--port", "0", "--json")
    with log.open("wb") as errors, on_cores(*cores):  # a child begins where its parent is
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        yield Served(_url(process, log), {"authorization": f"Bearer {token}"}, config)
        process.terminate()
        if process.wait(_STOPS_WITHIN_S):
            raise RuntimeError(f"serve ended with {process.returncode}: {log.read_text()[-500:]}")
    finally:
        process.kill()
        process.communicate()


def send(url: str, headers: Mapping[str, str], exports: Iterator[bytes]) -> int:
    """Post exports over connections that are kept, each as soon as one is free; how many, all of them answered 200.

    Raises RuntimeError for another answer.
    """
    taking = threading.Lock()

    def take() -> bytes | None:
        with taking:
            return next(exports, None)

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        senders = [threads.submit(_post_all, url, headers, take) for _ in range(CONNECTIONS)]
        return sum(sender.result() for sender in senders)


@contextmanager
def on_cores(*cores: int) -> Iterator[None]:
    """This thread, and what it starts, on these cores alone; on all there are where none is named."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _post_all(url: str, headers: Mapping[str, str], take: Callable[[], bytes | None]) -> int:
    parts, count = urlsplit(url), 0
    connection = http.client.HTTPConnection(parts.netloc, timeout=_ANSWERS_WITHIN_S)
    with closing(connection):
        while body := take():
            connection.request("POST", parts.path, body, {"content-type": "application/x-protobuf", **headers})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{url} answered {answer.status}: {said[:300]!r}")
            count += 1
    return count


def _laid(folder: Path) -> tuple[Config, str]:
    """A folder with a registry, and a token that lets one send."""
    folder.mkdir(parents=True)
    file = folder / "agent-deploy.toml"
    file.touch()
    config = load_config(file=str(file), environ={})
    registry = open_registry(config, create=True)
    _, token = create(registry, "ingest", actor=ACTOR)
    registry.database.close()
    return config, token


def _url(process: subprocess.Popen[str], log: Path) -> str:
    """What it says once it answers."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line == "}\n":
            return str(json.loads(said)["url"])
    raise RuntimeError(f"serve did not start: {log.read_text()[-500:]}")
