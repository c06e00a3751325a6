"""How a token is told, without its secret."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry.models import Token


def document(token: Token) -> dict[str, Any]:
    """The token as JSON."""
    return {
        "id": token.id,
        "scope": token.scope,
        "name": token.name,
        "actor": token.actor,
        "created_at": _text(token.created_at),
        "expires_at": _text(token.expires_at),
        "revoked_at": _text(token.revoked_at),
        "revoked_by": token.revoked_by,
    }


def state(token: Token, at: datetime) -> str:
    """`good`, `expired` or `revoked`."""
    if token.revoked_at is not None:
        return "revoked"
    return "good" if token.is_good(at) else "expired"


def _text(at: datetime | None) -> str | None:
    from registry.times import to_text

    return None if at is None else to_text(at)
