"""The entry: finds the command, loads only its module, and turns every error into words and an exit code."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click

from agent_deploy.cli.options import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

# Section -> command -> (module, help). The help stands here too so that `--help` loads no command; a test compares.
COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Start": {
        "init": ("init", "Write a commented agent-deploy.toml and an example workflow."),
        "doctor": ("doctor", "Prove that database, store and clock keep their promises."),
    },
    "Versions": {
        "register": ("register", "Turn a bundle folder into an immutable version."),
        "list": ("list_", "List workflows, or one workflow's versions."),
        "show": ("show", "Show one version: what it is and what is in it."),
        "diff": ("diff", "Show what changed from one version to another."),
        "fetch": ("fetch", "Write a version's files to a folder, verified."),
        "export": ("export", "Write a version as an OCI image layout."),
        "import": ("import_", "Register a version from an OCI image layout."),
    },
    "Releases": {
        "promote": ("promote", "Make a version live in an environment."),
        "rollback": ("rollback", "Go back to a version that was live before."),
        "status": ("status", "Show what is live where, and who serves it."),
        "history": ("history", "Show a workflow's releases, newest first."),
        "deliver": ("deliver", "Publish releases that are recorded but not delivered."),
    },
    "Evidence": {
        "eval": ("eval_", "Try a version on its eval set, and record what came of it."),
        "evals": ("evals", "Check and add cases; look at, compare, import and export runs."),
        "gate": ("gate", "Say whether a version may be promoted, rule by rule; moves nothing."),
        "approve": ("approve", "Put on record that you approve a version for an environment."),
    },
    "Traffic": {
        "serve": ("serve", "Receive traces over OTLP/HTTP, and keep their facts."),
        "token": ("token", "Make, list and revoke the bearer tokens of `serve`."),
        "cost": ("cost", "Show what a workflow's calls cost."),
        "metrics": ("metrics", "Show how well a workflow does, what it takes, and why it fails."),
        "traces": ("traces", "Look at production calls; import, compact and prune facts."),
    },
    "Drills": {
        "drill": ("drill", "Rehearse the rollback, on a schedule, and keep the record."),
    },
    "Upkeep": {
        "verify": ("verify", "Re-hash every blob and re-compute every chain."),
        "gc": ("gc", "Remove blobs that no version refers to."),
    },
}
_MODULES = {name: module for section in COMMANDS.values() for name, (module, _) in section.items()}


class Commands(click.Group):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in the order of their sections."""
        return list(_MODULES)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """The command, or None."""
        if name not in _MODULES:
            return None
        command: click.Command = importlib.import_module(f"agent_deploy.cli.{_MODULES[name]}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a misspelt name is met with the nearest one."""
        if args and args[0] not in _MODULES and not args[0].startswith("-"):
            from registry.names import nearest

            ctx.fail(f"There is no command {args[0]!r}{nearest(args[0], _MODULES)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under their sections."""
        for section, commands in COMMANDS.items():
            with formatter.section(section):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()], col_max=12)


def _show_version(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"agent-deploy {version('agent-deploy')}")
        ctx.exit()


@click.command(cls=Commands, epilog="Exit codes and settings: README.md. Each command has --help with an example.")
@click.option("--config", "config_file", metavar="FILE", help="Configuration; else agent-deploy.toml found upward.")
@click.option("--database", metavar="URL", help="sqlite:///path or postgresql://…")
@click.option("--store", metavar="URL", help="A folder, or s3://bucket/prefix.")
@click.option("--verbose", is_flag=True, help="Log what happens to stderr.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks; works anywhere on the line.")
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Print the version."
)
@click.pass_context
def cli(ctx: click.Context, config_file: str | None, database: str | None, store: str | None, verbose: bool) -> None:
    """Deploy LLM workflows: register immutable bundles, promote them, roll back in one command."""
    if verbose:
        from agent_deploy.log import configure

        configure()
    ctx.obj = Settings(config_file, database, store)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    words = list(sys.argv[1:] if args is None else args)
    try:
        code = cli.main([word for word in words if word != "--debug"], prog_name="agent-deploy", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except (click.exceptions.Abort, KeyboardInterrupt):
        from agent_deploy.cli.failure import tell_interrupted

        sys.exit(tell_interrupted(words))
    except Exception as error:  # noqa: BLE001  (the last line of defence: nothing leaves as a traceback)
        from agent_deploy.cli.failure import tell

        sys.exit(tell(error, words))
