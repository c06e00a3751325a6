"""Moments as people type them: `24h`, `7d` (ago), `2026-11-24`, `2026-11-24T09:30`. UTC where no zone is said."""

from __future__ import annotations

from datetime import UTC, datetime

from agent_deploy.durations import duration_of
from agent_deploy.errors import BadConfig
from registry.errors import BadInput


def moment_of(text: str, option: str, at: datetime) -> datetime:
    """The moment that was typed, seen from `at`; raises BadInput naming the option."""
    try:
        return at - duration_of(text, option)
    except BadConfig:
        pass
    except OverflowError as error:
        raise BadInput(f"{option}: {text!r} is before all time") from error
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{option}: must be a time span ago, as 24h or 7d, or a date, not {text!r}") from error
