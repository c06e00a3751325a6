"""What a model call cost: by the prices of one's own first, then by those of genai-prices, of that day. Offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.costs.price_file import PriceFile, read_price_file
from agent_deploy.costs.providers import one_name
from agent_deploy.costs.rates import Rates
from agent_deploy.costs.usage import ModelCall

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

_THOUSAND = Decimal(1000)
_DIGITS = 12

# Names of OpenTelemetry (semantic conventions, `gen_ai.provider.name`) that genai-prices does not match by itself.
_PROVIDERS: Mapping[str, str] = {
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gen_ai": "google",
    "mistral_ai": "mistral",
    "x_ai": "x-ai",
}


class Prices:
    """Prices of model calls. Reads the price data once, when it is first asked, and nothing from the network."""

    def __init__(self, own: PriceFile | None = None, own_name: str = "") -> None:
        self._own = own
        self._own_name = own_name
        self._models: dict[tuple[str, str], ModelInfo | None] = {}

    @property
    def version(self) -> str:
        """Which prices these are, for the record: `genai-prices 0.2.3`, and the own file's name and digest."""
        from importlib.metadata import version

        data = f"genai-prices {version('genai-prices')}"
        return f"{data}, {self._own_name} {self._own.digest[: len('sha256:') + _DIGITS]}" if self._own else data

    def price(self, call: ModelCall, at: datetime) -> Decimal | None:
        """USD for a call made at that moment; None where it is unknown, never 0 in its stead.

        Unknown: a model without a price (a local one too, unless the own file says 0), a model of which only some
        classes have one and others were used, and a call whose tokens nobody reported or that do not add up.
        """
        rates = self.rates(call.provider, call.model, call.usage.input, at)
        return rates.price(call.usage) if rates else None

    def rates(self, provider: str, model: str, input_tokens: int, at: datetime, tier: str = "") -> Rates | None:
        """What a call of that many input tokens pays per million, at that moment; None where it is unknown.

        tier: what the provider charges by (batch, flex, priority); empty for its standard rates.
        """
        moment = at.astimezone(UTC)
        own = self._own.rates(provider, model, moment.date(), tier) if self._own else None
        if own is not None:
            return own
        known = self._model(provider, model)
        found = _prices_of(known, moment, tier) if known else None
        return _rates(found, input_tokens) if found else None

    def turns(self, provider: str, model: str) -> tuple[time, ...]:
        """The times of day, UTC, at which this model's price may change; midnight among them."""
        known = self._model(provider, model)
        return _turns(known) if known else (time(),)

    def lengths(self, provider: str, model: str) -> tuple[int, ...]:
        """The numbers of input tokens above which other rates hold, ascending; own prices have none."""
        known = self._model(provider, model)
        return _lengths(known) if known else ()

    def _model(self, provider: str, model: str) -> ModelInfo | None:
        key = (provider, model)
        if key not in self._models:
            self._models[key] = _find_model(provider, model)
        return self._models[key]


def open_prices(override_file: Path | None = None) -> Prices:
    """The prices, with those of a file of one's own before them; raises BadInput naming file, line and key."""
    if override_file is None:
        return Prices()
    return Prices(read_price_file(override_file), override_file.name)


def cost_of(calls: Iterable[ModelCall], prices: Prices, at: datetime) -> tuple[Decimal | None, tuple[str, ...]]:
    """USD for all the calls together, and the models without a price, as `provider/model`, each once, sorted.

    None where any has no price, and where there are no calls: nothing is known of them then.
    """
    total, unpriced, count = Decimal(0), set[str](), 0
    for count, call in enumerate(calls, start=1):  # noqa: B007 - how many there were
        price = prices.price(call, at)
        if price is None:
            unpriced.add(f"{call.provider}/{call.model}")
        else:
            total += price
    return (total if count and not unpriced else None), tuple(sorted(unpriced))


def _find_model(provider: str, model: str) -> ModelInfo | None:
    from genai_prices.data_snapshot import get_snapshot

    try:
        name = _PROVIDERS.get(one_name(provider), one_name(provider))
        return get_snapshot().find_provider_model(model, None, name, None)[1]
    except LookupError:
        return None


def _prices_of(model: ModelInfo, moment: datetime, tier: str) -> ModelPrice | None:
    """The data's prices; None where it has none for the tier then: those of another are not taken for them."""
    if not tier:
        return model.get_prices(moment)
    for context in ({"processing": tier}, {"service_tier": tier}):
        for variant in model.price_variants or ():
            if variant.when == context and (variant.constraint is None or variant.constraint.active(moment)):
                return model.get_prices(moment, context)
    return None


def _all_prices(model: ModelInfo) -> Iterator[ModelPrice]:
    yield from [model.prices] if not isinstance(model.prices, list) else [each.prices for each in model.prices]
    yield from (variant.prices for variant in model.price_variants or ())


def _lengths(model: ModelInfo) -> tuple[int, ...]:
    from genai_prices.types import TieredPrices

    values = (value for price in _all_prices(model) for value in price.__dict__.values())
    return tuple(sorted({tier.start for value in values if isinstance(value, TieredPrices) for tier in value.tiers}))


def _turns(model: ModelInfo) -> tuple[time, ...]:
    from genai_prices.types import TimeOfDateConstraint

    constraints = [each.constraint for each in model.prices] if isinstance(model.prices, list) else []
    constraints += [variant.constraint for variant in model.price_variants or ()]
    daily = [constraint for constraint in constraints if isinstance(constraint, TimeOfDateConstraint)]
    ends = [end for constraint in daily for end in (constraint.start_time, constraint.end_time)]
    return tuple(sorted({time(), *(_utc(end) for end in ends)}))


def _utc(moment: time) -> time:
    return datetime.combine(date(1970, 1, 1), moment).astimezone(UTC).time() if moment.tzinfo else moment


def _rates(price: ModelPrice, input_tokens: int) -> Rates | None:
    """The data's rates for text, in the tier that this many input tokens fall in: it applies to all the call's tokens.

    None where the data has no price for input: it lists free and withdrawn models alike without any.
    """
    found = {key: _in_tier(value, input_tokens) for key, value in price.__dict__.items() if value is not None}
    if "input_mtok" not in found:
        return None
    return Rates(
        input=found["input_mtok"],
        output=found.get("output_mtok"),
        cache_read=found.get("cache_read_mtok"),
        cache_write=found.get("cache_write_mtok"),
        reasoning=found.get("output_reasoning_mtok"),
        request=found.get("requests_kcount", Decimal(0)) / _THOUSAND,
    )


def _in_tier(value: object, input_tokens: int) -> Decimal:
    from genai_prices.types import TieredPrices

    if not isinstance(value, TieredPrices):
        return Decimal(str(value))
    return next((tier.price for tier in reversed(value.tiers) if input_tokens > tier.start), value.base)
