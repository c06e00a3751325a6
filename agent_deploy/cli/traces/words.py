"""How a call's figures read in a line."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_deploy.telemetry.looking.calls import Call


def tokens_word(input_tokens: int | None, output_tokens: int | None) -> str:
    """`1,204 in, 56 out`; `-` where nothing is said."""
    if input_tokens is None and output_tokens is None:
        return "-"
    return f"{input_tokens or 0:,} in, {output_tokens or 0:,} out"


def cost_word(cost: Decimal | None, model_calls: int, unpriced: Sequence[str]) -> str:
    """`$0.0031`; `unknown` where a model call has no known cost, `-` where there was none."""
    from agent_deploy.wording import usd

    if not model_calls:
        return "-"
    return "unknown" if unpriced else usd(cost)


def ended(call: Call) -> str:
    """Its failure mode, else its outcome, else that it was done."""
    if not call.rooted:
        return "no end on record"
    return failure(call.failure_mode, call.error_type) if call.failed else call.outcome or "done"


def failure(mode: str, error_type: str) -> str:
    """`timeout: openai.APITimeoutError`."""
    return f"{mode or 'failed'}: {error_type}" if error_type and error_type != mode else mode or "failed"
