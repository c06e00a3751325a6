"""Who acts: the flag, else AGENT_DEPLOY_ACTOR, else the CI system's user, else the user of this machine."""

from __future__ import annotations

import getpass
import os

import pytest

from agent_deploy.actor import CI_VARIABLES, find_actor


def test_the_flag_comes_first() -> None:
    assert find_actor("bob", {"AGENT_DEPLOY_ACTOR": "ann", "GITHUB_ACTOR": "octocat"}) == "bob"


def test_then_the_variable_of_our_own() -> None:
    assert find_actor(None, {"AGENT_DEPLOY_ACTOR": "ann", "GITHUB_ACTOR": "octocat"}) == "ann"


@pytest.mark.parametrize("variable", CI_VARIABLES)
def test_then_the_ci_systems_user(variable: str) -> None:
    assert find_actor(None, {variable: "octocat", "USER": "runner"}) == "octocat"


def test_what_is_empty_says_nothing() -> None:
    environ = {"AGENT_DEPLOY_ACTOR": "", "GITHUB_ACTOR": "", "GITLAB_USER_LOGIN": "tanuki"}
    assert find_actor("", environ) == "tanuki"


def test_at_last_the_user_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "carol")
    assert find_actor(None, {}) == getpass.getuser() == "carol"


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert find_actor(None, {}) == f"uid-{os.getuid()}"
