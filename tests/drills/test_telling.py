"""What a drill and a tick tell: heartbeats around it, messages after its record, and each overdue period once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.config import load_config
from agent_deploy.notifying import sending
from agent_deploy.operations.drill.status import drill_status
from agent_deploy.operations.drill.telling import NOTIFIED, Teller
from agent_deploy.operations.verify import verify
from drills.course import Clock
from drills.leasing import new_lease
from drills.models import Side
from drills.recording import record_intent
from registry.evidence import list_evidence
from registry.models import Evidence
from registry.registry import Registry
from tests.builders import UNGATED, WORKFLOW
from tests.drills.conftest import NOW, AgentDeploy
from tests.drills.receivers import HttpReceiver, http_receiver
from tests.drills.records import add_drill, drill_of, plan_of

_DAY = timedelta(days=1)


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with http_receiver() as found:
        yield found


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_PAUSE_S", 0.0)


def _policy(folder: Path, webhook: str, more: str = "") -> None:
    told = '["failed", "blocked_twice", "overdue", "succeeded", "promote", "rollback"]'
    (folder / "agent-deploy.toml").write_text(
        f'{UNGATED}[environments.production.drill]\nnotify = {{webhook = "{webhook}/hook", on = {told}}}\n{more}'
    )


def _events(receiver: HttpReceiver) -> list[str]:
    return [request.headers["webhook-id"] for request in receiver.requests if request.path == "/hook"]


def _pings(receiver: HttpReceiver) -> list[str]:
    return [request.path for request in receiver.requests if request.path != "/hook"]


def _eventually(seen: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not seen():
        assert time.monotonic() < until
        time.sleep(0.01)


def _notified(registry: Registry) -> list[Evidence]:
    with registry.database.read() as connection:
        return list_evidence(connection, WORKFLOW, kind=NOTIFIED)


@pytest.mark.parametrize(
    ("outcome", "pings", "events"),
    [
        ("succeeded", ["/hb"], ["succeeded-drill-0000000001"]),
        ("failed_guard", ["/hb/fail"], ["failed-drill-0000000001"]),
        ("blocked", [], []),
    ],
)
def test_a_drill_that_ended_is_told_to_monitor_and_people(
    drilled: Registry, tmp_path: Path, receiver: HttpReceiver, outcome: str, pings: list[str], events: list[str]
) -> None:
    _policy(tmp_path, receiver.url, f'heartbeat_url = "{receiver.url}/hb"\n')
    teller = Teller(drilled, load_config())
    teller.ended(add_drill(drilled, outcome))  # type: ignore[arg-type]
    assert (_pings(receiver), _events(receiver), teller.failures) == (pings, events, [])


def test_the_monitor_hears_of_the_start_beside_the_drill(
    drilled: Registry, tmp_path: Path, receiver: HttpReceiver
) -> None:
    _policy(tmp_path, receiver.url, f'heartbeat_url = "{receiver.url}/hb?x=1"\n')
    Teller(drilled, load_config()).began(plan_of())
    _eventually(lambda: _pings(receiver) == ["/hb/start?x=1"])


def test_blocked_drills_are_told_once_when_it_happens_twice_running(
    drilled: Registry, tmp_path: Path, receiver: HttpReceiver
) -> None:
    _policy(tmp_path, receiver.url)
    teller = Teller(drilled, load_config())
    outcomes = ["blocked", "blocked", "blocked", "succeeded", "blocked", "blocked"]
    for number, outcome in enumerate(outcomes, 1):
        teller.ended(add_drill(drilled, outcome, number, at=NOW + number * _DAY))  # type: ignore[arg-type]
    assert _events(receiver) == [
        "blocked_twice-drill-0000000002", "succeeded-drill-0000000004", "blocked_twice-drill-0000000006",
    ]  # fmt: skip


def test_an_overdue_period_is_told_once_and_the_next_one_again(
    drilled: Registry, tmp_path: Path, receiver: HttpReceiver
) -> None:
    _policy(tmp_path, receiver.url)
    teller = Teller(drilled, load_config())

    def told(at: datetime) -> list[bool]:
        found = drill_status(drilled, load_config(), clock=lambda: at)
        return [
            teller.overdue(one.workflow, one.environment, one.overdue_since, one.standing.last_success)
            for one in found
            if one.overdue_since
        ]

    first_live = NOW - 9 * _DAY
    assert told(first_live + 8 * _DAY - timedelta(seconds=1)) == []
    assert [told(first_live + 8 * _DAY), told(NOW), told(NOW + 30 * _DAY)] == [[True], [False], [False]]
    add_drill(drilled, at=NOW + 30 * _DAY)
    assert told(NOW + 31 * _DAY) == []
    assert [told(NOW + 39 * _DAY), told(NOW + 40 * _DAY)] == [[True], [False]]
    assert [record.body["channels"] for record in _notified(drilled)] == [["webhook"], ["webhook"]]
    assert len(set(_events(receiver))) == len(_events(receiver)) == 2
    assert verify(drilled).faults == []


def test_what_nobody_heard_is_told_again(drilled: Registry, tmp_path: Path) -> None:
    with http_receiver(404, 200) as receiver:
        _policy(tmp_path, receiver.url)
        teller = Teller(drilled, load_config())
        told = [teller.overdue(WORKFLOW, "production", NOW, None) for _ in range(3)]
    assert told == [False, True, False]
    assert [str(failure) for failure in teller.failures] == ["webhook: answered 404"]
    assert len(_notified(drilled)) == 1


def test_a_policy_that_cannot_be_keeps_nothing_but_the_telling(drilled: Registry, tmp_path: Path) -> None:
    (tmp_path / "agent-deploy.toml").write_text(UNGATED + "[environments.production.drill]\nsoak = 1\n")
    teller = Teller(drilled, load_config())
    teller.ended(add_drill(drilled))
    assert [failure.channel for failure in teller.failures] == ["nobody"]
    assert ".soak: must be a duration" in teller.failures[0].why


def test_drill_run_tells_and_names_on_stderr_and_in_its_output_whom_it_could_not(
    drilled: Registry, tmp_path: Path, agent_deploy: AgentDeploy, receiver: HttpReceiver
) -> None:
    _policy(
        tmp_path, receiver.url, 'soak = "0s"\nreaders = 0\nhold_for = "0s"\nsmoke = false\nheartbeat_url = "http://"\n'
    )
    answer = agent_deploy("drill", "run", WORKFLOW, "--json")
    assert (answer.code, answer.document["outcome"]) == (0, "succeeded")
    assert _events(receiver) == [f"succeeded-{answer.document['drill']}"]
    assert {"channel": "heartbeat", "why": "the address is none that can be asked"} in answer.document["not_told"]
    assert "error: could not tell heartbeat: the address is none that can be asked" in answer.err


def test_drill_tick_tells_what_is_overdue(
    drilled: Registry, tmp_path: Path, agent_deploy: AgentDeploy, receiver: HttpReceiver
) -> None:
    """Its window is a minute of a day that it never is."""
    import datetime as clock

    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(clock.datetime.now(clock.UTC).weekday() + 3) % 7]
    _policy(tmp_path, receiver.url, f'window = {{days = ["{day}"], from = "00:00", to = "00:01"}}\n')
    add_drill(drilled, at=NOW - 2000 * _DAY)
    for _ in range(2):
        assert agent_deploy("drill", "tick").code == 0
    (event,) = _events(receiver)
    assert event.startswith("overdue-support-triage-production-")


def test_people_s_moves_are_told_and_a_move_is_made_though_nobody_can_be(
    drilled: Registry, tmp_path: Path, agent_deploy: AgentDeploy
) -> None:
    with http_receiver(200, 404) as receiver:
        _policy(tmp_path, receiver.url)
        assert agent_deploy("rollback", WORKFLOW, "--dry-run").code == 0
        assert agent_deploy("rollback", WORKFLOW).err == ""
        answer = agent_deploy("promote", WORKFLOW, "--version", "2", "--override-hold", "--json")
    assert (answer.code, answer.document["version"]) == (0, 2)
    assert answer.err == "error: could not tell webhook: answered 404\n"
    assert _events(receiver) == ["rollback-support-triage-production-3", "promote-support-triage-production-4"]


def test_a_rollback_stands_though_the_drill_policy_cannot_be(
    drilled: Registry, tmp_path: Path, agent_deploy: AgentDeploy
) -> None:
    _policy(tmp_path, "http://127.0.0.1:1", "soak = 1\n")
    answer = agent_deploy("rollback", WORKFLOW)
    assert answer.code == 0
    assert answer.err.startswith("error: nobody was told: ")


def test_a_drill_that_died_is_told_by_the_command_that_brings_it_to_rest(
    drilled: Registry, tmp_path: Path, agent_deploy: AgentDeploy, receiver: HttpReceiver
) -> None:
    _policy(tmp_path, receiver.url)
    plan = plan_of(week="", baseline=Side(2, "1.0.1", "sha256:2", 2))
    lease = new_lease(drill_of("interrupted", week=""), "host:1", Clock(now=lambda: NOW - _DAY))
    record_intent(drilled.database, lease, plan)
    answer = agent_deploy("history", WORKFLOW)
    assert answer.err.startswith("drill-0000000001 interrupted: ")
    assert _events(receiver) == ["failed-drill-0000000001"]
