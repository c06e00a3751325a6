"""Bearer tokens on record: only a hash is kept, and a revocation stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from registry.database import Database
from registry.errors import BadInput, NotFound
from registry.models import Token
from registry.tokens import create_token, list_tokens, revoke_token, token_hash, token_id_of

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def _create(database: Database, scope: str = "ingest", at: datetime = AT, **more: Any) -> tuple[Token, str]:
    with database.write() as connection:
        return create_token(connection, scope=scope, actor="ann", at=at, **{"name": "", **more})


def _list(database: Database) -> list[Token]:
    with database.read() as connection:
        return list_tokens(connection)


def test_a_token_is_on_record_by_the_hash_of_its_text_alone(database: Database) -> None:
    token, written = _create(database, name="support-desk", expires_at=AT + DAY)
    number = written.split("_")[1]
    assert token == Token(
        f"tok-{number}", "ingest", "support-desk", sha256(written.encode()).hexdigest(), "ann", AT, AT + DAY
    )
    assert (_list(database), token_id_of(written), token_hash(written)) == ([token], token.id, token.hash)
    secret = written.split("_")[2]
    with database.read() as connection:
        stored = connection.exec_driver_sql("SELECT * FROM tokens").one()
    assert len(secret) == 64
    assert all(secret not in str(value) for value in stored)


def test_tokens_are_all_different_and_listed_the_newest_first(database: Database) -> None:
    made = [_create(database, scope, AT + number * DAY) for number, scope in enumerate(["ingest", "metrics", "ingest"])]
    assert len({written for _, written in made}) == 3
    assert _list(database) == [token for token, _ in reversed(made)]


def test_a_revocation_says_who_and_when_and_the_first_one_stays(database: Database) -> None:
    token, _ = _create(database)
    for actor, at in (("bob", AT + DAY), ("eve", AT + 2 * DAY)):
        with database.write() as connection:
            revoked = revoke_token(connection, token.id, actor=actor, at=at)
        assert (revoked.revoked_by, revoked.revoked_at) == ("bob", AT + DAY)
    assert _list(database) == [revoked]


def test_a_token_is_good_until_it_expires_or_is_revoked(database: Database) -> None:
    token, _ = _create(database, expires_at=AT + DAY)
    assert [token.is_good(AT + hours * timedelta(hours=1)) for hours in (0, 23, 24)] == [True, True, False]
    with database.write() as connection:
        revoked = revoke_token(connection, token.id, actor="bob", at=AT)
    assert not revoked.is_good(AT)


def test_an_unknown_token_cannot_be_revoked_and_the_nearest_is_named(database: Database) -> None:
    token, _ = _create(database)
    with pytest.raises(NotFound) as raised, database.write() as connection:
        revoke_token(connection, token.id[:-1], actor="bob", at=AT)
    assert raised.value.message == f"there is no token '{token.id[:-1]}'; did you mean '{token.id}'?"
    assert raised.value.next_command == "agent-deploy token list"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"scope": "ingst"}, "scope 'ingst' is none of ingest, metrics; did you mean 'ingest'?"),
        ({"name": "x" * 201}, "a token's name has at most 200 characters, not 201"),
        ({"expires_at": AT}, "a token that expires at 2026-11-24T09:00:00.000000Z is never good"),
    ],
)
def test_what_could_never_be_used_is_not_made(database: Database, more: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as raised:
        _create(database, **more)
    assert (raised.value.message, _list(database)) == (message, [])


@pytest.mark.parametrize("written", ["", "adt_", "adt_3fa2c1d0e9_12", "tok-3fa2c1d0e9", "adt_3FA2C1D0E9_" + "0" * 64])
def test_other_text_names_no_token(written: str) -> None:
    assert token_id_of(written) is None
