"""What can go wrong while a version is tried: on one case, which ends as errored, never as failed; or for the run."""

from __future__ import annotations

from agent_deploy.costs.usage import ModelCall
from agent_deploy.errors import ControlPlaneError
from agent_deploy.telemetry.taxonomy import FailureMode


class CaseError(Exception):
    """There is no answer, or no judgement of one.

    kind: timeout, rate_limit, parse_error, low_confidence, downstream_error or other. retry: whether asking again may
    help. retry_after_s: how long the other side asked to be left alone, None when it did not say.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: FailureMode = "other",
        retry: bool = False,
        retry_after_s: float | None = None,
    ):
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.retry = retry
        self.retry_after_s = retry_after_s


class ScorerFailed(CaseError):
    """A scorer raised, or a judge gave no judgement: the output may be right or wrong, nobody knows.

    calls: the model calls that the attempt took all the same.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: FailureMode = "other",
        retry: bool = False,
        retry_after_s: float | None = None,
        calls: tuple[ModelCall, ...] = (),
    ):
        super().__init__(message, kind=kind, retry=retry, retry_after_s=retry_after_s)
        self.calls = calls


class JournalFailed(ControlPlaneError):
    """The journal of a run cannot be written; what stands in it already is kept."""


class CapReached(ControlPlaneError):
    """The next question could cost more than `--max-cost-usd` leaves, or nobody can tell what it costs."""


class RunStopped(ControlPlaneError):
    """A run was stopped before its last case; `--resume` goes on with it."""


class RunInterrupted(RunStopped):
    """It was a person, or the system, that stopped it: Ctrl-C or SIGTERM."""
