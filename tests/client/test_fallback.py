"""The bundle folder that an application ships is served where nothing else ever was."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_deploy.client import NotServed
from tests.client.conftest import MakeClient
from tests.client.releases import WORKFLOW, Releases


@pytest.mark.parametrize("by_workflow", [True, False])
def test_what_was_never_seen_is_served_from_the_folder_shipped_with_the_application(
    releases: Releases, make_client: MakeClient, shipped: Path, by_workflow: bool
) -> None:
    client = make_client(fallback={WORKFLOW: shipped} if by_workflow else shipped)
    bundle = client.bundle(WORKFLOW)
    assert (bundle.generation, bundle.version, bundle.tag, bundle.source) == (0, 0, "", "fallback")
    assert bundle.digest == releases.register(9)
    assert bundle.prompt("classify").render(query="where?") == "You are version 9.\nClassify by 9: where?\n"
    releases.release(1)
    client.refresh()
    assert (client.bundle(WORKFLOW).version, client.bundle(WORKFLOW).source) == (1, "store")


def test_a_fallback_is_for_its_own_workflow_only(make_client: MakeClient, shipped: Path) -> None:
    with pytest.raises(NotServed, match="billing is not served"):
        make_client(fallback=shipped).bundle("billing")
    with pytest.raises(NotServed, match="billing is not served"):
        make_client(fallback={WORKFLOW: shipped}).bundle("billing")


def test_a_broken_fallback_is_named(make_client: MakeClient, shipped: Path) -> None:
    (shipped / "prompts/system.md").unlink()
    with pytest.raises(NotServed, match=r"no last known good bundle on disk; the fallback folder: .*prompts/system.md"):
        make_client(fallback=shipped).bundle(WORKFLOW)
