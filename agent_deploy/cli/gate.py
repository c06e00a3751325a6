"""`agent-deploy gate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, env_option, example, json_option, pass_settings
from agent_deploy.cli.output import emit, facts, tell_error

if TYPE_CHECKING:
    from agent_deploy.operations.gate import Gated


@click.command(
    "gate",
    epilog=example(
        "agent-deploy gate support-triage --version 42 --env production",
        "agent-deploy gate support-triage --version staging   # what is live in staging",
    ),
)
@click.argument("workflow", metavar="WORKFLOW")
@click.option("--version", metavar="REF", required=True, help="42, 1.4.0, sha256:…, or an environment.")
@env_option
@json_option
@pass_settings
def command(settings: Settings, workflow: str, version: str, environment: str | None, as_json: bool) -> None:
    """Say whether a version may be promoted, rule by rule; moves nothing.

    `promote` asks the same in the transaction that moves the head. Exit 4 unless the verdict is passed.
    """
    from agent_deploy.cli.gates import REFUSED
    from agent_deploy.operations.gate import gate, next_command
    from agent_deploy.wiring import gate_policy, open_registry

    config = settings.config()
    environment = config.check_environment(environment or config.default_environment)
    policy = gate_policy(config, workflow, environment)
    done = gate(open_registry(config), policy, workflow, version, environment, config=config)
    emit(as_json, _document(done), lambda: _text(done))
    if done.gate and done.gate.verdict != "passed":
        words = "failed" if done.gate.verdict == "failed" else "is inconclusive"
        tell_error(f"the gate {words}", "Nothing was moved.", next_command(done.gate, done.target))
        click.get_current_context().exit(REFUSED)


def _document(done: Gated) -> dict[str, Any]:
    from agent_deploy.gates.verdict import gate_document

    target = done.target
    subject = {
        "workflow": target.workflow,
        "version": target.number,
        "digest": target.digest,
        "environment": done.environment,
    }
    if done.gate is None:
        return {**subject, "verdict": "passed", "required": False, "rules": [], "baseline": None, "runs": [],
                "call_costs": None, "policy_digest": None}  # fmt: skip
    return {**subject, "required": True, **gate_document(done.gate)}


def _text(done: Gated) -> str:
    from agent_deploy.cli.gates import gate_pairs, rules_text, verdict_words

    heading = f"{done.target.ref} ({done.target.tag}) to {done.environment}: {verdict_words(done.gate)}"
    if done.gate is None:
        return heading
    return f"{heading}\n{facts(gate_pairs(done.gate))}\n\n{rules_text(done.gate)}"
