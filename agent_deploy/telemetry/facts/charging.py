"""What the cost of a model call hangs on beside its price: of a fact, and as SQL over facts. See `costs.unknown`.

The two say the same; what is counted in sums is told by the SQL, and one call at a time by the functions.
"""

from __future__ import annotations

from agent_deploy.costs.usage import Usage
from agent_deploy.telemetry.facts.fact import Fact

# Tokens without nulls, as input, output, cache_read, cache_write, reasoning. The three below stand on them.
TOKENS = """coalesce(input_tokens, 0) AS input, coalesce(output_tokens, 0) AS output,
    coalesce(cache_read_tokens, 0) AS cache_read, coalesce(cache_write_tokens, 0) AS cache_write,
    coalesce(reasoning_tokens, 0) AS reasoning"""
FREE = "failed AND coalesce(input_tokens, 0) = 0 AND coalesce(output_tokens, 0) = 0"
TOLD = """input_tokens IS NOT NULL AND least(input, output, cache_read, cache_write, reasoning) >= 0
    AND input >= cache_read + cache_write AND output >= reasoning AND input + output > 0"""
SPOKE = "output_tokens > 0"  # null where nobody counted


def usage_of(fact: Fact) -> Usage:
    """The fact's tokens; none where it says nothing of them."""
    return Usage(
        fact.input_tokens or 0,
        fact.output_tokens or 0,
        fact.cache_read_tokens or 0,
        fact.cache_write_tokens or 0,
        fact.reasoning_tokens or 0,
    )


def is_free(fact: Fact) -> bool:
    """Whether it failed, and nobody reported a token."""
    return fact.failed and not fact.input_tokens and not fact.output_tokens


def is_told(fact: Fact, usage: Usage) -> bool:
    """Whether its input was counted, and its counts add up. usage: the same tokens."""
    return fact.input_tokens is not None and usage.adds_up


def spoke(fact: Fact) -> bool | None:
    """Whether it has output; None where nobody counted."""
    return None if fact.output_tokens is None else fact.output_tokens > 0
