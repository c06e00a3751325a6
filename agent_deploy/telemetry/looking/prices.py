"""What one model call on record cost. Figures over many are priced in groups (`spending`), by the same rules."""

from __future__ import annotations

from decimal import Decimal

from agent_deploy.costs.prices import Prices
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.looking.tree import Price
from agent_deploy.telemetry.spending.pricing import Pricing


def price_of(prices: Prices) -> Price:
    """The function that prices a fact: USD, None where unknown."""
    pricing = Pricing(prices)

    def price(fact: Fact) -> Decimal | None:
        cost = pricing.cost(fact)
        return cost if isinstance(cost, Decimal) else None

    return price
