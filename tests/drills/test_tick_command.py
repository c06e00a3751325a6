"""`agent-deploy drill tick` as a scheduler runs it: a process of its own, with the drill of the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent_deploy.operations.promote import promote
from drills.models import RECORDED, STARTED
from drills.recording import list_drills
from registry.evidence import list_evidence
from registry.registry import Registry
from registry.releases import find_head
from tests.builders import WORKFLOW, add_version, open_registry
from tests.commands import Answer, run

pytestmark = pytest.mark.slow
# By these clocks it is between noon and one: no test runs into the end of a window, or of a week.
_OFFSET = datetime.now(UTC).hour - 12
ZONE = f"Etc/GMT{_OFFSET:+d}"
ALL_WEEK = '{days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], from = "00:01", to = "23:59", timezone = "%s"}'
POLICY = f"""\
[environments.production.drill]
hold_for = "0s"
soak = "0s"
readers = 0
smoke = false
jitter = "0s"
window = {ALL_WEEK % ZONE}
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = open_registry(tmp_path)
    for number in (1, 2):
        promote(registry, WORKFLOW, str(add_version(registry, number).number), "production", actor="ann")
    (tmp_path / "agent-deploy.toml").write_text(POLICY)
    return registry


def tick(folder: Path, *words: str, **environ: str) -> Answer:
    return run(
        None, "--config", str(folder / "agent-deploy.toml"), "drill", "tick", "--actor", "cron", *words, **environ
    )


def test_the_weeks_drill_is_run_for_real_and_the_next_tick_leaves_it_at_that(
    tmp_path: Path, registry: Registry
) -> None:
    first = tick(tmp_path, "--json")
    assert first.code == 0, first.err
    (ran,) = first.document["ran"]
    assert (ran["workflow"], ran["outcome"], ran["retry_at"]) == (WORKFLOW, "succeeded", None)
    with registry.database.read() as connection:
        (drill,) = list_drills(connection, WORKFLOW)
        head = find_head(connection, WORKFLOW, "production")
    assert head is not None
    assert (drill.plan.id, drill.plan.trigger, drill.plan.actor, drill.plan.week) == (
        ran["drill"], "schedule", "cron", ran["week"]
    )  # fmt: skip
    assert (head.generation, head.version, head.kind) == (4, 2, "restore")
    again = tick(tmp_path)
    assert again.code == 0, again.err
    assert again.out.startswith("nothing is due in 1 place; next support-triage in production, ")


def test_a_blocking_check_blocks_the_drill_and_that_is_no_failure(tmp_path: Path, registry: Registry) -> None:
    config = tmp_path / "agent-deploy.toml"
    config.write_text(POLICY + 'checks = [{name = "on call", command = "false", phase = "blocking"}]\n')
    blocked = tick(tmp_path)
    assert blocked.code == 0, blocked.err
    assert " blocked: support-triage in production, " in blocked.out
    assert "; again from " in blocked.out


def test_a_drill_that_fails_ends_the_tick_with_8_and_names_the_record(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "agent-deploy.toml").write_text(POLICY.replace("readers = 0", "readers = 3"))
    failed = tick(tmp_path)
    assert failed.code == 8, failed.err
    assert " precheck_failed: support-triage in production" in failed.err
    assert "agent-deploy drill show drill-" in failed.err
    assert "Traceback" not in failed.err


def test_killed_in_mid_drill_its_claim_keeps_the_week_until_the_drill_is_brought_to_an_end(
    tmp_path: Path, registry: Registry
) -> None:
    killed = tick(tmp_path, AGENT_DEPLOY_FAILPOINT="drill.rolled_back")
    assert killed.code == -9
    with registry.database.read() as connection:
        started = list_evidence(connection, WORKFLOW, kind=STARTED)
        recorded = list_evidence(connection, WORKFLOW, kind=RECORDED)
    assert (len(started), recorded) == (1, [])
    meanwhile = tick(tmp_path, "--json")
    assert (meanwhile.code, meanwhile.document["ran"]) == (0, [])
    assert [place["state"] for place in meanwhile.document["places"]] == ["running"]


def test_where_no_drills_are_scheduled_it_says_how(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "agent-deploy.toml").write_text("")
    answer = tick(tmp_path)
    assert (answer.code, answer.out) == (
        0, "no drills are scheduled: give an environment a [environments.ENV.drill] table\n"
    )  # fmt: skip
