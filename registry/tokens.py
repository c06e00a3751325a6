"""Bearer tokens on record: making one, listing them, revoking one.

A token is `adt_<id>_<secret>`, the secret 32 random bytes. Only the SHA-256 of the whole is stored. A slow hash such as
bcrypt would protect what people choose and others can guess; 256 random bits nobody can, and a fast hash keeps checking
cheap, for us and under attack alike.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from registry.errors import BadInput, NotFound
from registry.models import Token
from registry.names import nearest
from registry.tables import tokens
from registry.times import from_text, to_text

SCOPES = ("ingest", "metrics")

_ID_BYTES, _SECRET_BYTES = 5, 32
_WRITTEN = re.compile(r"adt_([0-9a-f]{10})_[0-9a-f]{64}")
_LONGEST_NAME = 200


def create_token(
    connection: sa.Connection,
    *,
    scope: str,
    name: str,
    actor: str,
    at: datetime,
    expires_at: datetime | None = None,
    random_hex: Callable[[int], str] = secrets.token_hex,
) -> tuple[Token, str]:
    """Record a new token; it, and its text, which cannot be had again.

    Raises BadInput for a scope that there is none of, a name that is too long and an end that is past.
    """
    _check(scope, name, at, expires_at)
    number = random_hex(_ID_BYTES)
    written = f"adt_{number}_{random_hex(_SECRET_BYTES)}"
    token = Token(f"tok-{number}", scope, name, token_hash(written), actor, at, expires_at)
    record = {
        **{key: getattr(token, key) for key in ("id", "scope", "name", "hash", "actor", "revoked_by")},
        "created_at": to_text(at),
        "expires_at": to_text(expires_at) if expires_at else None,
    }
    connection.execute(sa.insert(tokens).values(record))
    return token, written


def list_tokens(connection: sa.Connection) -> list[Token]:
    """Every token ever made, the newest first."""
    rows = connection.execute(sa.select(tokens).order_by(tokens.c.created_at.desc(), tokens.c.id)).mappings()
    return [_token(dict(row)) for row in rows]


def revoke_token(connection: sa.Connection, token_id: str, *, actor: str, at: datetime) -> Token:
    """Record that the token is good no longer. One revoked before stays as it was. Raises NotFound."""
    known = {token.id: token for token in list_tokens(connection)}
    if token_id not in known:
        raise NotFound(
            f"there is no token {token_id!r}{nearest(token_id, known)}",
            unchanged="Nothing was revoked.",
            next_command="agent-deploy token list",
        )
    first = tokens.update().where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
    connection.execute(first.values(revoked_at=to_text(at), revoked_by=actor))
    row = connection.execute(sa.select(tokens).where(tokens.c.id == token_id)).mappings().one()
    return _token(dict(row))


def token_hash(written: str) -> str:
    """What is stored of a token."""
    return sha256(written.encode()).hexdigest()


def token_id_of(written: str) -> str | None:
    """The id that a token's text names; None for what is no token's text."""
    match = _WRITTEN.fullmatch(written)
    return f"tok-{match[1]}" if match else None


def _check(scope: str, name: str, at: datetime, expires_at: datetime | None) -> None:
    unchanged = "No token was made."
    if scope not in SCOPES:
        raise BadInput(f"scope {scope!r} is none of {', '.join(SCOPES)}{nearest(scope, SCOPES)}", unchanged=unchanged)
    if len(name) > _LONGEST_NAME:
        raise BadInput(f"a token's name has at most {_LONGEST_NAME} characters, not {len(name)}", unchanged=unchanged)
    if expires_at is not None and expires_at <= at:
        raise BadInput(f"a token that expires at {to_text(expires_at)} is never good", unchanged=unchanged)


def _token(row: Mapping[str, Any]) -> Token:
    moments = {key: from_text(row[key]) if row[key] else None for key in ("created_at", "expires_at", "revoked_at")}
    return Token(**{**row, **moments})
