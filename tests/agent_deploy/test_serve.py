"""serve: starts only where it can work, takes what the SDK's own exporter sends, stops when told, loses nothing."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from agent_deploy import log
from agent_deploy.cli.serve import command
from agent_deploy.operations.promote import promote
from agent_deploy.operations.token.create import create
from registry.errors import BadInput, NotFound, RegistryError
from registry.registry import Registry
from tests.builders import WORKFLOW, add_version
from tests.evals.endpoint import Answer, endpoint
from tests.telemetry.otlp import Sent, line
from tests.telemetry.served import CHAT, Application, ingest_token, kept, launch, serving

JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def _log_as_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command turns the log on for the rest of a process; here, for one test."""
    monkeypatch.setattr(log, "_state", {})


def _refused(*words: str) -> RegistryError:
    error = CliRunner().invoke(command, words).exception
    assert isinstance(error, RegistryError)
    return error


def test_it_explains_itself_with_an_example() -> None:
    shown = CliRunner().invoke(command, ["--help"]).stdout
    assert "agent-deploy serve" in shown.partition("Example:\n")[2]
    assert "--json" in shown


def test_without_a_registry_nothing_starts(here: Path) -> None:
    assert isinstance(_refused("--port", "0"), NotFound)
    assert list(here.iterdir()) == []


