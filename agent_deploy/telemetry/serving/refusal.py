"""Why a request is not taken, as its sender is told."""

from __future__ import annotations

# google.rpc.Code for the HTTP statuses that the receiver answers with (googleapis, google/rpc/code.proto).
_CODES = {400: 3, 401: 16, 403: 7, 408: 4, 413: 3, 415: 3, 429: 8, 503: 14}
_INTERNAL = 13


class Refusal(Exception):
    """A request answered with an error.

    retry_after_s: seconds after which the same request may well be taken; None where it never will be.
    """

    def __init__(self, status: int, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s

    @property
    def code(self) -> int:
        """The google.rpc.Code that goes with the status."""
        return _CODES.get(self.status, _INTERNAL)
