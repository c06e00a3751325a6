"""Trace files as the Collector's file exporter writes them (opentelemetry-collector-contrib, exporter/fileexporter).

A line of JSON for each export; or, with `format: proto` and with its first kind of compression, frames: the length in
four bytes, big-endian, then the export, JSON or protobuf, itself compressed with zstd or not. Either kind of file may
also be compressed as a whole, with zstd (the exporter's second kind) or gzip.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, cast

from agent_deploy.telemetry.reading.export import JSON, PROTOBUF

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_LENGTH_BYTES = 4
_MOST_LAYERS = 2  # compressed twice may be an accident
LARGEST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """One export. line: its number in the file, from 1; in a file of frames, the frame's."""

    line: int
    data: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What could not be read, and why."""

    line: int
    message: str


def messages_of(stream: IO[bytes], largest_bytes: int = LARGEST_BYTES) -> Iterator[Message | Fault]:
    """The exports of a file, one at a time in memory. Faults are told in their place; raises OSError alone."""
    line = 0
    try:
        opened = _decompressed(stream)
        # A frame begins with a length below 64 MiB, a line with a brace.
        framed = b"" < _first(opened)[:1] <= b"\x04"
        for found in _frames(opened, largest_bytes) if framed else _lines(opened, largest_bytes):
            line = found.line
            yield found
    except _broken() as error:
        yield Fault(line + 1, f"the rest cannot be decompressed: {error}")


def _broken() -> tuple[type[Exception], ...]:
    """What decompressing raises. Asked for only once something was raised."""
    import zstandard

    return EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError


def _decompressed(stream: IO[bytes]) -> io.BufferedReader:
    opened = _buffered(stream)
    for _ in range(_MOST_LAYERS):
        first = _first(opened)
        if first.startswith(_GZIP):
            opened = _buffered(gzip.GzipFile(fileobj=opened))
        elif first.startswith(_ZSTD):
            import zstandard

            opened = _buffered(zstandard.ZstdDecompressor().stream_reader(opened, read_across_frames=True))
    return opened


def _buffered(stream: object) -> io.BufferedReader:
    return io.BufferedReader(cast(io.RawIOBase, stream))


def _first(opened: io.BufferedReader) -> bytes:
    return opened.peek(_LENGTH_BYTES)[:_LENGTH_BYTES]


def _lines(opened: io.BufferedReader, largest_bytes: int) -> Iterator[Message | Fault]:
    line = 0
    while data := opened.readline(largest_bytes + 1):
        line += 1
        if len(data) > largest_bytes:
            yield Fault(line, f"longer than {largest_bytes:,} bytes")
            _skip_line(opened, largest_bytes)
        elif data.strip():
            yield Message(line, data, JSON)


def _skip_line(opened: io.BufferedReader, largest_bytes: int) -> None:
    while (data := opened.readline(largest_bytes)) and not data.endswith(b"\n"):
        pass


def _frames(opened: io.BufferedReader, largest_bytes: int) -> Iterator[Message | Fault]:
    line = 0
    while prefix := opened.read(_LENGTH_BYTES):
        line += 1
        length = int.from_bytes(prefix, "big")
        if len(prefix) == _LENGTH_BYTES and length > largest_bytes:
            yield Fault(
                line, f"a frame of {length:,} bytes, at most {largest_bytes:,} are read; the rest is passed over"
            )
            return
        data = opened.read(length)
        if len(prefix) < _LENGTH_BYTES or len(data) < length:
            yield Fault(line, "the file ends within a frame")
            return
        yield _unpacked(line, data, largest_bytes)


def _unpacked(line: int, data: bytes, largest_bytes: int) -> Message | Fault:
    if data.startswith(_ZSTD):
        import zstandard

        try:
            # Read as a stream, for a frame's header may claim any size.
            with zstandard.ZstdDecompressor().stream_reader(data) as reader:
                data = reader.read(largest_bytes + 1)
        except zstandard.ZstdError as error:
            return Fault(line, f"cannot be decompressed: {error}")
    if len(data) > largest_bytes:
        return Fault(line, f"longer than {largest_bytes:,} bytes")
    return Message(line, data, JSON if data.lstrip().startswith(b"{") else PROTOBUF)
