"""A team's own checks: commands and URLs, and all that can be wrong with them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from agent_deploy.operations.drill.asking import ask_check
from drills.models import Check, DrillPlan, Side
from drills.policy import CheckSpec

_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_PLAN = DrillPlan(
    "drill-1", "support-triage", "production", "live", Side(3, "", ""), Side(2, "", ""), timedelta(), _NOON, _NOON,
    "ann", "operator", "",
)  # fmt: skip


def _ask(folder: Path, *command: str, url: str = "", timeout_s: float = 20) -> Check:
    spec = CheckSpec("errors", command, url, timeout=timedelta(seconds=timeout_s))
    return ask_check(spec, _PLAN, "hold", folder)


@pytest.mark.parametrize(
    ("script", "ok", "detail", "code"),
    [
        ("echo 0.1 %", True, "0.1 %", 0),
        ("echo first; echo 'too many errors' >&2; exit 3", False, "too many errors", 3),
        ("exit 1", False, "exit code 1", 1),
        ("echo $AGENT_DEPLOY_DRILL $AGENT_DEPLOY_DRILL_PHASE $AGENT_DEPLOY_DRILL_BASELINE-$AGENT_DEPLOY_DRILL_TARGET",
         True, "drill-1 hold 3-2", 0),
    ],
)  # fmt: skip
def test_a_command_holds_when_it_exits_with_0_and_its_last_line_is_the_detail(
    tmp_path: Path, script: str, ok: bool, detail: str, code: int
) -> None:
    check = _ask(tmp_path, "sh", "-c", script)
    assert (check.name, check.phase, check.ok, check.detail) == ("errors", "hold", ok, detail)
    assert check.sample["exit_code"] == code
    assert check.sample["took_ms"] > 0


def test_a_command_runs_in_the_folder_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    assert _ask(tmp_path, "ls").detail == "here"


def test_a_command_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    check = _ask(tmp_path, "sh", "-c", "sleep 600 & sleep 600", timeout_s=0.2)
    assert (check.ok, check.detail) == (False, "no end within 0.2 s")
    assert check.sample["took_ms"] < 10_000


def test_a_command_that_is_not_there_does_not_hold(tmp_path: Path) -> None:
    check = _ask(tmp_path, "no-such-program")
    assert check.ok is False
    assert check.detail.startswith("FileNotFoundError: ")


@contextmanager
def _answering(status: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "ok", "detail"), [(204, True, "204 No Content"), (503, False, "503 Service Unavailable")]
)
def test_a_url_holds_when_it_answers_with_success(tmp_path: Path, status: int, ok: bool, detail: str) -> None:
    with _answering(status) as url:
        check = _ask(tmp_path, url=url)
    assert (check.ok, check.detail, check.sample["status"]) == (ok, detail, status)


def test_a_url_where_nobody_answers_does_not_hold(tmp_path: Path) -> None:
    with _answering(200) as url:
        pass
    check = _ask(tmp_path, url=url, timeout_s=2)
    assert check.ok is False
    assert check.detail.startswith("ConnectError")
