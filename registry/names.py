"""What workflows and environments may be called, and the nearest right name for a wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from registry.errors import BadInput

_WORKFLOW = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,62}")


def check_workflow(name: str) -> str:
    """The name itself; raises BadInput when it is not a workflow name."""
    if not _WORKFLOW.fullmatch(name):
        raise BadInput(f"{name!r} is not a workflow name: lower-case letters, digits and dashes, 63 at most")
    return name


def check_environment(name: str) -> str:
    """The name itself; raises BadInput when it is not an environment name (it starts with a letter)."""
    if not _ENVIRONMENT.fullmatch(name):
        raise BadInput(
            f"{name!r} is not an environment name: lower-case letters, digits and dashes, a letter first, 63 at most"
        )
    return name


def is_environment(name: str) -> bool:
    """Whether the text could name an environment (and so is no version, tag or digest)."""
    return _ENVIRONMENT.fullmatch(name) is not None


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the likest known name, or nothing. Ready to append to a message."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
