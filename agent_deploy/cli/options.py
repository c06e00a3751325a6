"""Options and settings that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from agent_deploy.config import Config
    from registry.registry import Registry

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(slots=True)
class Settings:
    """What was given before the command's name."""

    config_file: str | None = None
    database: str | None = None
    store: str | None = None

    def config(self) -> Config:
        """The settings in force."""
        from agent_deploy.config import load_config

        return load_config(file=self.config_file, database=self.database, store=self.store)

    def registry(self, *, create: bool = False) -> Registry:
        """The registry that they name, open."""
        from agent_deploy.wiring import open_registry

        return open_registry(self.config(), create=create)


pass_settings = click.make_pass_decorator(Settings, ensure=True)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
env_option = click.option(
    "--env", "environment", metavar="ENV", help="Environment; the configured default if left out."
)
actor_option = click.option(
    "--actor", metavar="NAME", help="Who acts; else $AGENT_DEPLOY_ACTOR, the CI's user, or you."
)
reason_option = click.option("--reason", metavar="TEXT", default="", help="Why, for the record.")


def move_options(command: Command) -> Command:
    """The options of promote and rollback."""
    for option in reversed(
        (
            env_option,
            reason_option,
            click.option("--dry-run", is_flag=True, help="Print the plan and check the target; move nothing."),
            click.option(
                "--expect-generation", type=click.IntRange(min=0), metavar="G",
                help="Refuse (exit 5) unless the head is at generation G; 0: nothing live yet.",
            ),
            click.option(
                "--wait", "wait_s", type=click.FloatRange(min=0), metavar="SECONDS",
                help="Wait until every live reader serves it; exit 6 naming those that do not in time.",
            ),
            actor_option,
            json_option,
        )
    ):  # fmt: skip
        command = option(command)
    return command


def example(*lines: str) -> str:
    """An epilog that shows how the command is typed, line by line."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
