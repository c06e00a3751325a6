"""Who may send: bearer tokens, checked against a copy of those on record that is a few seconds old at most."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from agent_deploy.log import event
from agent_deploy.telemetry.serving.refusal import Refusal
from registry.errors import RegistryError
from registry.models import Token
from registry.times import now
from registry.tokens import token_hash, token_id_of

FRESH_FOR_S = 5.0  # how long a revoked token may still be taken
_ASK_AGAIN_S = 1.0  # how often an unknown token, or a database that is away, may make us ask
KEPT_FOR_S = 3600.0  # how long the last known tokens stand in for a database that is away
_WAIT_FOR_ANSWER_S = 2.0  # longer than this no request waits for the database
_RETRY_AFTER_S = 5

ReadTokens = Callable[[], Sequence[Token]]


class Admission:
    """Checks tokens. For one event loop; `read` is called on a thread, by one at a time.

    A database that is away, or hangs, stops nobody who was known: the tokens last read stay in force for an hour. After
    that, and for tokens not known yet, requests are refused as ones to send again.
    """

    def __init__(
        self,
        read: ReadTokens,
        *,
        clock: Callable[[], datetime] = now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self._monotonic = monotonic
        self._known: Mapping[str, Token] = {}
        self._read_at = self._asked_at = monotonic() - KEPT_FOR_S
        self._asking: asyncio.Task[None] | None = None

    async def check(self, authorization: str, scope: str) -> None:
        """Raises Refusal: 401 without a good token, 403 when it is for something else, 503 when nobody can tell."""
        kind, _, rest = authorization.partition(" ")
        written = rest.strip()
        token_id = token_id_of(written) if kind.lower() == "bearer" else None
        if token_id is None:
            raise Refusal(401, "send a token of this server: Authorization: Bearer adt_…")
        await self._refresh(token_id)
        token = self._known.get(token_id)
        age_s = self._monotonic() - self._read_at
        if age_s >= (KEPT_FOR_S if token else FRESH_FOR_S):
            raise Refusal(503, "tokens cannot be checked: the database is away", retry_after_s=_RETRY_AFTER_S)
        if token is None or not hmac.compare_digest(token.hash, token_hash(written)):
            raise Refusal(401, f"the token {token_id} is not known here")
        if not token.is_good(self._clock()):
            raise Refusal(401, f"the token {token_id} is {'revoked' if token.revoked_at else 'expired'}")
        if token.scope != scope:
            raise Refusal(403, f"the token {token_id} is for {token.scope}, not for {scope}")

    async def _refresh(self, wanted: str) -> None:
        """Read the tokens anew where what is known is old or lacks the one wanted, and wait for that, but not long."""
        since_asked_s = self._monotonic() - self._asked_at
        answered = self._asking is None or self._asking.done()
        if answered and since_asked_s >= self._patience_s(wanted):
            self._asked_at = self._monotonic()
            self._asking, since_asked_s = asyncio.create_task(self._ask()), 0.0
        if self._asking is not None and not self._asking.done() and since_asked_s < _WAIT_FOR_ANSWER_S:
            await asyncio.wait([self._asking], timeout=_WAIT_FOR_ANSWER_S - since_asked_s)

    def _patience_s(self, wanted: str) -> float:
        """How long after the last question the next is due."""
        overdue = self._monotonic() - self._read_at >= FRESH_FOR_S
        return _ASK_AGAIN_S if overdue or wanted not in self._known else FRESH_FOR_S

    async def _ask(self) -> None:
        try:
            found = await asyncio.to_thread(self._read)
        except RegistryError as error:
            event("tokens not read", why=error.message)
            return
        self._known = {token.id: token for token in found}
        self._read_at = self._monotonic()
