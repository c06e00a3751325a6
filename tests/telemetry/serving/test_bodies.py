"""A body is read in the forms of OTLP/HTTP alone, and never unpacks to more than is allowed."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from agent_deploy.telemetry.serving.bodies import Form, form_of, plain
from agent_deploy.telemetry.serving.refusal import Refusal

PROTOBUF, JSON = "application/x-protobuf", "application/json"
MOST = 1000
PACKED = Form(JSON, gzip=True)


def _refused(body: bytes, form: Form = PACKED, most: int = MOST) -> tuple[int, str]:
    with pytest.raises(Refusal) as raised:
        plain(body, form, most)
    return raised.value.status, raised.value.message


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({"content-type": PROTOBUF}, Form(PROTOBUF, gzip=False)),
        ({"content-type": "Application/JSON; charset=utf-8"}, Form(JSON, gzip=False)),
        ({"content-type": JSON, "content-encoding": "identity"}, Form(JSON, gzip=False)),
        ({"content-type": PROTOBUF, "content-encoding": "GZIP"}, Form(PROTOBUF, gzip=True)),
    ],
)
def test_the_forms_that_are_read(headers: dict[str, str], form: Form) -> None:
    assert form_of(headers) == form


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "content type '' is not read: send application/x-protobuf or application/json"),
        (
            {"content-type": "text/plain"},
            "content type 'text/plain' is not read: send application/x-protobuf or application/json",
        ),
        (
            {"content-type": JSON, "content-encoding": "deflate"},
            "content encoding 'deflate' is not read: send gzip, or no compression",
        ),
        (
            {"content-type": JSON, "content-encoding": "gzip, gzip"},
            "content encoding 'gzip, gzip' is not read: send gzip, or no compression",
        ),
    ],
)
def test_every_other_form_is_refused(headers: dict[str, str], message: str) -> None:
    with pytest.raises(Refusal) as raised:
        form_of(headers)
    assert (raised.value.status, raised.value.message) == (415, message)


def test_gzip_is_unpacked_whatever_the_number_of_its_members() -> None:
    assert plain(gzip.compress(b"one "), PACKED, MOST) == b"one "
    assert plain(gzip.compress(b"one ") + gzip.compress(b"two"), PACKED, MOST) == b"one two"
    assert plain(b"as it is", Form(JSON, gzip=False), MOST) == b"as it is"


def test_exactly_as_much_as_is_allowed_is_taken_and_one_byte_more_is_not() -> None:
    assert len(plain(gzip.compress(bytes(MOST)), PACKED, MOST)) == MOST
    message = "the body has more than 1,000 bytes unpacked; send fewer spans at once"
    assert _refused(gzip.compress(bytes(MOST + 1))) == (413, message)
    assert _refused(gzip.compress(bytes(600)) + gzip.compress(bytes(600))) == (413, message)


def test_a_bomb_is_refused_without_ever_being_unpacked() -> None:
    bomb = gzip.compress(bytes(200 * 1024 * 1024))
    tracemalloc.start()
    try:
        assert _refused(bomb, most=1024 * 1024)[0] == 413
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def test_broken_gzip_is_refused_as_such() -> None:
    whole = gzip.compress(b"some spans")
    assert _refused(whole[:-4]) == (400, "the gzip body is cut off")
    status, message = _refused(b"no gzip at all")
    assert (status, message.startswith("the body is no gzip: ")) == (400, True)
    assert _refused(whole + b"rubbish")[0] == 400
