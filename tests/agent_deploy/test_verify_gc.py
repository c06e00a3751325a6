"""verify and gc: damage is named, and waste is removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent_deploy.operations.deliver import deliver
from agent_deploy.operations.gc import Collected, gc
from agent_deploy.operations.promote import promote
from agent_deploy.operations.register import register
from agent_deploy.operations.verify import Verified, verify
from registry.blobs import blob_key, digest_of, put_blob
from registry.errors import Damaged
from registry.pointers import encode, pointer_of, read_pointer
from registry.registry import Registry
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version, source_of

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_POINTER = f"live/production/{WORKFLOW}.json"


@pytest.fixture
def live(registry: Registry) -> Registry:
    """Versions 1 to 3; 1 and then 2 were promoted to production, 1 to staging."""
    for number in (1, 2, 3):
        add_version(registry, number)
    for version, environment in (("1", "production"), ("2", "production"), ("1", "staging")):
        promote(registry, WORKFLOW, version, environment, actor="ann", clock=lambda: _NOON)
    return registry


def _sql(registry: Registry, *statements: str) -> None:
    """What somebody with the file in hand, and no scruples, can do."""
    with closing(sqlite3.connect(registry.database.url.removeprefix("sqlite:///"))) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_what_is_whole_is_said_to_be_with_all_that_was_looked_at(live: Registry, agent_deploy: AgentDeploy) -> None:
    assert verify(live) == Verified(workflows=1, versions=3, blobs=7, releases=3, pointers=2)
    answer = agent_deploy("verify", "--json")
    assert (answer.code, answer.err, answer.document) == (
        0,
        "",
        {
            "ok": True, "workflows": 1, "versions": 3, "blobs": 7, "releases": 3, "pointers": 2, "evidence": 0,
            "damaged": [], "head_found": "",
        },
    )  # fmt: skip
    said = "whole: 1 workflow, 3 versions, 7 blobs, 3 releases, 2 pointers, 0 of evidence\n"
    assert agent_deploy("verify").out == said
    assert agent_deploy("verify", WORKFLOW).out == said


_PROMPT_2 = digest_of(source_of("Sort the customer's message into one of our intents.\nNumber 2.\n").packed.blobs[1])
_PLACE = f"{WORKFLOW} in production"
_LOG_TELLS = f"{_PLACE}: {_POINTER} and the log tell generation 2 differently: one of them was rebuilt"

DAMAGE: dict[str, tuple[Callable[[Registry], object], list[str]]] = {
    "a blob is missing": (
        lambda r: r.store.delete(blob_key(_PROMPT_2)),
        [f"{WORKFLOW}@2: blob {_PROMPT_2} is missing from {{store}}"],
    ),
    "a blob holds other bytes": (
        lambda r: r.store.replace(blob_key(_PROMPT_2), b"x", expect=None),
        [f"{WORKFLOW}@2: blob {_PROMPT_2} in {{store}} holds other bytes ({digest_of(b'x')})"],
    ),
    "a pointer is missing": (
        lambda r: r.store.delete(_POINTER),
        [f"{_PLACE}: {_POINTER} is missing from {{store}}, though generation 2 was delivered"],
    ),
    "a pointer is cut off": (
        lambda r: r.store.replace(_POINTER, b"{", expect=None),
        [f"{_PLACE}: {_POINTER} in {{store}} is not a whole pointer (JSONDecodeError: Expecting property name "
         "enclosed in double quotes: line 1 column 2 (char 1))"],
    ),
    "a pointer is set back": (
        lambda r: r.store.replace(_POINTER, _old_pointer(r), expect=None),
        [f"{_PLACE}: {_POINTER} is at generation 1, though 2 was delivered"],
    ),
    "a release is edited": (
        lambda r: _sql(r, "UPDATE releases SET actor = 'eve' WHERE generation = 2"),
        [f"{_PLACE}: generation 2 was edited: its content does not give its hash"],
    ),
    "a release is pointed elsewhere": (
        lambda r: _sql(r, "UPDATE releases SET version = 3 WHERE generation = 2"),
        [f"{_PLACE}: generation 2 was edited: its content does not give its hash",
         f"{_PLACE}: generation 2 has not the digest of version 3", _LOG_TELLS],
    ),
    "a release is deleted": (
        lambda r: _sql(r, "DELETE FROM releases WHERE generation = 1 AND environment = 'production'"),
        [f"{_PLACE}: generation 1 is missing from the chain"],
    ),
    "the log is cut off": (
        lambda r: _sql(r, "DELETE FROM releases WHERE generation = 2"),
        [f"{_PLACE}: generation 2 was delivered, but the log ends at 1: cut off",
         f"{_PLACE}: {_POINTER} is at generation 2, which the log does not have: its tail was cut off"],
    ),
    "a version is edited": (
        lambda r: _sql(r, "UPDATE versions SET note = 'x' WHERE number = 2"),
        [f"{WORKFLOW}: version 2 was edited: its content does not give its hash"],
    ),
    "the last version is deleted": (
        lambda r: _sql(r, "UPDATE versions SET number = 9 WHERE number = 3"),
        [f"{WORKFLOW}: version 3 to 8 is missing from the chain",
         f"{WORKFLOW}: version 9 was edited: its content does not give its hash"],
    ),
    "a moment is no moment": (
        lambda r: _sql(r, "UPDATE releases SET released_at = 'x' WHERE generation = 2"),
        [f"{_PLACE}: generation 2 was edited: its content does not give its hash",
         f"{_PLACE}: generation 2 of {_PLACE} was edited: Invalid isoformat string: 'x'"],
    ),
}  # fmt: skip


def _old_pointer(registry: Registry) -> bytes:
    from registry.releases import find_release

    with registry.database.read() as connection:
        release = find_release(connection, WORKFLOW, "production", 1)
    assert release is not None
    return encode(pointer_of(release))


@pytest.mark.parametrize(("damage", "faults"), DAMAGE.values(), ids=DAMAGE)
def test_every_damaged_object_is_named(live: Registry, damage: Callable[[Registry], object], faults: list[str]) -> None:
    damage(live)
    assert verify(live).faults == [fault.format(store=live.store.url) for fault in faults]


def test_damage_exits_7_with_what_mends_it(live: Registry, agent_deploy: AgentDeploy) -> None:
    live.store.delete(_POINTER)
    fault = f"{_PLACE}: {_POINTER} is missing from {live.store.url}, though generation 2 was delivered"
    answer = agent_deploy("verify")
    assert (answer.code, answer.out, answer.err) == (
        7,
        f"{fault}\nDAMAGED: 1 workflow, 3 versions, 7 blobs, 3 releases, 2 pointers, 0 of evidence\n",
        "error: 1 fault found\n  Nothing was changed.\n"
        "  next: agent-deploy deliver --all   # publishes every head's pointer again\n",
    )
    answer = agent_deploy("verify", "--json")
    assert (answer.code, answer.document["ok"], answer.document["damaged"]) == (7, False, [fault])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE releases SET actor = 'eve' WHERE generation = 2",
        "DELETE FROM releases WHERE generation = 2",
        "UPDATE versions SET note = 'x'",
    ],
)
def test_a_damaged_log_is_never_to_be_published_over_the_pointer_that_bears_witness(
    live: Registry, agent_deploy: AgentDeploy, statement: str
) -> None:
    _sql(live, statement)
    live.store.delete(f"live/staging/{WORKFLOW}.json")
    assert "  next: restore the database from a backup" in agent_deploy("verify").err


def test_where_log_and_pointer_differ_a_third_witness_is_asked_for(live: Registry, agent_deploy: AgentDeploy) -> None:
    pointer = read_pointer(live.store, "production", WORKFLOW)
    live.store.replace(_POINTER, encode(replace(pointer, hash="sha256:" + "0" * 64)), expect=None)
    answer = agent_deploy("verify")
    assert answer.out.splitlines()[0] == _LOG_TELLS
    assert "  next: agent-deploy verify --expect-head HASH" in answer.err


def test_a_head_written_down_elsewhere_proves_that_the_log_was_not_rebuilt(
    live: Registry, agent_deploy: AgentDeploy
) -> None:
    version, *_ = agent_deploy("list", WORKFLOW, "--json").document["versions"]
    shown = agent_deploy("show", f"{WORKFLOW}@{version['version']}", "--json").document
    newest, oldest = agent_deploy("history", WORKFLOW, "--env", "production", "--json").document["releases"]
    for head, found in (
        (newest["hash"], f"generation 2 of {_PLACE}; 0 since"),
        (oldest["hash"], f"generation 1 of {_PLACE}; 1 since"),
        (shown["hash"], f"version 3 of {WORKFLOW}; 0 since"),
    ):
        answer = agent_deploy("verify", "--expect-head", head)
        assert (answer.code, answer.out.splitlines()[0]) == (0, f"expected head found: {found}")


def test_a_part_of_a_hash_proves_nothing_and_is_no_damage_either(live: Registry, agent_deploy: AgentDeploy) -> None:
    head = agent_deploy("history", WORKFLOW, "--json").document["releases"][0]["hash"]
    for part in (head[:19], "abc", head[7:]):  # the first is what the table of `history` shows
        answer = agent_deploy("verify", WORKFLOW, "--expect-head", part)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err == (
            f"error: --expect-head takes a whole hash, sha256: and 64 hex digits, not {part!r}\n"
            "  Nothing was checked.\n"
            f"  next: agent-deploy history {WORKFLOW} --json   # has the hashes whole\n"
        )


def test_a_log_rebuilt_without_a_trace_is_betrayed_by_a_head_written_down(
    live: Registry, agent_deploy: AgentDeploy
) -> None:
    head = agent_deploy("history", WORKFLOW, "--env", "production", "--json").document["releases"][0]["hash"]
    _sql(
        live,
        "DELETE FROM releases WHERE generation = 2",
        "UPDATE deliveries SET generation = 1 WHERE environment = 'production'",
    )
    live.store.delete(_POINTER)
    deliver(live, every=True)
    assert agent_deploy("verify").code == 0
    answer = agent_deploy("verify", "--expect-head", head, "--json")
    assert (answer.code, answer.document["damaged"]) == (
        7,
        [f"no chain holds {head}: a tail was cut off or rebuilt, or it is another registry's"],
    )


def test_gc_removes_what_no_version_needs_and_nothing_else(
    live: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    waste = sorted(put_blob(live.store, data) for data in (b"one", b"three"))
    stray = here / ".agent-deploy" / "blobs" / "sha256" / ".nfs0001"
    stray.write_text("not ours")
    (here / ".agent-deploy" / "readers").mkdir()
    before = _files(here)
    assert gc(live, dry_run=True) == Collected(tuple(waste), 8, 7)
    assert _files(here) == before
    answer = agent_deploy("gc", "--json")
    assert (answer.code, answer.document) == (0, {"dry_run": False, "removed": waste, "freed_bytes": 8, "kept": 7})
    assert before - _files(here) == {f".agent-deploy/{blob_key(digest)}" for digest in waste}
    assert agent_deploy("gc").out == "removed 0 blobs (0 bytes), kept 7\n"
    assert verify(live).faults == []


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_gc_names_what_it_removes(registry: Registry, agent_deploy: AgentDeploy) -> None:
    digest = put_blob(registry.store, b"waste")
    assert agent_deploy("gc", "--dry-run").out == f"would remove {digest}\nwould remove 1 blob (5 bytes), kept 0\n"
    assert agent_deploy("gc").out == f"removed {digest}\nremoved 1 blob (5 bytes), kept 0\n"


def test_gc_removes_nothing_when_it_cannot_tell_what_is_needed(live: Registry) -> None:
    put_blob(live.store, b"waste")
    _sql(live, "UPDATE versions SET manifest = '{}' WHERE number = 1")
    with pytest.raises(Damaged, match="holds other bytes"):
        gc(live)
    assert live.store.get(blob_key(digest_of(b"waste"))) is not None


def test_a_blob_that_a_register_put_and_a_gc_took_is_put_again(registry: Registry) -> None:
    source = source_of()
    for blob in (source.packed.manifest, *source.packed.blobs):
        put_blob(registry.store, blob)
    assert len(gc(registry).removed) == 3
    register(registry, source, actor="ci")
    assert verify(registry).faults == []
