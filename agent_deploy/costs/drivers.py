"""Why one version costs more a call than another: a ratio of costs as a product of five.

What a call costs is three terms, of model calls M, tokens a model call I (input) and O (output), the input's price a
token q, the output's p, and the price of a request f:

    C = M·I·q + M·O·p + M·f

Term k has a share s_k of the cost C, and of two versions (the second with a prime) a weight

    w_k = L(s'_k, s_k) / Σ L(s'_j, s_j),    L(a, b) = (a - b) / ln(a / b)

by which ln(C'/C) = Σ w_k ln(X'_k / X_k), exactly; and ln(X'_k / X_k) is the sum over the term's factors. A driver is
exp of the sum of w_k ln(x'/x) over the terms that its factor x is in, so model_calls is M'/M itself. This is LMDI-II of
Ang and Choi, "Decomposition of aggregate energy and gas emission intensities for industry: a refined Divisia index
method", The Energy Journal 18, 1997. It treats both versions alike: swapped, every driver is its inverse.

Where one version has not a term at all, the weights are those of LMDI-I, L(X'_k, X_k) / L(C', C), which bear that: the
term's part, in the limit (X'_k - X_k) / L(C', C), is put down to what is missing, tokens or a price (Ang and Liu,
"Handling zero values in the logarithmic mean Divisia index decomposition approach", Energy Policy 35, 2007).

The input's price q is the sum over classes (fresh, read from cache, written to cache) of share s times price p. Its
ratio is what changed shares do at mean prices, times what changed prices do at mean shares: Fisher's ideal indices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from agent_deploy.costs.mix import Amounts

Name = Literal["input_length", "output_length", "model_calls", "cache", "price"]
NAMES: tuple[Name, ...] = ("input_length", "output_length", "model_calls", "cache", "price")

_Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Driver:
    """One reason. ratio: what it alone makes of the cost of a call; 1 for nothing."""

    name: Name
    ratio: float


def drivers(old: Amounts, new: Amounts) -> tuple[Driver, ...]:
    """The five, in the order of NAMES; their product is new.cost_usd / old.cost_usd. Empty unless both are above 0.

    input_length: input tokens a model call, cached or not. output_length: output tokens a model call, reasoning too.
    model_calls: model calls a call, retries and tool loops. cache: which share of the input was read from or written to
    a cache. price: what a token of each class costs, at one price table: another model, tier or prompt-length rate.
    """
    if min(old.cost_usd, new.cost_usd) <= 0:
        return ()
    logs = dict.fromkeys(NAMES, 0.0)
    for term, weight in _weights(old, new).items():
        for name, ratio in term.factors(old, new).items():
            logs[name] += weight * math.log(ratio)
    for term in _one_sided(old, new):
        change = term.usd(new) - term.usd(old)
        logs[term.missing(new if change < 0 else old)] += change / _log_mean(new.cost_usd, old.cost_usd)
    return tuple(Driver(name, math.exp(logs[name])) for name in NAMES)


def _weights(old: Amounts, new: Amounts) -> dict[_Term, float]:
    """Of the terms that both versions have."""
    terms = [term for term in _TERMS if term.usd(old) > 0 and term.usd(new) > 0]
    if _one_sided(old, new):
        total = _log_mean(new.cost_usd, old.cost_usd)
        return {term: _log_mean(term.usd(new), term.usd(old)) / total for term in terms}
    means = {term: _log_mean(term.usd(new) / new.cost_usd, term.usd(old) / old.cost_usd) for term in terms}
    return {term: mean / math.fsum(means.values()) for term, mean in means.items()}


def _one_sided(old: Amounts, new: Amounts) -> list[_Term]:
    return [term for term in _TERMS if (term.usd(old) > 0) != (term.usd(new) > 0)]


class _Term(Protocol):
    """One of the three."""

    def usd(self, amounts: Amounts) -> float:
        """What it comes to."""

    def factors(self, old: Amounts, new: Amounts) -> dict[Name, float]:
        """The ratios of its factors, where both versions have it."""

    def missing(self, amounts: Amounts) -> Name:
        """What a version lacks that has it not."""


class _Input:
    """M·I·q."""

    def usd(self, amounts: Amounts) -> float:
        return amounts.fresh_usd + amounts.read_usd + amounts.write_usd

    def factors(self, old: Amounts, new: Amounts) -> dict[Name, float]:
        calls = new.model_calls / old.model_calls
        cache, price = _cache_and_price(old, new)
        return {"model_calls": calls, "input_length": new.input / old.input / calls, "cache": cache, "price": price}

    def missing(self, amounts: Amounts) -> Name:
        return "price" if amounts.input else "input_length"


class _Output:
    """M·O·p."""

    def usd(self, amounts: Amounts) -> float:
        return amounts.output_usd

    def factors(self, old: Amounts, new: Amounts) -> dict[Name, float]:
        calls, tokens = new.model_calls / old.model_calls, new.output / old.output
        price = new.output_usd / old.output_usd / tokens
        return {"model_calls": calls, "output_length": tokens / calls, "price": price}

    def missing(self, amounts: Amounts) -> Name:
        return "price" if amounts.output else "output_length"


class _Request:
    """M·f."""

    def usd(self, amounts: Amounts) -> float:
        return amounts.request_usd

    def factors(self, old: Amounts, new: Amounts) -> dict[Name, float]:
        calls = new.model_calls / old.model_calls
        return {"model_calls": calls, "price": new.request_usd / old.request_usd / calls}

    def missing(self, amounts: Amounts) -> Name:
        return "price" if amounts.model_calls else "model_calls"


_TERMS: tuple[_Term, ...] = (_Input(), _Output(), _Request())


def _cache_and_price(old: Amounts, new: Amounts) -> tuple[float, float]:
    """How the price of a token of input changed: by the shares of classes, and by their prices."""
    before, after = _shares(old), _shares(new)
    was, is_ = _class_prices(old, new), _class_prices(new, old)
    whole = _dot(after, is_) / _dot(before, was)
    steps = _dot(after, was) * _dot(after, is_), _dot(before, was) * _dot(before, is_)
    cache = math.sqrt(steps[0] / steps[1]) if min(steps) > 0 else whole
    return cache, whole / cache


def _shares(amounts: Amounts) -> _Three:
    fresh = amounts.input - amounts.cache_read - amounts.cache_write
    return fresh / amounts.input, amounts.cache_read / amounts.input, amounts.cache_write / amounts.input


def _class_prices(own: Amounts, other: Amounts) -> _Three:
    """The price of a token of each class. A class that was not used has the other version's, as much dearer as all."""
    mine, theirs = _known_prices(own), _known_prices(other)
    both = [(a, b) for a, b in zip(mine, theirs, strict=True) if a is not None and b]
    dearer = both[0][0] / both[0][1] if both and both[0][0] else 1.0
    filled = [(b or 0.0) * dearer if a is None else a for a, b in zip(mine, theirs, strict=True)]
    return filled[0], filled[1], filled[2]


def _known_prices(amounts: Amounts) -> list[float | None]:
    fresh = amounts.input - amounts.cache_read - amounts.cache_write
    paid = (
        (amounts.fresh_usd, fresh),
        (amounts.read_usd, amounts.cache_read),
        (amounts.write_usd, amounts.cache_write),
    )
    return [usd / tokens if tokens > 0 else None for usd, tokens in paid]


def _dot(shares: _Three, prices: _Three) -> float:
    return math.fsum(share * price for share, price in zip(shares, prices, strict=True))


def _log_mean(a: float, b: float) -> float:
    """The logarithmic mean; 0 where either is 0."""
    if a <= 0 or b <= 0:
        return 0.0
    if math.isclose(a, b, rel_tol=1e-9):
        return (a + b) / 2
    return (a - b) / math.log(a / b)
