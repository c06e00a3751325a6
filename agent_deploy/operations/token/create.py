"""token create: a new bearer token for the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from registry.models import Token
from registry.registry import Registry
from registry.times import now
from registry.tokens import create_token


def create(
    registry: Registry,
    scope: str,
    *,
    actor: str,
    name: str = "",
    expires_in: timedelta | None = None,
    clock: Callable[[], datetime] = now,
) -> tuple[Token, str]:
    """Record a new token; it, and its text, which is nowhere else. Raises BadInput."""
    at = clock()
    with registry.database.write() as connection:
        return create_token(
            connection,
            scope=scope,
            name=name,
            actor=actor,
            at=at,
            expires_at=at + expires_in if expires_in is not None else None,
        )
