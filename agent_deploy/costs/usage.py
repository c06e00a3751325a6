"""Tokens by class, and the model call that took them."""

from __future__ import annotations

from dataclasses import dataclass

# Of a class, in one model call: a hundred times what the largest models take at once. What says more is a mistake, and
# counted all the same it would drive sums over calls out of 64 bits.
MOST_TOKENS = 10**9


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens by class. `input` includes what was read from and written to a cache; `output` includes reasoning."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether there are tokens, none are fewer than 0, and no part is greater than its whole."""
        least = min(self.input, self.output, self.cache_read, self.cache_write, self.reasoning)
        within = self.input >= self.cache_read + self.cache_write and self.output >= self.reasoning
        return least >= 0 and within and self.input + self.output > 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.reasoning + other.reasoning,
        )


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call of a model: which, and the tokens that it took."""

    provider: str
    model: str
    usage: Usage
