"""Where settings come from: argument over variable over file over default; and what is wrong is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_deploy.client import BadSettings, Client
from agent_deploy.client.settings import Settings, settle, user_cache
from tests.client.conftest import MakeClient
from tests.client.releases import Releases


def settled(variables: dict[str, str], store: str | None = None, **given: Any) -> Settings:
    names = ("environment", "poll_interval", "cache", "max_staleness", "fallback", "instance", "heartbeat")
    return settle(store, **{name: given.get(name) for name in names}, variables={"HOME": "/home/ann", **variables})


def test_arguments_win_over_variables(tmp_path: Path) -> None:
    variables = {
        "AGENT_DEPLOY_STORE": "/other",
        "AGENT_DEPLOY_ENVIRONMENT": "staging",
        "AGENT_DEPLOY_CACHE": "/cache",
        "AGENT_DEPLOY_POLL_INTERVAL": "7",
        "AGENT_DEPLOY_MAX_STALENESS": "70",
    }
    told = settled(variables)
    assert (told.store.url, told.environment, told.poll_s, told.max_staleness_s) == ("/other", "staging", 7, 70)
    assert told.cache is not None
    assert told.cache.parent == Path("/cache")
    given = settled(
        variables, str(tmp_path), environment="production", poll_interval=2, max_staleness=20, cache="/mine"
    )
    assert (given.store.url, given.environment, given.poll_s, given.max_staleness_s) == (
        str(tmp_path),
        "production",
        2,
        20,
    )
    assert given.cache is not None
    assert given.cache.parent == Path("/mine")


def test_what_nothing_else_says_comes_from_the_file_found_upward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agent-deploy.toml").write_text('store = "state"\ndefault_environment = "staging"\n')
    (tmp_path / "deep" / "inside").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "inside")
    told = settled({})
    assert (told.store.url, told.environment) == (str(tmp_path / "state"), "staging")
    assert settled({}, environment="qa").environment == "qa"


def test_without_anything_the_state_of_this_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = settled({})
    assert (told.store.url, told.environment) == (str(tmp_path / ".agent-deploy"), "production")
    assert (told.poll_s, told.heartbeat_s, told.max_staleness_s, told.fallback) == (1, 10, None, None)


def test_s3_is_polled_less_often(tmp_path: Path) -> None:
    told = settled({}, "s3://bucket/prefix", environment="production")
    assert (told.store.url, told.poll_s, told.heartbeat_s) == ("s3://bucket/prefix", 5, 30)


@pytest.mark.parametrize("off", [{"cache": False}, {"variables": {"AGENT_DEPLOY_CACHE": "off"}}])
def test_the_cache_can_be_switched_off(off: dict[str, Any]) -> None:
    assert settled(off.pop("variables", {}), "/s", environment="production", **off).cache is None


def test_the_cache_of_a_relative_store_is_that_of_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = settled({}, "state", environment="production")
    absolute = settled({}, str(tmp_path / "state"), environment="production")
    url = settled({}, f"file://{tmp_path}/state", environment="production")
    assert relative.cache == absolute.cache == url.cache


@pytest.mark.parametrize(
    ("variables", "platform", "folder"),
    [
        ({"HOME": "/home/ann"}, "linux", "/home/ann/.cache/agent-deploy"),
        ({"HOME": "/home/ann", "XDG_CACHE_HOME": "/fast"}, "linux", "/fast/agent-deploy"),
        ({"HOME": "/Users/ann"}, "darwin", "/Users/ann/Library/Caches/agent-deploy"),
    ],
)
def test_the_cache_lies_where_the_platform_has_it(variables: dict[str, str], platform: str, folder: str) -> None:
    assert user_cache(variables, platform) == Path(folder)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"poll_interval": 0}, "poll_interval is 0; give a number of seconds greater than 0"),
        ({"poll_interval": float("nan")}, "poll_interval is nan"),
        ({"max_staleness": -1}, "max_staleness is -1"),
        ({"heartbeat": float("inf")}, "heartbeat is inf"),
        ({"environment": "../x"}, "'../x' is not an environment name"),
        ({"instance": "a/b"}, "instance 'a/b'"),
        ({"store": "gs://bucket"}, "give a folder, file:///folder or s3://bucket/prefix"),
        ({"variables": {"AGENT_DEPLOY_POLL_INTERVAL": "soon"}}, "AGENT_DEPLOY_POLL_INTERVAL is 'soon'; give a number"),
        ({"variables": {"AGENT_DEPLOY_MAX_STALENESS": "0"}}, "AGENT_DEPLOY_MAX_STALENESS is 0"),
    ],
)
def test_a_bad_setting_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSettings) as caught:
        settled(given.pop("variables", {}), given.pop("store", "/s"), **({"environment": "production"} | given))
    assert message in str(caught.value)


def test_a_broken_configuration_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "agent-deploy.toml").write_text("store = \n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSettings, match=r"agent-deploy.toml: not TOML"):
        settled({})


@pytest.mark.parametrize("name", ["../other", "", "Support", "a/b", "x" * 64])
def test_a_bad_workflow_name_never_reaches_the_store(releases: Releases, make_client: MakeClient, name: str) -> None:
    with pytest.raises(BadSettings, match="is not a workflow name"):
        make_client().bundle(name)


def test_making_a_client_asks_nothing(tmp_path: Path) -> None:
    client = Client(str(tmp_path / "none"), environment="production", cache=tmp_path / "cache")
    client.close()
    assert list(tmp_path.iterdir()) == []
