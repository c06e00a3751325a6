"""`agent-deploy drill daemon`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent_deploy.cli.drill.tick import tell, text
from agent_deploy.cli.options import Settings, actor_option, example, json_option, pass_settings
from agent_deploy.cli.output import emit, moment, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_deploy.operations.drill.tick import Tick


@click.command("daemon", epilog=example("agent-deploy drill daemon", "agent-deploy drill daemon --every 15m"))
@click.option("--every", metavar="SPAN", default="1h", show_default=True, help="How often to tick: 15m, 1h.")
@actor_option
@json_option
@pass_settings
def command(settings: Settings, every: str, actor: str | None, as_json: bool) -> None:
    """Tick in the foreground, for who has no scheduler.

    Does what `drill tick` does, now and then again and again. A tick that fails is told, and the next one tried; the
    configuration is read anew each time. Ctrl-C or SIGTERM ends it once the drill in hand is at its end.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.durations import duration_of
    from agent_deploy.errors import BadConfig
    from agent_deploy.operations.drill.daemon import daemon

    span, who = duration_of(every, "--every"), find_actor(actor)
    if not span:
        raise BadConfig("--every 0s: must be more than nothing")
    settings.registry().database.close()  # so that what is wrong from the start is told at once, and ends it
    say(f"ticking every {every} as {who}; Ctrl-C ends it once the drill in hand is at its end")
    failed = daemon(lambda stop: _tick(settings, who, stop), span, _told, _failed)
    emit(as_json, {"failed_ticks": failed}, lambda: "stopped")


def _tick(settings: Settings, actor: str, stop: Callable[[], bool]) -> Tick:
    from agent_deploy.operations.drill.tick import scheduled_tick
    from agent_deploy.wiring import open_registry
    from drills.stopping import Stopping

    config = settings.config()
    registry = open_registry(config)
    try:
        return scheduled_tick(registry, config, actor=actor, stop=stop, stopping=Stopping(listens=False))
    finally:
        registry.database.close()


def _told(tick: Tick) -> None:
    say(f"{moment(tick.at)}  {text(tick)}")
    tell(tick)


def _failed(error: Exception) -> None:
    from registry.times import now

    words = " ".join(str(getattr(error, "message", error)).split()) or type(error).__name__
    say(f"{moment(now())}  this tick failed: {words}; the next one may not")
