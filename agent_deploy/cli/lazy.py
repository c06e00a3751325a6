"""A group of commands that imports a command's module only when that command is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click


class LazyGroup(click.Group):
    """package: where the modules are. modules: command -> (module, help). Each module holds its command as `command`.

    The help stands in the mapping too, so that `--help` loads no command.
    """

    def __init__(self, name: str, package: str, modules: Mapping[str, tuple[str, str]], help: str) -> None:
        super().__init__(name, help=help)
        self._package = package
        self._commands = modules

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in the mapping's order."""
        return list(self._commands)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """The command, or None."""
        if name not in self._commands:
            return None
        command: click.Command = importlib.import_module(f"{self._package}.{self._commands[name][0]}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a misspelt name is met with the nearest one."""
        if args and args[0] not in self._commands and not args[0].startswith("-"):
            from registry.names import nearest

            ctx.fail(f"There is no command {self.name} {args[0]!r}{nearest(args[0], self._commands)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._commands.items()])
