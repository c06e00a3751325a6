"""Tokens by class, from what the conventions say of them, each token counted once."""

from __future__ import annotations

from typing import NamedTuple

from agent_deploy.telemetry.reading.kinds import Origin
from agent_deploy.telemetry.reading.meaning import Parts

# Bedrock's own `inputTokens` leaves cached tokens out, and OpenLLMetry (0.62) hands it on as it is.
_AS_THE_PROVIDER_SAYS = (("openllmetry", "aws.bedrock"),)


class Tokens(NamedTuple):
    """As a fact has them: input with what the cache read and wrote, output with reasoning; None where not said."""

    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None


NONE = Tokens(None, None, None, None, None)


def tokens_of(told: Parts, origin: Origin, provider: str) -> Tokens:
    """The tokens of a model's span."""
    get = told.get
    given, output = get("input"), get("output")
    read, written = get("cache_read"), get("cache_write")
    cached = (read or 0) + (written or 0)
    if given is not None and cached and _left_out(given, cached, output, get("total"), origin, provider):
        given += cached
    return Tokens(given, output, read, written, get("reasoning"))


def _left_out(given: int, cached: int, output: int | None, total: int | None, origin: Origin, provider: str) -> bool:
    """Whether the input says only what was neither read from nor written to a cache, as Anthropic's API does.

    The GenAI conventions have it include both, and instrumentations of today add them up; older ones and hand-made
    spans pass the provider's figure on. So: the conventions hold, unless the figures themselves refute them (an input
    smaller than its cached part; a total that is input, cached part and output together), or the instrumentation is
    known to pass it on.
    """
    if origin == "agent_deploy":
        return False
    if given < cached:
        return True
    if total is not None and total != given + (output or 0):
        return total == given + cached + (output or 0)
    return (origin, provider) in _AS_THE_PROVIDER_SAYS
