"""`agent-deploy doctor`."""

from __future__ import annotations

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit, table


@click.command(
    "doctor",
    epilog=example(
        "agent-deploy doctor", "agent-deploy --store s3://bucket/prefix doctor", "agent-deploy doctor --redaction"
    ),
)
@click.option("--redaction", is_flag=True, help="Prove instead that no content gets out on spans, by canaries.")
@json_option
@pass_settings
def command(settings: Settings, redaction: bool, as_json: bool) -> None:
    """Prove that database, store and clock keep their promises.

    A store has to honour write-once and compare-and-swap, also among concurrent writers; this is proved with probe
    objects, which are removed. --redaction sends canaries through the real exporter, to this process. Exits 1 naming
    each check that failed.
    """
    from agent_deploy.errors import ChecksFailed
    from agent_deploy.operations.doctor import doctor

    if redaction:
        from agent_deploy.operations.redaction import redaction_check

        checks = redaction_check()
    else:
        checks = doctor(settings.config)
    failed = [check.name for check in checks if not check.ok]
    document = {
        "ok": not failed,
        "checks": [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks],
    }
    rows = [["ok" if check.ok else "FAILED", check.name, check.detail] for check in checks]
    emit(as_json, document, lambda: table(["", "CHECK", "SEEN"], rows))
    if failed and not as_json:
        raise ChecksFailed(
            f"{count(len(failed), 'check')} failed: {', '.join(failed)}", unchanged="Nothing was changed."
        )
    if failed:
        click.get_current_context().exit(1)
