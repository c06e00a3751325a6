"""What can go wrong while a version is tried on a case. These end as an errored result, never as a failed one."""


class CaseError(Exception):
    """There is no answer, or no judgement of one.

    kind: timeout, rate_limit, parse_error, low_confidence, downstream_error or other. retry: whether asking again may
    help. retry_after_s: how long the other side asked to be left alone, None when it did not say.
    """

    def __init__(self, message: str, *, kind: str = "other", retry: bool = False, retry_after_s: float | None = None):
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.retry = retry
        self.retry_after_s = retry_after_s


class ScorerFailed(CaseError):
    """A scorer raised, or a judge gave no judgement: the output may be right or wrong, nobody knows."""
