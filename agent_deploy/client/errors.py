"""What can go wrong for an application that is served bundles. One line each, with the next step where there is one."""

from __future__ import annotations


class ClientError(Exception):
    """The base of all of them; `str()` is the message and the next step in one line."""

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(f"{message}; {next_step}" if next_step else message)
        self.message = message
        self.next_step = next_step


class BadSettings(ClientError):
    """An argument, an environment variable or the configuration file is not what it has to be."""


class ClientClosed(ClientError):
    """The client was closed before this call."""


class NotServed(ClientError):
    """There is no bundle to serve: not in the store, not on disk, and no fallback folder."""


class Stale(ClientError):
    """What could be served was last confirmed by the store longer ago than `max_staleness` allows."""


class UnknownPrompt(ClientError, LookupError):
    """The bundle has no prompt of that name."""


class UnknownModel(ClientError, LookupError):
    """The bundle has no model of that name."""


class PromptError(ClientError):
    """The base of what rendering can raise. prompt: the name of the prompt that was rendered."""

    def __init__(self, message: str, *, next_step: str = "", prompt: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.prompt = prompt


class UndefinedVariable(PromptError):
    """The template reads a variable, or a part of one, that was not passed. variable: its name."""

    def __init__(self, message: str, *, next_step: str = "", prompt: str = "", variable: str = "") -> None:
        super().__init__(message, next_step=next_step, prompt=prompt)
        self.variable = variable


class UnsafeTemplate(PromptError):
    """The template tried what the sandbox forbids."""


class RenderFailed(PromptError):
    """The template cannot be compiled, or failed for another reason; the cause is `__cause__`."""
