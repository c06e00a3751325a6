"""Whether it is known what a model call cost, and if not, why. One rule for all that tell of money. Pure.

1. A call that failed, and of which no token is reported, cost nothing: providers do not charge for what they refuse.
2. Of any other call, tokens that nobody counted make the cost unknown; they are not taken for none. Counts that do not
   add up are none (`Usage.adds_up`). Output alone may go uncounted where it costs nothing: an embedding has none.
3. A class of tokens that was used and has no price makes it unknown too.
"""

from __future__ import annotations

from typing import Literal

from agent_deploy.costs.rates import Rates

Unknown = Literal["no price", "no token counts"]


def why_unknown(rates: Rates | None, *, told: bool, spoke: bool | None) -> Unknown | None:
    """Why the cost of a call that rule 1 is not about is unknown; None where `rates` can tell it.

    told: whether input was counted, and the counts add up. spoke: whether there was output; None where nobody counted.
    """
    if not told:
        return "no token counts"
    if rates is None or (spoke and rates.output is None):
        return "no price"
    return "no token counts" if spoke is None and rates.output else None
