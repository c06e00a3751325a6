"""token revoke: a bearer token is good no longer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from registry.models import Token
from registry.registry import Registry
from registry.times import now
from registry.tokens import revoke_token


def revoke(registry: Registry, token_id: str, *, actor: str, clock: Callable[[], datetime] = now) -> Token:
    """Record the revocation; servers know of it within five seconds. Raises NotFound."""
    with registry.database.write() as connection:
        return revoke_token(connection, token_id, actor=actor, at=clock())
