"""The pointer as text: what it says, and that nothing but a whole one is taken for one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import Damaged
from registry.models import Pointer, Release, Target
from registry.pointers import decode, encode, pointer_key, pointer_of

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_POINTER = Pointer(
    workflow="support-triage", environment="production", generation=7, version=3, tag="1.2.0",
    digest="sha256:" + "ab" * 32, kind="rollback", released_at=_NOON, hash="sha256:" + "cd" * 32,
)  # fmt: skip
_DRILL = Pointer(
    **{name: getattr(_POINTER, name) for name in Pointer.__slots__ if not name.startswith("revert")},
    revert_to=Target(2, "1.1.0", "sha256:" + "ef" * 32),
    revert_at=_NOON + timedelta(minutes=10),
)


def test_a_pointer_reads_well_on_a_terminal() -> None:
    assert encode(_POINTER).decode() == (
        '{\n  "workflow": "support-triage",\n  "environment": "production",\n  "generation": 7,\n  "version": 3,\n'
        f'  "tag": "1.2.0",\n  "digest": "{_POINTER.digest}",\n  "kind": "rollback",\n'
        f'  "released_at": "2026-11-23T12:00:00.000000Z",\n  "hash": "{_POINTER.hash}"\n}}\n'
    )


def test_a_drills_pointer_says_where_and_when_readers_go_back() -> None:
    document = json.loads(encode(_DRILL))
    assert document.pop("revert_to") == {"version": 2, "tag": "1.1.0", "digest": "sha256:" + "ef" * 32}
    assert document.pop("revert_at") == "2026-11-23T12:10:00.000000Z"
    assert document == json.loads(encode(_POINTER))


def test_a_pointer_lies_under_its_environment_and_workflow() -> None:
    assert pointer_key("production", "support-triage") == "live/production/support-triage.json"


def test_a_release_is_announced_with_all_that_readers_need() -> None:
    release = Release(
        workflow="support-triage", environment="production", generation=7, version=3, tag="1.2.0",
        digest=_POINTER.digest, kind="rollback", actor="ann", reason="misroutes", released_at=_NOON,
        previous_version=4, override_hold=False, previous_hash="sha256:00", hash=_POINTER.hash,
    )  # fmt: skip
    assert pointer_of(release) == _POINTER


_TEXTS = st.text(max_size=30)
_POSITIVE = st.integers(1, 2**40)
_MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
_TARGETS = st.builds(Target, _POSITIVE, _TEXTS, _TEXTS)


@settings(deadline=None)  # the machine may be busy
@given(
    pointer=st.builds(
        Pointer, workflow=_TEXTS, environment=_TEXTS, generation=_POSITIVE, version=_POSITIVE, tag=_TEXTS,
        digest=_TEXTS, kind=st.sampled_from(["promote", "rollback", "restore"]), released_at=_MOMENTS, hash=_TEXTS,
    ),
    revert=st.none() | st.tuples(_TARGETS, _MOMENTS),
)  # fmt: skip
def test_what_is_encoded_is_decoded_to_the_same(pointer: Pointer, revert: tuple[Target, datetime] | None) -> None:
    plain = {name: getattr(pointer, name) for name in Pointer.__slots__}
    whole = Pointer(**plain | ({"revert_to": revert[0], "revert_at": revert[1]} if revert else {}))
    assert decode(encode(whole), "pointer") == whole


@settings(deadline=None)  # the machine may be busy
@given(length=st.integers(0, len(encode(_POINTER)) - 3))
def test_no_beginning_of_a_pointer_is_taken_for_a_whole_one(length: int) -> None:
    with pytest.raises(Damaged):
        decode(encode(_POINTER)[:length], "pointer")


def _changed(**changes: Any) -> bytes:
    document = json.loads(encode(_POINTER)) | changes
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


DAMAGED = {
    "not text": (b"\xff\xff", "UnicodeDecodeError: "),
    "no object": (b"[]", "AttributeError: "),
    "a number": (b"7", "AttributeError: "),
    "no hash": (_changed(hash=None), "KeyError: 'hash'"),
    "generation zero": (_changed(generation=0), "ValueError: 0 is not a positive whole number"),
    "a generation below zero": (_changed(generation=-1), "ValueError: -1 is not a positive whole number"),
    "a generation as text": (_changed(generation="7"), "ValueError: '7' is not a positive whole number"),
    "a generation that is true": (_changed(generation=True), "ValueError: True is not a positive whole number"),
    "half a version": (_changed(version=1.5), "ValueError: 1.5 is not a positive whole number"),
    "a moment without a zone": (_changed(released_at="2026-11-23T12:00:00"), "ValueError: "),
    "a moment out of range": (_changed(released_at="9999-12-31T23:59:59-12:00"), "ValueError: "),
    "a moment that is a number": (_changed(released_at=7), "TypeError: "),
    "no moment to go back at": (_changed(revert_to={"version": 2, "tag": "x", "digest": "y"}), "KeyError: 'revert_at'"),
    "nowhere to go back to": (_changed(revert_to="1.0.0", revert_at="2026-11-23T12:00:00Z"), "TypeError: "),
}


@pytest.mark.parametrize(("data", "reason"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_pointer_is_refused_by_its_name(data: bytes, reason: str) -> None:
    with pytest.raises(Damaged) as refused:
        decode(data, "live/production/support-triage.json in /srv")
    expected = f"live/production/support-triage.json in /srv is not a whole pointer ({reason}"
    assert refused.value.message.startswith(expected)


def test_what_a_later_version_may_add_is_passed_over() -> None:
    assert decode(_changed(added_later="x"), "pointer") == _POINTER
