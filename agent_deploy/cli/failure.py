"""How an error that reached the top is told. Apart from `main`, because a command that ends well needs none of it."""

from __future__ import annotations

import os
import re
import shlex
import traceback
from collections.abc import Sequence

import click

from agent_deploy.cli.exit_codes import INTERRUPTED, UNEXPECTED, USAGE, exit_code_of
from agent_deploy.cli.output import emit_error, say, tell_error
from agent_deploy.errors import ControlPlaneError
from registry.errors import RegistryError, Unavailable


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
    if isinstance(error, RegistryError | ControlPlaneError):
        look = "agent-deploy doctor" if isinstance(error, Unavailable) else ""
        return exit_code_of(error), error.message, error.unchanged, error.next_command or look
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        return USAGE, error.format_message(), "", f"{context.command_path} --help" if context else ""
    again = "" if "--debug" in words else f"agent-deploy --debug {_shown(words)}   # shows the traceback"
    if isinstance(error, OSError) and error.filename:  # a folder that cannot be written to, say
        return UNEXPECTED, f"{os.fsdecode(error.filename)}: {error.strerror}", "", again
    return UNEXPECTED, f"unexpected {type(error).__name__}: {' '.join(str(error).split())}", "", again


def _shown(words: Sequence[str]) -> str:
    """The command line as it can be pasted, less the password of a database."""
    return re.sub(r"(://[^:/@\s]*:)[^@/\s]+@", r"\1***@", shlex.join(words))
