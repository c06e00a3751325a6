"""Trace files are read in every form that the Collector writes, and damaged ones as far as they go."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Callable

import pytest
import zstandard

from agent_deploy.telemetry.reading import read_export
from agent_deploy.telemetry.reading.files import Fault, Message, messages_of
from tests.telemetry.otlp import Sent, line, protobuf, span_id

ONE, TWO = Sent(1), Sent(2)
LINES = line(ONE) + line(TWO)


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def frames(*messages: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(message)) + message for message in messages)


def spans(data: bytes) -> list[str]:
    found = []
    for message in messages_of(io.BytesIO(data)):
        assert isinstance(message, Message), message
        found += [span.span_id for span in read_export(message.data, message.content_type)]
    return found


def faults(data: bytes, largest_bytes: int = 1_000_000) -> list[tuple[int, str]]:
    found = messages_of(io.BytesIO(data), largest_bytes)
    return [(one.line, one.message if isinstance(one, Fault) else "good") for one in found]


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(LINES, id="json"),
        pytest.param(LINES.rstrip(b"\n"), id="json-without-a-last-newline"),
        pytest.param(LINES.replace(b"\n", b"\r\n\r\n"), id="json-with-blank-lines"),
        pytest.param(gzip.compress(line(ONE)) + gzip.compress(line(TWO)), id="json-gzip"),
        pytest.param(zstd(line(ONE)) + zstd(line(TWO)), id="json-zstd-as-a-whole"),
        pytest.param(frames(zstd(line(ONE).strip()), zstd(line(TWO).strip())), id="json-zstd-by-frame"),
        pytest.param(frames(protobuf(ONE), protobuf(TWO)), id="proto"),
        pytest.param(frames(zstd(protobuf(ONE)), zstd(protobuf(TWO))), id="proto-zstd-by-frame"),
        pytest.param(zstd(frames(protobuf(ONE), protobuf(TWO))), id="proto-zstd-as-a-whole"),
        pytest.param(gzip.compress(zstd(LINES)), id="rotated-and-then-gzipped"),
    ],
)
def test_every_form_gives_the_same_spans(written: bytes) -> None:
    assert spans(written) == [span_id(1), span_id(2)]


def test_an_empty_file_has_nothing() -> None:
    assert [list(messages_of(io.BytesIO(data))) for data in (b"", gzip.compress(b""), zstd(b""), b"\n\n")] == [[]] * 4


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (frames(protobuf(ONE)) + b"\x00\x00", [(1, "good"), (2, "the file ends within a frame")]),
        (frames(protobuf(ONE), protobuf(TWO))[:-1], [(1, "good"), (2, "the file ends within a frame")]),
        (frames(protobuf(ONE)) + b"\xff\xff\xff\xff...", [
            (1, "good"),
            (2, "a frame of 4,294,967,295 bytes, at most 1,000,000 are read; the rest is passed over"),
        ]),
    ],
)  # fmt: skip
def test_a_file_that_breaks_off_is_read_up_to_there(written: bytes, expected: list[tuple[int, str]]) -> None:
    assert faults(written) == expected


def _cut(data: bytes) -> bytes:
    return data[:-12]


def _flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [_cut, _flip])
@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_a_damaged_archive_is_a_fault_and_no_crash(
    compress: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]
) -> None:
    lines = b"".join(line(Sent(number)) for number in range(1, 2000))
    found = list(messages_of(io.BytesIO(damage(compress(lines)))))
    assert len([one for one in found if isinstance(one, Message)]) < 2000
    if compress is gzip.compress:  # zstd says nothing of a missing end; the torn line it leaves is no JSON
        assert isinstance(found[-1], Fault)


def test_one_damaged_frame_does_not_take_the_others_with_it() -> None:
    bad = bytearray(zstd(protobuf(ONE)))
    bad[6:12] = b"\xff" * 6
    found = faults(frames(bytes(bad), zstd(protobuf(TWO))))
    assert found[0][1].startswith("cannot be decompressed")
    assert found[1] == (2, "good")


def test_an_overlong_line_is_passed_over_and_the_next_one_read() -> None:
    assert faults(b'{"x": "' + b"a" * 5000 + b'"}\n' + line(ONE), largest_bytes=1000) == [
        (1, "longer than 1,000 bytes"),
        (2, "good"),
    ]


def test_a_frame_that_unpacks_to_too_much_is_refused_without_unpacking_it_all() -> None:
    bomb = zstd(b"{" + b" " * 50_000_000)
    assert len(bomb) < 10_000
    assert faults(frames(bomb)) == [(1, "longer than 1,000,000 bytes")]
