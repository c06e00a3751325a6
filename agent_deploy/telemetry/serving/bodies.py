"""A request's body: in which form it comes, and its bytes without compression, never more than allowed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from agent_deploy.telemetry.reading.export import JSON, PROTOBUF
from agent_deploy.telemetry.serving.refusal import Refusal

_GZIP_WINDOW = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Form:
    """How a body is written. content_type: PROTOBUF or JSON. gzip: whether it is compressed."""

    content_type: str
    gzip: bool


def form_of(headers: Mapping[str, str]) -> Form:
    """What the headers say of the body. Raises Refusal (415) for what is not read here.

    OTLP/HTTP asks servers for gzip and for none; whatever else may be a bomb of a kind that nobody guards against.
    """
    said = headers.get("content-type", "")
    content_type = said.partition(";")[0].strip().lower()
    if content_type not in (PROTOBUF, JSON):
        raise Refusal(415, f"content type {said!r} is not read: send {PROTOBUF} or {JSON}")
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise Refusal(415, f"content encoding {encoding!r} is not read: send gzip, or no compression")
    return Form(content_type, encoding == "gzip")


def plain(body: bytes, form: Form, most: int) -> bytes:
    """The body without its compression. Raises Refusal: 413 for more than `most` bytes, 400 for broken gzip.

    Never holds more than `most` bytes and one, whatever the body would unpack to.
    """
    if not form.gzip:
        return body
    parts: list[bytes] = []
    room = most + 1
    try:
        while body:  # gzip may consist of several members, one behind the other (RFC 1952, 2.2)
            member = zlib.decompressobj(_GZIP_WINDOW)
            parts.append(member.decompress(body, room))
            room -= len(parts[-1])
            if room <= 0:
                raise too_large(most, "unpacked")
            if not member.eof:
                raise Refusal(400, "the gzip body is cut off")
            body = member.unused_data
    except zlib.error as error:
        raise Refusal(400, f"the body is no gzip: {error}") from error
    return b"".join(parts)


def too_large(most: int, when: str) -> Refusal:
    """The refusal of a body that is too large as it came (`packed`) or after decompression."""
    return Refusal(413, f"the body has more than {most:,} bytes {when}; send fewer spans at once")