def test_a_port_that_is_taken_is_told_and_nothing_starts(registry: Registry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = CliRunner().invoke(command, ["--port", str(port)]).exception
    assert getattr(error, "message", None) == f"cannot listen on 127.0.0.1:{port}: Address already in use"
    assert getattr(error, "next_command", None) == "agent-deploy serve --port 0   # takes a free port and tells which"


def test_without_tokens_it_listens_on_loopback_alone(registry: Registry) -> None:
    error = _refused("--port", "0", "--host", "0.0.0.0", "--no-auth")  # noqa: S104
    assert isinstance(error, BadInput)
    assert error.message == "--no-auth lets anybody write who reaches 0.0.0.0: it is for loopback addresses alone"


def test_where_to_pass_on_has_to_be_an_endpoint_and_another_one(registry: Registry) -> None:
    assert _refused("--port", "0", "--forward", "collector:4318").message.startswith(
        "--forward 'collector:4318' is not"
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    own = f"http://localhost:{port}/v1/traces"
    assert _refused("--port", port, "--forward", own).message == f"--forward {own} leads back to this server"


@pytest.mark.slow
def test_what_the_sdk_was_told_is_taken_is_there_for_every_query(registry: Registry, here: Path) -> None:
    token = ingest_token(registry)
    with serving(here) as served:
        assert {name: served.started[name] for name in ("auth", "tokens", "forward")} == {
            "auth": True, "tokens": 1, "forward": None,
        }  # fmt: skip
        application = Application(served.url, token)
        for _ in range(20):
            application.call()
        assert len(application.acknowledged) == 20
        assert kept(here, registry) == sorted(application.acknowledged)
        code, _ = served.stop()
    assert code == 0
    assert kept(here, registry) == sorted(application.acknowledged)


@pytest.mark.slow
def test_a_delivery_that_is_repeated_counts_once(registry: Registry, here: Path) -> None:
    body = line(*(Sent(number, attributes=CHAT) for number in range(1, 6)))
    with serving(here, "--no-auth") as served:
        for _ in range(3):
            assert httpx2.post(served.url, content=body, headers=JSON).status_code == 200
        assert len(kept(here, registry)) == 5
    assert len(kept(here, registry)) == 5


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_seals_what_it_has_and_exits_0(registry: Registry, here: Path, number: signal.Signals) -> None:
    with serving(here, "--no-auth") as served:
        assert httpx2.post(served.url, content=line(Sent(1, attributes=CHAT)), headers=JSON).status_code == 200
        code, logged = served.stop(number)
    events = [json.loads(one) for one in logged.splitlines()]
    assert (code, [one["event"] for one in events]) == (0, ["serving", "stopping", "sealed", "stopped"])
    assert (events[1]["signal"], events[2]["facts"]) == (number.name, 1)
    assert list((here / ".agent-deploy/facts/spool").iterdir()) == []
    assert len(list(registry.store.entries("facts/date="))) == 1


@pytest.mark.slow
def test_a_token_that_is_made_or_revoked_meanwhile_is_known_without_a_restart(registry: Registry, here: Path) -> None:
    body = line(Sent(1, attributes=CHAT))
    with serving(here) as served:
        assert served.started["tokens"] == 0
        assert httpx2.post(served.url, content=body, headers=JSON).status_code == 401
        token = ingest_token(registry)
        headers = {**JSON, "authorization": f"Bearer {token}"}
        assert httpx2.post(served.url, content=body, headers=headers).status_code == 200


@pytest.mark.slow
def test_it_tells_how_it_is_and_what_is_live(registry: Registry, here: Path) -> None:
    add_version(registry)
    promote(registry, WORKFLOW, "1", "production", actor="ann")
    live = f'agent_deploy_live_version{{environment="production",workflow="{WORKFLOW}"}} 1.0'
    with serving(here) as served:
        health = httpx2.get(served.started["health"])
        assert (health.status_code, health.json()) == (200, {"ok": True, "why": []})
        for _ in range(200):
            figures = httpx2.get(served.started["metrics"])
            if live in figures.text:
                break
        assert live in figures.text
        assert figures.headers["content-type"].startswith("text/plain; version=")


@pytest.mark.slow
def test_beyond_loopback_its_figures_take_a_token(registry: Registry, here: Path) -> None:
    _, written = create(registry, "metrics", actor="ann")
    with serving(here, "--host", "0.0.0.0") as served:  # noqa: S104
        url = served.started["metrics"].replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        assert httpx2.get(url).status_code == 401
        assert httpx2.get(url, headers={"authorization": f"Bearer {written}"}).status_code == 200


@pytest.mark.slow
def test_exports_are_passed_on_as_they_came_and_the_other_endpoint_may_be_slow(registry: Registry, here: Path) -> None:
    body = line(Sent(1, attributes=CHAT))
    with endpoint(Answer({})) as other:
        forward, headers = f"{other.url}/v1/traces", {"AGENT_DEPLOY_FORWARD_HEADERS": "x-team=desk"}
        with serving(here, "--no-auth", "--forward", forward, **headers) as served:
            assert httpx2.post(served.url, content=body, headers=JSON).status_code == 200
            assert served.stop()[0] == 0
        ((path, passed, document),) = other.asked
    assert (path, passed["x-team"], document) == ("/v1/traces", "desk", json.loads(body))
    with endpoint(Answer(hang=True)) as other, serving(here, "--no-auth", "--forward", other.url) as served:
        assert httpx2.post(served.url, content=body, headers=JSON, timeout=5).status_code == 200


@pytest.mark.slow
def test_a_registry_that_cannot_be_written_to_starts_nothing(registry: Registry, here: Path) -> None:
    (here / ".agent-deploy/facts").write_text("a file")
    process = launch(here, "--port", "0", "--no-auth")
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "cannot write to" in said


# A process whose first line on stderr is interrupted by SIGTERM.
_INTERRUPTED = """
import signal, sys

class Stderr:
    def write(self, text):
        if signal.getsignal(signal.SIGTERM) != signal.SIG_DFL and not vars(self):
            self.told = True
            signal.raise_signal(signal.SIGTERM)

    def flush(self):
        pass

    def isatty(self):
        return False

sys.stderr = Stderr()
from agent_deploy.cli.main import main
main()
"""


@pytest.mark.slow
def test_told_to_stop_in_the_middle_of_a_line_of_its_log_it_stops(registry: Registry) -> None:
    """A handler that logs waits for the line that it interrupted, and that one for the handler."""
    words = ["serve", "--port", "0", "--no-auth"]
    done = subprocess.run([sys.executable, "-c", _INTERRUPTED, *words], capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
