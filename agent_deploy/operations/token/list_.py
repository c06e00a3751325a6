"""token list: every bearer token on record."""

from __future__ import annotations

from registry.models import Token
from registry.registry import Registry
from registry.tokens import list_tokens


def list_(registry: Registry) -> list[Token]:
    """All of them, revoked and expired ones too, the newest first."""
    with registry.database.read() as connection:
        return list_tokens(connection)
