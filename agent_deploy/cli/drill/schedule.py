"""`agent-deploy drill schedule`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit

if TYPE_CHECKING:
    from agent_deploy.eventbridge import Bridge
    from agent_deploy.operations.drill.install import Installed
    from agent_deploy.operations.drill.schedulers.parts import Every, File, Job

# As operations/drill/schedule.py has them; here too, so that `--help` loads nothing. A test compares.
KINDS = ("cron", "systemd", "kubernetes", "github", "gitlab", "eventbridge")
_DONE = {
    "created": "created the schedule {}",
    "updated": "updated the schedule {}",
    "unchanged": "the schedule {} is as wanted already",
    "removed": "removed the schedule {}",
    "absent": "there was no schedule {}",
}


@click.command(
    "schedule",
    epilog=example(
        "agent-deploy drill schedule --print systemd --output /etc/systemd/system",
        "agent-deploy drill schedule --print kubernetes | kubectl apply -f -",
        "agent-deploy drill schedule --install eventbridge --target-arn arn:… --role-arn arn:… --dlq-arn arn:…",
    ),
)
@click.option("--print", "kind", type=click.Choice(KINDS), help="Print what this scheduler needs to tick.")
@click.option("--install", type=click.Choice(["eventbridge"]), help="Make the schedule there, or change it.")
@click.option("--remove", type=click.Choice(["eventbridge"]), help="Take the schedule away there.")
@click.option("--every", metavar="SPAN", default="1h", show_default=True, help="How often to tick: 15m, 1h, 6h.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write files there.")
@click.option("--image", metavar="IMAGE", default="agent-deploy:latest", show_default=True, help="For kubernetes.")
@click.option("--target-arn", metavar="ARN", default="", help="For eventbridge: what runs the tick.")
@click.option("--role-arn", metavar="ARN", default="", help="For eventbridge: the role that may call it.")
@click.option("--dlq-arn", metavar="ARN", default="", help="For eventbridge: the queue for calls that failed.")
@click.option("--input", "input_", metavar="JSON", help="For eventbridge: what the target is given.")
@click.option("--name", metavar="NAME", default="agent-deploy-drill", show_default=True, help="For eventbridge.")
@json_option
@pass_settings
def command(
    settings: Settings, kind: str | None, install: str | None, remove: str | None, every: str, output: Path | None,
    image: str, target_arn: str, role_arn: str, dlq_arn: str, input_: str | None, name: str, as_json: bool,
) -> None:  # fmt: skip
    """Have a scheduler that you run already do `drill tick`, hourly.

    Prints a ready file, or makes the schedule in EventBridge; both harmless to repeat. Where no scheduler is at hand,
    `drill daemon` is one.
    """
    if [bool(kind), bool(install), bool(remove)].count(True) != 1:
        raise click.UsageError("give one of --print, --install and --remove")
    if remove:
        from agent_deploy.operations.drill.install import remove as take_away

        return _emit_change(as_json, take_away(name))
    rhythm = _every(every)
    if kind and kind != "eventbridge":
        return _emit_files(as_json, kind, _job(settings, rhythm, image), None, output)
    bridge = _bridge(rhythm, target_arn, role_arn, dlq_arn, name, input_)
    if kind:
        return _emit_files(as_json, kind, _job(settings, rhythm, image), bridge, output)
    from agent_deploy.operations.drill.install import install as put_there

    return _emit_change(as_json, put_there(bridge))


def _every(text: str) -> Every:
    from agent_deploy.durations import duration_of
    from agent_deploy.operations.drill.schedulers.parts import every_of

    return every_of(duration_of(text, "--every"))


def _job(settings: Settings, every: Every, image: str) -> Job:
    """The tick as this command line would run it, by absolute paths: a scheduler has another working directory."""
    from agent_deploy.operations.drill.schedulers.parts import Job

    file = settings.config().file
    named = ("--config", str(file.absolute())) if settings.config_file and file else ()
    folder = file.absolute().parent if file else Path.cwd()
    return Job(every, folder, (_program(), *named, "drill", "tick"), image)


def _program() -> str:
    """Where agent-deploy is: beside the Python that runs it, or else wherever the shell finds it."""
    beside = Path(sys.executable).parent / "agent-deploy"
    return str(beside) if beside.is_file() else shutil.which("agent-deploy") or "agent-deploy"


def _bridge(every: Every, target: str, role: str, dead_letters: str, name: str, input_: str | None) -> Bridge:
    from agent_deploy.eventbridge import INPUT, Bridge

    return Bridge(every.minutes, target, role, dead_letters, name, INPUT if input_ is None else input_)


def _emit_files(as_json: bool, kind: str, job: Job, bridge: Bridge | None, output: Path | None) -> None:
    from agent_deploy.operations.drill.schedule import schedule_files, write_files

    files = schedule_files(kind, job, bridge)
    written = [str(path) for path in write_files(files, output)] if output else []
    document = {"files": [{"name": file.name, "text": file.text} for file in files], "written": written}
    emit(as_json, document, lambda: "\n".join(f"wrote {path}" for path in written) or _printed(files))


def _printed(files: list[File]) -> str:
    """One file as it is; several with their names above them."""
    if len(files) == 1:
        return files[0].text.rstrip("\n")
    return "\n".join(f"# {file.name}\n{file.text}" for file in files).rstrip("\n")


def _emit_change(as_json: bool, installed: Installed) -> None:
    document: dict[str, Any] = {"scheduler": "eventbridge", "name": installed.name, "change": installed.change}
    emit(as_json, document, lambda: _DONE[installed.change].format(installed.name))
