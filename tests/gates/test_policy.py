"""A policy is read from its table: defaults, spellings, and faults that name the key."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_deploy.config_keys import GATE_KEYS
from agent_deploy.errors import BadConfig
from agent_deploy.gates.freeze import FreezeWindow
from agent_deploy.gates.policy import CostFrom, Policy, RequiredDrill, RequiredEnvironment, policy_from

_WHERE = "agent-deploy.toml: environments.production.gate"
_FULL = {
    "required": True, "min_pass_rate": 0.9, "max_regression": 0.03, "critical": False, "max_error_rate": 0,
    "max_cost_increase": 0.2, "cost_from": "staging", "max_latency_increase": 1, "max_age": "14d",
    "require_environment": "staging", "require_approvals": 2, "freeze": [{"cron": "0 18 * * FRI", "for": "62h"}],
    "judge": 0.8, "max_drill_age": "8d",
}  # fmt: skip


def test_every_key_of_the_configuration_is_a_field_of_the_policy() -> None:
    assert tuple(field.name for field in fields(Policy)) == GATE_KEYS == tuple(_FULL)


def test_with_nothing_said_production_needs_evidence_that_nothing_got_worse() -> None:
    assert policy_from({}, _WHERE) == Policy(
        required=True, min_pass_rate=None, max_regression=0.05, critical=True, max_error_rate=0.02,
        max_cost_increase=None, cost_from=None, max_latency_increase=None, max_age=None, require_environment=None,
        require_approvals=0, freeze=(), judge=None, max_drill_age=None,
    )  # fmt: skip


def test_everything_can_be_said() -> None:
    assert policy_from(_FULL, _WHERE) == Policy(
        required=True, min_pass_rate=0.9, max_regression=0.03, critical=False, max_error_rate=0.0,
        max_cost_increase=0.2, cost_from=CostFrom("staging", timedelta(days=30)), max_latency_increase=1.0,
        max_age=timedelta(days=14),
        require_environment=RequiredEnvironment("staging"), require_approvals=2,
        freeze=(FreezeWindow("0 18 * * FRI", timedelta(hours=62)),), judge=0.8,
        max_drill_age=RequiredDrill(timedelta(days=8)),
    )  # fmt: skip


def test_an_environment_can_be_required_for_a_time() -> None:
    policy = policy_from({"require_environment": {"name": "staging", "for": "24h"}}, _WHERE)
    assert policy.require_environment == RequiredEnvironment("staging", timedelta(hours=24))


def test_costs_can_be_those_of_calls_of_a_time() -> None:
    table = {"max_cost_increase": 0.2, "cost_from": {"name": "staging", "within": "14d"}}
    assert policy_from(table, _WHERE).cost_from == CostFrom("staging", timedelta(days=14))
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert CostFrom("staging").since(at) == datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert CostFrom("staging", timedelta(weeks=999_999)).since(at) == datetime.min.replace(tzinfo=UTC)


def test_where_the_costs_are_from_may_stand_where_the_rule_is_turned_off() -> None:
    policy = policy_from({"max_cost_increase": False, "cost_from": "staging"}, _WHERE)
    assert (policy.max_cost_increase, policy.cost_from) == (None, CostFrom("staging"))


def test_false_turns_off_what_an_environment_asks_of_every_workflow() -> None:
    off = ("min_pass_rate", "max_regression", "critical", "max_cost_increase", "cost_from", "max_latency_increase",
           "max_age", "require_environment", "require_approvals", "freeze", "judge", "max_drill_age")  # fmt: skip
    policy = policy_from(_FULL | dict.fromkeys(off, False), _WHERE)
    assert policy == Policy(max_regression=None, critical=False, max_error_rate=0.0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"max_regresion": 0.1}, ": unknown key 'max_regresion'; did you mean 'max_regression'?"),
        ({"required": "yes"}, ".required: must be true or false, not 'yes'"),
        ({"critical": 1}, ".critical: must be true or false, not 1"),
        ({"min_pass_rate": 90}, ".min_pass_rate: must be a share from 0 to 1, not 90"),
        ({"min_pass_rate": True}, ".min_pass_rate: must be a share from 0 to 1, not True"),
        ({"min_pass_rate": float("nan")}, ".min_pass_rate: must be a share from 0 to 1, not nan"),
        ({"max_regression": 1}, ".max_regression: must be a share from 0 to below 1 (0.05 is five points), not 1"),
        ({"max_error_rate": False}, ".max_error_rate: must be a share from 0 to 1, not False"),
        ({"max_cost_increase": -0.1}, ".max_cost_increase: must be 0 or more (0.2 is +20 %), not -0.1"),
        ({"max_cost_increase": 0.2, "cost_from": 7},
         ".cost_from: must be 'staging' or {name = 'staging', within = '14d'}, not 7"),
        ({"max_cost_increase": 0.2, "cost_from": {"name": "staging", "since": "7d"}},
         ".cost_from: must be 'staging' or {name = 'staging', within = '14d'}, "
         "not {'name': 'staging', 'since': '7d'}"),
        ({"max_cost_increase": 0.2, "cost_from": {"name": "staging", "within": 7}},
         ".cost_from.within: must be a duration such as '90s', '15m', '24h', '14d' or '2w', not 7"),
        ({"max_cost_increase": 0.2, "cost_from": "Staging"},
         ".cost_from: 'Staging' is not an environment name: lower-case letters, digits and dashes, "
         "a letter first, 63 at most"),
        ({"cost_from": "staging"},
         ".cost_from: needs max_cost_increase beside it, which says how much dearer it may be"),
        ({"max_latency_increase": float("inf")},
         ".max_latency_increase: must be 0 or more (0.2 is +20 %), not inf"),
        ({"max_age": "14 days"},
         ".max_age: must be a duration such as '90s', '15m', '24h', '14d' or '2w', not '14 days'"),
        ({"max_age": 14}, ".max_age: must be a duration such as '90s', '15m', '24h', '14d' or '2w', not 14"),
        ({"require_environment": {"for": "1h"}},
         ".require_environment: must be 'staging' or {name = 'staging', for = '24h'}, not {'for': '1h'}"),
        ({"require_environment": "Staging"},
         ".require_environment: 'Staging' is not an environment name: lower-case letters, digits and dashes, "
         "a letter first, 63 at most"),
        ({"require_environment": {"name": "staging", "for": 1}},
         ".require_environment.for: must be a duration such as '90s', '15m', '24h', '14d' or '2w', not 1"),
        ({"require_approvals": 1.5}, ".require_approvals: must be a whole number, 0 or more, not 1.5"),
        ({"require_approvals": -1}, ".require_approvals: must be a whole number, 0 or more, not -1"),
        ({"freeze": {"cron": "0 0 * * *"}},
         ".freeze: must be a list of tables {cron, for, timezone, reason}, not {'cron': '0 0 * * *'}"),
        ({"freeze": [{"cron": "0 0 * * *", "for": "1h"}, {"cron": "0 0 * * *"}]}, ".freeze[1]: has no 'for'"),
        ({"max_drill_age": "weekly"},
         ".max_drill_age: must be a duration such as '90s', '15m', '24h', '14d' or '2w', not 'weekly'"),
        ({"judge": 2}, ".judge: must be a share from 0 to 1, not 2"),
    ],
)  # fmt: skip
def test_a_fault_names_table_and_key(table: dict[str, Any], message: str) -> None:
    with pytest.raises(BadConfig) as refused:
        policy_from(table, _WHERE)
    assert refused.value.message == _WHERE + message


def test_the_same_rules_have_the_same_digest_and_any_change_another() -> None:
    policy = policy_from(_FULL, _WHERE)
    assert policy.digest == policy_from(dict(reversed(_FULL.items())), _WHERE).digest
    assert policy_from({}, _WHERE).digest == policy_from({"max_regression": 0.05, "critical": True}, _WHERE).digest
    changed = [
        replace(policy, **{field.name: getattr(Policy(), field.name)})
        for field in fields(Policy)
        if getattr(policy, field.name) != getattr(Policy(), field.name)
    ]
    later = replace(policy, freeze=(FreezeWindow("0 18 * * FRI", timedelta(hours=62), "Europe/Berlin"),))
    assert len({policy.digest, later.digest, *(other.digest for other in changed)}) == len(changed) + 2


def test_a_policy_without_a_rule_on_drills_keeps_the_digest_that_older_releases_were_let_through_by() -> None:
    assert policy_from({}, _WHERE).digest == ("sha256:df352f81f3098d0e47b01bfcc620f6f5687f45d092f251131a4ecceed0f21dfd")
    live, rehearsed = (Policy(max_drill_age=RequiredDrill(timedelta(days=8), rehearsal)) for rehearsal in (False, True))
    assert len({Policy().digest, live.digest, rehearsed.digest}) == 3


def test_a_policy_whose_costs_are_of_eval_runs_keeps_its_digest_too() -> None:
    runs = Policy(max_cost_increase=0.2)
    assert runs.digest == "sha256:12091ad5b6ce17c2cdd94e9af1a42ce3b3e4fc5486bee7320a3c821b1840f8dc"
    month, week = (replace(runs, cost_from=CostFrom("staging", timedelta(days=days))) for days in (30, 7))
    assert len({runs.digest, month.digest, week.digest}) == 3
