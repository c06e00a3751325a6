"""`agent-deploy verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent_deploy.cli.exit_codes import DAMAGED
from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit, progress, tell_error

if TYPE_CHECKING:
    from agent_deploy.operations.verify import Verified


@click.command(
    "verify", epilog=example("agent-deploy verify", "agent-deploy verify support-triage --expect-head sha256:…")
)
@click.argument("workflow", metavar="[WORKFLOW]", required=False)
@click.option("--expect-head", metavar="HASH", help="A release's or version's hash, written down elsewhere.")
@json_option
@pass_settings
def command(settings: Settings, workflow: str | None, expect_head: str | None, as_json: bool) -> None:
    """Re-hash every blob and re-compute every chain.

    Names each damaged object and exits 7. --expect-head proves that the log up to that hash was not rebuilt.
    """
    from agent_deploy.operations.verify import verify

    found = verify(settings.registry(), workflow, expect_head, progress=lambda name: progress(f"verifying {name}"))
    progress("")
    document = {
        "ok": not found.faults,
        "workflows": found.workflows,
        "versions": found.versions,
        "blobs": found.blobs,
        "releases": found.releases,
        "pointers": found.pointers,
        "evidence": found.evidence,
        "damaged": found.faults,
        "head_found": found.head_found,
    }
    emit(as_json, document, lambda: _text(found))
    if found.faults:
        tell_error(f"{count(len(found.faults), 'fault')} found", "Nothing was changed.", _mend(found))
        click.get_current_context().exit(DAMAGED)


def _text(found: Verified) -> str:
    counted = [
        (found.workflows, "workflow"), (found.versions, "version"), (found.blobs, "blob"),
        (found.releases, "release"), (found.pointers, "pointer"),
    ]  # fmt: skip
    looked = ", ".join(count(number, noun) for number, noun in counted) + f", {found.evidence:,} of evidence"
    head = [f"expected head found: {found.head_found}"] if found.head_found else []
    verdict = f"{'DAMAGED' if found.faults else 'whole'}: {looked}"
    return "\n".join([*found.faults, *head, verdict])


def _mend(found: Verified) -> str:
    """What mends it. A pointer bears witness to the log: it is published over only where the log itself is whole."""

    def told(*words: str) -> bool:
        return any(word in fault for fault in found.faults for word in words)

    if told("edited", "chain", "cut off", "has not the digest"):
        return "restore the database from a backup   # a chain cannot be mended, only replaced by an unbroken one"
    if told("rebuilt"):
        return "agent-deploy verify --expect-head HASH   # if the log proves right, `deliver --all` publishes it again"
    if told("blob"):
        return "agent-deploy register SOURCE   # the same content again puts its blobs back"
    return "agent-deploy deliver --all   # publishes every head's pointer again"
