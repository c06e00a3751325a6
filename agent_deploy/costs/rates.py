"""What a million tokens of each class cost, and what a call's tokens cost by that. Pure, and exact: Decimal."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from agent_deploy.costs.usage import Usage

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens by class. output: None where the model has no price for any (embeddings).

    cache_read, cache_write: None where they cost as much as other input; reasoning: as other output.
    request: USD a call, whatever its tokens.
    """

    input: Decimal
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    request: Decimal = Decimal(0)

    def price(self, usage: Usage) -> Decimal | None:
        """USD for the tokens of one call; None where there is no telling.

        Each token is counted in one class: `input` holds what the cache read and wrote, `output` the reasoning, so both
        are taken out first. No telling: no tokens at all (nobody reported them), parts greater than their whole, or
        output without a price.
        """
        if not usage.adds_up or (self.output is None and usage.output):
            return None
        return self.total(usage, 1)

    def total(self, usage: Usage, calls: int) -> Decimal:
        """USD for the tokens of so many calls together, of each of which `price` can tell."""
        fresh = usage.input - usage.cache_read - usage.cache_write
        spoken = usage.output - usage.reasoning
        output = self.output or Decimal(0)
        tokens = (
            fresh * self.input
            + usage.cache_read * _or(self.cache_read, self.input)
            + usage.cache_write * _or(self.cache_write, self.input)
            + spoken * output
            + usage.reasoning * _or(self.reasoning, output)
        )
        return tokens / _MILLION + self.request * calls


def _or(rate: Decimal | None, other: Decimal) -> Decimal:
    return other if rate is None else rate
