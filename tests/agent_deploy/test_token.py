"""token: a secret shown once, a list without it, and a revocation on record."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent_deploy.cli.token import command
from agent_deploy.errors import BadConfig
from registry.errors import NotFound
from registry.registry import Registry
from registry.tokens import list_tokens, token_hash, token_id_of


def _token(*words: str) -> Result:
    return CliRunner().invoke(command, words)


def test_a_token_alone_goes_to_stdout_and_all_else_is_said_on_stderr(registry: Registry) -> None:
    done = _token("create", "--scope", "ingest", "--name", "support-desk")
    written = done.stdout.strip()
    assert (done.exit_code, done.stdout) == (0, f"{written}\n")
    assert done.stderr == (
        f"{token_id_of(written)}, for ingest, good until it is revoked. Keep it now: it is not shown again.\n"
    )
    with registry.database.read() as connection:
        (token,) = list_tokens(connection)
    assert (token.hash, token.name, token.actor) == (token_hash(written), "support-desk", "ann")


def test_a_token_may_expire(registry: Registry) -> None:
    document = json.loads(_token("create", "--scope", "metrics", "--expires", "90d", "--json").stdout)
    with registry.database.read() as connection:
        (token,) = list_tokens(connection)
    assert token.expires_at is not None
    assert (token.expires_at - token.created_at).days == 90
    assert document["expires_at"] > document["created_at"]
    assert token_id_of(document["token"]) == document["id"] == token.id
    assert sorted(document) == [
        "actor", "created_at", "expires_at", "id", "name", "revoked_at", "revoked_by", "scope", "token",
    ]  # fmt: skip


def test_a_span_that_is_none_is_refused_and_no_token_is_made(registry: Registry) -> None:
    error = _token("create", "--scope", "ingest", "--expires", "soon").exception
    assert isinstance(error, BadConfig)
    assert error.message.startswith("--expires: must be a duration such as '90s'")
    with registry.database.read() as connection:
        assert list_tokens(connection) == []


def test_the_list_shows_every_token_and_no_secret(registry: Registry) -> None:
    assert _token("list").stdout == "there are no tokens yet\n"
    first = _token("create", "--scope", "ingest", "--name", "desk").stdout.strip()
    second = _token("create", "--scope", "metrics").stdout.strip()
    revoked = _token("revoke", str(token_id_of(first)))
    assert re.fullmatch(rf"{token_id_of(first)} was revoked \S+ \S+Z by ann\n", revoked.stdout)
    listed = _token("list").stdout
    assert [line.split()[:3] for line in listed.splitlines()] == [
        ["TOKEN", "SCOPE", "STATE"],
        [token_id_of(second), "metrics", "good"],
        [token_id_of(first), "ingest", "revoked"],
    ]
    everything = listed + _token("list", "--json").stdout
    assert all(part not in everything for part in (first, second, token_hash(first)))


def test_an_unknown_token_is_not_revoked(registry: Registry) -> None:
    error = _token("revoke", "tok-0000000000").exception
    assert isinstance(error, NotFound)
    assert error.unchanged == "Nothing was revoked."


def test_the_first_token_makes_the_registry(here: Path) -> None:
    assert _token("create", "--scope", "ingest").exit_code == 0
    assert (here / ".agent-deploy" / "registry.db").exists()


@pytest.mark.parametrize("name", ["create", "list", "revoke"])
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    shown = _token(name, "--help").stdout
    assert f"agent-deploy token {name}" in shown.partition("Example:\n")[2]
    assert "--json" in shown
