"""S3 that refuses, forgets or falls silent: before the commit nothing moves, after it nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_deploy.operations.promote import promote
from registry.registry import Registry
from registry.stores.s3 import S3Store
from tests.builders import WORKFLOW, add_version, open_registry, write_bundle
from tests.commands import call
from tests.conftest import UseS3
from tests.faults.s3_proxy import Fault, FaultyS3, faulty_s3
from tests.faults.states import look
from tests.servers import S3Server

pytestmark = pytest.mark.slow

POINTER = f"live/production/{WORKFLOW}.json"
BLOBS = "blobs/sha256/"
PROMOTE = ("promote", WORKFLOW, "--version", "2", "--json")
ROLLBACK = ("rollback", WORKFLOW, "--to-version", "1", "--json")


@pytest.fixture
def s3(ministack: S3Server) -> Iterator[FaultyS3]:
    """An endpoint that fails when told to."""
    with faulty_s3(ministack) as proxy:
        yield proxy


@pytest.fixture
def registry(s3: FaultyS3, use_s3: UseS3, tmp_path: Path) -> Registry:
    """Two versions in a bucket, the first of them live."""
    registry = open_registry(tmp_path, store=use_s3(s3.server))
    for number in (1, 2):
        add_version(registry, number)
    assert call(registry, "promote", WORKFLOW, "--version", "1").code == 0
    return registry


def _is_told_as_delivered(registry: Registry) -> bool:
    (live,) = call(registry, "status", WORKFLOW, "--json").document["workflows"][0]["environments"]
    return bool(live["delivered"])


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (PROMOTE, Fault("", POINTER)),
        (PROMOTE, Fault("GET", POINTER, 403, "AccessDenied")),
        (PROMOTE, Fault("PUT", POINTER, 404, "NoSuchBucket")),
        (PROMOTE, Fault("PUT", POINTER, 503, "SlowDown")),
        (ROLLBACK, Fault("", POINTER)),
        (ROLLBACK, Fault("PUT", POINTER, 403, "AccessDenied")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value.code or "no answer",
)
def test_a_store_away_after_the_commit_is_exit_6_and_deliver_finishes_it(
    registry: Registry, s3: FaultyS3, words: tuple[str, ...], fault: Fault
) -> None:
    if words == ROLLBACK:
        assert call(registry, *PROMOTE).code == 0
    before = look(registry)
    s3.faults = [replace(fault)]
    answer = call(registry, *words)
    assert (answer.code, answer.document["changed"], answer.document["delivered"]) == (6, True, False)
    assert f"not delivered: {registry.store.url}: " in answer.err
    assert f" {POINTER}: " in answer.err
    assert "The release is recorded; readers still serve what they served." in answer.err
    assert "next: agent-deploy deliver" in answer.err
    s3.heal()
    after = look(registry)
    assert (len(after.releases), after.pointer) == (len(before.releases) + 1, before.pointer)
    assert not _is_told_as_delivered(registry)
    assert call(registry, "deliver").code == 0
    assert _is_told_as_delivered(registry)
    assert look(registry).settled


def test_deliver_to_a_store_still_away_is_exit_6_and_keeps_the_release(registry: Registry, s3: FaultyS3) -> None:
    s3.faults = [Fault("PUT", POINTER, 403, "AccessDenied")]
    assert call(registry, *PROMOTE).code == 6
    answer = call(registry, "deliver", "--json")
    assert (answer.code, answer.document["delivered"]) == (6, [])
    assert answer.document["failed"][0]["generation"] == 2
    assert f"{WORKFLOW}@2 to production, generation 2 is not delivered: {registry.store.url}: " in answer.err
    assert "It stays recorded." in answer.err
    s3.heal()
    assert call(registry, *PROMOTE).document["delivered"] is True
    assert look(registry).settled


@pytest.mark.parametrize(
    ("fault", "code", "what"),
    [
        (Fault("", BLOBS), 1, "cannot be checked"),
        (Fault("GET", BLOBS, 403, "AccessDenied"), 1, "AccessDenied on GetObject blobs/"),
        (Fault("GET", BLOBS, 404, "NoSuchBucket"), 1, "does not exist"),
        (Fault("GET", BLOBS, 404, "NoSuchKey"), 7, "is not whole"),
        (Fault("GET", BLOBS, 503, "SlowDown"), 1, "SlowDown on GetObject blobs/"),
    ],
    ids=["no answer", "403", "404 bucket", "404 key", "503"],
)
def test_a_store_away_before_anything_moved_refuses_the_promote(
    registry: Registry, s3: FaultyS3, fault: Fault, code: int, what: str
) -> None:
    before = look(registry)
    s3.faults = [replace(fault)]
    answer = call(registry, *PROMOTE)
    assert answer.code == code
    assert answer.err.startswith(f"error: {WORKFLOW}@2 ")
    assert what in answer.err
    assert "Nothing was moved." in answer.err
    assert f"next: agent-deploy {'doctor' if code == 1 else f'verify {WORKFLOW}'}" in answer.err
    s3.heal()
    assert look(registry) == before
    assert call(registry, *PROMOTE).code == 0


@pytest.mark.parametrize(
    "fault", [Fault("PUT", BLOBS, 403, "AccessDenied"), Fault("PUT", BLOBS, 404, "NoSuchBucket")], ids=["403", "404"]
)
def test_a_store_that_takes_no_blobs_refuses_the_register(
    registry: Registry, s3: FaultyS3, tmp_path: Path, fault: Fault
) -> None:
    words = ("register", str(write_bundle(tmp_path / "bundle")))
    before = look(registry)
    s3.faults = [replace(fault)]
    answer = call(registry, *words)
    assert answer.code == 1
    assert f"{registry.store.url}: {fault.code} on PutObject blobs/" in answer.err
    assert "Nothing was registered." in answer.err
    assert "next: agent-deploy doctor" in answer.err
    s3.heal()
    assert look(registry) == before
    assert call(registry, *words).code == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT", POINTER, 409, "ConditionalRequestConflict", times=2),
        Fault("PUT", POINTER, 412, "PreconditionFailed", times=1),
        Fault("PUT", POINTER, 503, "SlowDown", times=2),
        Fault("PUT", POINTER, 404, "NoSuchKey", times=1),
        Fault("PUT", POINTER, times=1),
        Fault("PUT", POINTER, times=1, done=True),
    ],
    ids=["409", "412", "503", "404", "no answer", "answer lost"],
)
def test_a_passing_fault_is_outlasted_unseen(registry: Registry, s3: FaultyS3, fault: Fault) -> None:
    s3.faults = [replace(fault)]
    answer = call(registry, *PROMOTE)
    assert s3.faults[0].times == 0
    assert (answer.code, answer.document["delivered"], answer.err) == (0, True, "")
    assert look(registry).settled


def test_a_store_that_falls_silent_after_the_commit_is_given_up_in_time(registry: Registry, s3: FaultyS3) -> None:
    bucket, _, prefix = registry.store.url.removeprefix("s3://").partition("/")
    impatient = Registry(registry.database, S3Store(bucket, prefix, read_timeout_s=0.2, attempts=2))
    s3.faults = [Fault("PUT", POINTER, silent=True, done=True)]
    move = promote(impatient, WORKFLOW, "2", "production", actor="ci")
    assert "ReadTimeoutError on PutObject" in move.not_delivered
    s3.heal()
    assert look(registry).pointer == (2, 2)  # it had got there; nobody knew
    assert call(registry, "deliver").code == 0
    assert look(registry).settled
