"""How an error that reached the top is told. Apart from `main`, because a command that ends well needs none of it."""

from __future__ import annotations

import os
import re
import shlex
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from agent_deploy.cli.exit_codes import INTERRUPTED, UNEXPECTED, USAGE, exit_code_of
from agent_deploy.cli.output import emit_error, say, tell_error
from agent_deploy.errors import BadConfig, BadConfigFile, ControlPlaneError
from registry.errors import BadInput, RegistryError, Unavailable


def tell(error: Exception, words: Sequence[str]) -> int:
    """Say what happened, on stderr, with `--json` as an object on stdout too; the exit code."""
    if "--debug" in words:
        say("".join(traceback.format_exception(error)))
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message())
        return USAGE
    code, message, unchanged, next_command = _described(error, words)
    if "--json" in words:
        emit_error(code, message, unchanged, next_command)
    tell_error(message, unchanged, next_command)
    return code


def tell_interrupted(words: Sequence[str]) -> int:
    """Say that a Ctrl-C ended the command, and that it takes nothing back; the exit code."""
    told = ("interrupted", "What was recorded before that stays recorded.", "agent-deploy status")
    if "--json" in words:
        emit_error(INTERRUPTED, *told)
    tell_error(*told)
    return INTERRUPTED


def _described(error: Exception, words: Sequence[str]) -> tuple[int, str, str, str]:
    """Exit code, what happened, what did not change, what to type next."""
    if isinstance(error, UnicodeEncodeError | BadInput) and (bad := [word for word in words if not _is_text(word)]):
        return USAGE, f"argument {bad[0]!a} is not text in UTF-8", "", _help(words)
    if isinstance(error, RegistryError | ControlPlaneError):
        return exit_code_of(error), error.message, error.unchanged, error.next_command or _next(error, words)
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        message = _misplaced(error, words) or " ".join(error.format_message().split())
        return USAGE, message, "", f"{context.command_path} --help" if context else _help(words)
    if isinstance(error, OSError) and error.filename:  # a folder that nobody here may enter, say
        from agent_deploy.operations.writing import look_at

        path = os.fsdecode(error.filename)
        return UNEXPECTED, f"{path}: {error.strerror}", "", look_at(Path(path), error)
    again = "" if "--debug" in words else f"agent-deploy --debug {_shown(words)}   # shows the traceback"
    return UNEXPECTED, f"unexpected {type(error).__name__}: {' '.join(str(error).split())}", "", again


def _next(error: RegistryError | ControlPlaneError, words: Sequence[str]) -> str:
    """Where whoever raised it knew nothing better."""
    if isinstance(error, Unavailable):
        return "agent-deploy doctor"
    if isinstance(error, BadConfigFile) and "rollback" in words:  # a slip in the file is no reason to wait
        return "agent-deploy --config /dev/null --database URL --store URL rollback …   # goes past the file"
    if isinstance(error, BadConfigFile):
        return "agent-deploy doctor   # once it is mended"
    return _help(words) if isinstance(error, BadInput | BadConfig) else ""


def _help(words: Sequence[str]) -> str:
    """The help of the command that these words name, or of all of them."""
    return " ".join(["agent-deploy", *_named(words)[0], "--help"])


def _named(words: Sequence[str]) -> tuple[list[str], click.Command]:
    """The command among the words: `["evals", "check"]`, and itself."""
    from agent_deploy.cli.main import cli

    names: list[str] = []
    command: click.Command = cli
    for word in words:
        if isinstance(command, click.Group) and (found := command.get_command(click.Context(command), word)):
            names, command = [*names, word], found
    return names, command


def _misplaced(error: click.ClickException, words: Sequence[str]) -> str:
    """What to say of an option that is known, but stands on the wrong side of the command's name; else empty."""
    if not isinstance(error, click.NoSuchOption) or error.ctx is None:
        return ""
    here, root = error.ctx.command, error.ctx.find_root().command
    there, side = (_named(words)[1], "after") if here is root else (root, "before")
    known = there is not here and any(error.option_name in parameter.opts for parameter in there.params)
    return f"{error.option_name} goes {side} the command's name" if known else ""


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(words: Sequence[str]) -> str:
    """The command line as it can be pasted, less the password of a database."""
    return re.sub(r"(://[^:/@\s]*:)[^@/\s]+@", r"\1***@", shlex.join(words))
