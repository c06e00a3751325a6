"""Rules on what is on record about a version: run, required environment, approvals, freeze."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent_deploy.gates.facts import Approval, Evidence, LastDrill, Missing, Stay
from agent_deploy.gates.freeze import FreezeWindow
from agent_deploy.gates.policy import RequiredDrill, RequiredEnvironment
from agent_deploy.gates.verdict import RuleResult
from tests.gates.situations import NEW, NOW, OLD, evidence_of, facts_of, outcomes_of, rule_of

_EVAL = "agent-deploy eval support-triage@42"
_RUN = outcomes_of(["PPP"] * 60)


def test_a_finished_run_of_this_digest_on_the_set_on_record_is_evidence() -> None:
    assert rule_of("evidence", facts_of(_RUN)) == RuleResult(
        "evidence", "passed", "a run of version 42", "run-new: 60 cases × 3"
    )


@pytest.mark.parametrize(
    ("missing", "seen", "why", "command"),
    [
        (Missing("no_run"), "none", "it was never evaluated", _EVAL),
        (Missing("no_set"), "none", "support-triage has no eval set on record yet", _EVAL),
        (Missing("other_digest", "run-x"), "run-x", "that run is of another version", _EVAL),
        (Missing("other_set", "run-x"), "run-x", "that run is on another eval set than the one on record", _EVAL),
        (Missing("running", "run-x"), "run-x", "it is not finished: still running, or cut off",
         f"{_EVAL} --resume run-x"),
        (None, "none", "it was never evaluated", _EVAL),
    ],
)  # fmt: skip
def test_without_a_run_nobody_knows(missing: Missing | None, seen: str, why: str, command: str) -> None:
    rule = rule_of("evidence", facts_of(None, missing=missing))
    assert rule == RuleResult("evidence", "inconclusive", "a run of version 42", seen, why, command)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (evidence_of(_RUN, OLD), "that run is of another version"),
        (evidence_of(_RUN, NEW, set_digest="sha256:before"), "that run is on another eval set than the one on record"),
    ],
)
def test_a_run_that_is_not_bound_to_candidate_and_set_is_no_evidence(found: Evidence, why: str) -> None:
    rule = rule_of("evidence", facts_of(found))
    assert (rule.verdict, rule.seen, rule.why) == ("inconclusive", found.run.started.id, why)


@pytest.mark.parametrize(
    ("hours", "verdict", "seen", "why"),
    [
        (None, "failed", "never", "it was never live in staging"),
        (24, "passed", "for 24h, first on 2026-11-20", ""),
        (21, "failed", "for 21h, first on 2026-11-20", "3h short"),
    ],
)
def test_it_must_have_been_live_in_the_required_environment_for_long_enough(
    hours: int | None, verdict: str, seen: str, why: str
) -> None:
    stay = None if hours is None else Stay(NOW - timedelta(days=3), NOW, timedelta(hours=hours))
    required = RequiredEnvironment("staging", timedelta(hours=24))
    rule = rule_of("environment", facts_of(_RUN, stay=stay), require_environment=required)
    command = "agent-deploy promote support-triage --version 42 --env staging" if stay is None else ""
    assert rule == RuleResult(
        "environment", verdict, "live in staging for 24h", seen, why, command  # type: ignore[arg-type]
    )  # fmt: skip


def test_without_a_time_any_stay_there_will_do() -> None:
    stay = Stay(NOW, NOW, timedelta())
    rule = rule_of("environment", facts_of(_RUN, stay=stay), require_environment=RequiredEnvironment("staging"))
    assert (rule.verdict, rule.needed) == ("passed", "live in staging")


@pytest.mark.parametrize(
    ("actors", "verdict", "seen", "why"),
    [
        ([], "failed", "none", "2 missing"),
        (["bob"], "failed", "1: bob", "1 missing"),
        (["bob", "bob"], "failed", "1: bob", "1 missing"),
        (["bob", "ann"], "failed", "1: bob", "ann registered it and does not count"),
        (["bob", "cy"], "passed", "2: bob, cy", ""),
    ],
)
def test_people_approve_each_once_and_never_their_own_registration(
    actors: list[str], verdict: str, seen: str, why: str
) -> None:
    approvals = tuple(Approval(actor, NOW) for actor in actors)
    rule = rule_of("approvals", facts_of(_RUN, approvals=approvals), require_approvals=2)
    command = "agent-deploy approve support-triage --version 42 --env production" if verdict == "failed" else ""
    assert rule == RuleResult("approvals", verdict, "2 approvals", seen, why, command)  # type: ignore[arg-type]


def test_a_freeze_fails_and_says_until_when_and_why() -> None:
    open_now = FreezeWindow("0 9 * * MON", timedelta(hours=8), "UTC", "audit")
    rule = rule_of("freeze", facts_of(_RUN), freeze=(open_now,))
    assert rule == RuleResult("freeze", "failed", "no freeze", "frozen until 2026-11-23 17:00Z", "audit")


def test_outside_its_windows_nothing_is_frozen() -> None:
    rule = rule_of("freeze", facts_of(_RUN), freeze=(FreezeWindow("0 18 * * FRI", timedelta(hours=62)),))
    assert rule == RuleResult("freeze", "passed", "no freeze", "none now")


_DRILL = "agent-deploy drill run support-triage --env production"


@pytest.mark.parametrize(
    ("ago", "verdict", "seen", "why", "command"),
    [
        (None, "failed", "none", "no drill that counts ever succeeded there", _DRILL),
        (timedelta(days=3), "passed", "drill-1, 3d ago", "", ""),
        (timedelta(days=8), "passed", "drill-1, 8d ago", "", ""),
        (timedelta(days=10), "failed", "drill-1, 10d ago", "2d too old", _DRILL),
        (timedelta(minutes=-1), "passed", "drill-1, 0s ago", "", ""),  # recorded by a clock ahead of ours
    ],
)
def test_the_way_back_must_have_been_shown_to_work_lately(
    ago: timedelta | None, verdict: str, seen: str, why: str, command: str
) -> None:
    last = None if ago is None else LastDrill("drill-1", NOW - ago)
    facts = facts_of(_RUN, drill=last, could_roll_back=True)
    rule = rule_of("drill", facts, max_drill_age=RequiredDrill(timedelta(days=8)))
    assert rule == RuleResult(
        "drill", verdict, "one that succeeded within 8d", seen, why, command  # type: ignore[arg-type]
    )  # fmt: skip


def test_no_drill_is_asked_for_while_there_is_nothing_to_roll_back_to() -> None:
    rule = rule_of("drill", facts_of(_RUN), max_drill_age=RequiredDrill(timedelta(days=8)))
    assert (rule.verdict, rule.seen) == ("passed", "nothing to roll back to yet")
