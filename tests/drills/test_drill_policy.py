"""What `agent-deploy.toml` says of drills, and how it is told that it says something that cannot be."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.config import load_config
from agent_deploy.config_keys import DRILL_KEYS
from agent_deploy.drill_policy import _READERS, drill_policy, policy_from
from agent_deploy.errors import BadConfig
from drills.policy import CheckSpec, DrillPolicy, Notify, SmokeSpec, Window

_TOML = """\
[environments.production.drill]
mode = "rehearsal"
hold_for = "5m"
max_error_rate = 0.02
window = {days = ["tue", "mon"], from = "09:30", to = 17:00:00, timezone = "Europe/Berlin"}
checks = [{name = "no incident", url = "https://status.acme.test/ok", phase = "blocking", timeout = "5s"}]
[workflows.support-triage.environments.production.drill]
hold_for = "90s"
checks = [{name = "errors", command = "bin/errors --since '5 min'"}]
smoke = {tag = "smoke", most = 5, within = "30s"}
[workflows.quiet.environments.production.drill]
enabled = false
"""


@pytest.fixture
def policy_for(tmp_path: Path) -> Any:
    """The policy of a workflow in an environment, by the file above."""
    (tmp_path / "agent-deploy.toml").write_text(_TOML)
    config = load_config(cwd=tmp_path, environ={})
    return lambda workflow, environment: drill_policy(config, workflow, environment)


def test_a_workflows_own_keys_stand_over_those_of_the_environment(policy_for: Any) -> None:
    assert policy_for("support-triage", "production") == DrillPolicy(
        scheduled=True, mode="rehearsal", hold_for=timedelta(seconds=90), max_error_rate=0.02,
        window=Window((0, 1), time(9, 30), time(17), "Europe/Berlin"),
        checks=(CheckSpec("errors", command=("bin/errors", "--since", "5 min")),),
        smoke=SmokeSpec(tag="smoke", most=5, within=timedelta(seconds=30)),
    )  # fmt: skip


def test_drills_are_scheduled_only_where_there_is_a_table_that_does_not_say_otherwise(policy_for: Any) -> None:
    assert policy_for("support-triage", "staging") == DrillPolicy()
    assert [policy_for(name, "production").scheduled for name in ("support-triage", "other", "quiet")] == [
        True, True, False,
    ]  # fmt: skip
    assert policy_for("quiet", "staging").scheduled is False


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("readers", 3, {"readers": 3}),
        ("smoke", False, {"smoke": None}),
        ("smoke", "evals/smoke.yaml", {"smoke": SmokeSpec(cases="evals/smoke.yaml")}),
        ("notify", {"email": "a@b.test", "on": ["failed"]}, {"notify": Notify(email=("a@b.test",), on=("failed",))}),
        ("count_rehearsal", True, {"count_rehearsal": True}),
        ("checks", [{"name": "a", "command": ["true", "x y"]}], {"checks": (CheckSpec("a", ("true", "x y")),)}),
    ],
)
def test_each_key_has_its_forms(key: str, value: Any, expected: dict[str, Any]) -> None:
    assert policy_from({key: value}, "here") == DrillPolicy(scheduled=True, **expected)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"hold": "1m"}, "here: unknown key 'hold'; did you mean 'hold_for'?"),
        ({"mode": "real"}, "here.mode: must be 'live' or 'rehearsal', not 'real'"),
        ({"readers": -1}, "here.readers: must be a whole number, 0 or more, not -1"),
        ({"soak": 60}, "here.soak: must be a duration such as '90s', '15m', '24h', '14d' or '2w', not 60"),
        ({"max_error_rate": 2}, "here.max_error_rate: must be a share from 0 to 1, such as 0.05, not 2"),
        ({"checks": [{"name": "a"}]}, "here.checks[0]: needs either 'command' or 'url'"),
        ({"checks": [{"command": "true"}]}, "here.checks[0]: has no 'name'"),
        ({"checks": [{"name": "a", "command": "true"}] * 2}, "here.checks: two checks are named 'a'"),
        ({"checks": [{"name": "a", "command": "'"}]}, "here.checks[0].command: No closing quotation in \"'\""),
        ({"checks": [{"name": "a", "url": "ftp://x"}]},
         "here.checks[0].url: must be an http:// or https:// URL, not 'ftp://x'"),
        ({"window": {"days": ["day"]}},
         "here.window.days: must be out of mon, tue, wed, thu, fri, sat, sun, not 'day'"),
        ({"window": {"from": "16:00", "to": "10:00"}},
         "here.window: holds no time at all: give days, and a 'from' earlier than 'to'"),
        ({"window": {"timezone": "Mars"}}, "here.window.timezone: 'Mars' is no time zone such as 'Europe/Berlin'"),
        ({"window": {"from": "soon"}}, "here.window.from: must be a time of day such as '10:00', not 'soon'"),
        ({"notify": {"on": ["always"]}},
         "here.notify.on: must be 'failed' or 'blocked_twice' or 'overdue' or 'succeeded' or 'promote' or 'rollback', "
         "not 'always'"),
        ({"smoke": 3}, "here.smoke: must be a table with cases, tag, most, within, not 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_key(table: dict[str, Any], message: str) -> None:
    with pytest.raises(BadConfig) as refused:
        policy_from(table, "here")
    assert refused.value.message == message


def test_every_key_that_the_file_may_have_is_understood() -> None:
    assert set(DRILL_KEYS) == set(_READERS)
