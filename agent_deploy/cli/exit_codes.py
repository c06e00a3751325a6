"""Exit codes, in one place. 0 done · 2 usage · the rest by the kind of error."""

from __future__ import annotations

from agent_deploy import errors as above
from agent_deploy.evals.errors import RunInterrupted
from registry import errors

UNEXPECTED = 1
USAGE = 2
NOT_DELIVERED = 6
DAMAGED = 7
DRILL_FAILED = 8  # or one is overdue
INTERRUPTED = 130  # as a shell reports a process that SIGINT ended

_BY_ERROR: tuple[tuple[type[Exception], int], ...] = (
    (errors.BadInput, USAGE),
    (above.BadConfig, USAGE),
    (above.WouldOverwrite, USAGE),
    (errors.NotFound, 3),
    (errors.Refused, 4),
    (errors.Conflict, 5),
    (errors.NotDelivered, NOT_DELIVERED),
    (above.NotConverged, NOT_DELIVERED),
    (errors.Damaged, DAMAGED),
    (errors.Missing, DAMAGED),
    (above.ChecksFailed, UNEXPECTED),
    (RunInterrupted, INTERRUPTED),
    (errors.Unavailable, UNEXPECTED),
)


def exit_code_of(error: Exception) -> int:
    """The code that the process ends with when this error reaches the top."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), UNEXPECTED)
