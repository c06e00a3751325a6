"""Moments as the registry writes them: RFC 3339, UTC, microseconds, so that text sorts as time and hashes the same."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """`2026-11-23T22:55:00.000000Z`; refuses a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_text(text: str) -> datetime:
    """The aware datetime that `to_text` wrote; raises ValueError on anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is out of range") from error
