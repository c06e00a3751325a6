"""A cost report and a comparison of costs, as one JSON object and as text."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.output import count, facts, moment, table

if TYPE_CHECKING:
    from agent_deploy.costs.compare import CallCounts, CostDelta
    from agent_deploy.costs.report import Line, OutcomeCost
    from agent_deploy.operations.cost import Costs

_HEADINGS = [
    "CALLS", "FAILED", "RETRIES", "MODEL CALLS", "TOOLS", "INPUT", "CACHED", "OUTPUT", "COST", "PER CALL",
    "PER 1,000",
]  # fmt: skip
_USAGE = ("input", "output", "cache_read", "cache_write", "reasoning")


def report_document(found: Costs, outcome: str | None) -> dict[str, Any]:
    """The report; amounts of money are text, exact."""
    from registry.times import to_text

    lines = [{_key(found): _group(found, line), **_line_document(line, outcome)} for line in found.lines]
    return {
        "workflow": found.workflow,
        "environment": found.environment,
        "since": to_text(found.since),
        "until": to_text(found.until) if found.until else None,
        "by": found.by,
        "lines": lines,
        "total": _line_document(found.total, outcome),
        "unpriced": [
            {
                "provider": each.source.provider,
                "model": each.source.model,
                "tier": each.source.tier,
                "why": each.why,
                "model_calls": each.model_calls,
            }
            for each in found.unpriced
        ],
        "prices": found.prices,
    }


def report_text(found: Costs, outcome: str | None) -> str:
    """Of what and when, the table, the outcomes, and where spans say another cost."""
    title = _title(found)
    if not found.total.calls and not found.total.model_calls:
        return f"{title}\nno call on record\n  next: agent-deploy traces import FILE   # --since looks back further"
    lines = [*found.lines, found.total]
    names = [(_named(found, line),) if found.by else () for line in found.lines]
    names.append(("total",) if found.by else ())
    heading = [found.by.upper()] if found.by else []
    rows = [[*name, *_cells(line)] for name, line in zip(names, lines, strict=True)]
    parts = [
        title,
        table([*heading, *_HEADINGS], rows),
        *_outcomes_text(found, lines, outcome),
        *_unknown_text(found.total),
    ]
    return "\n\n".join([*parts, *_reported_text(found.total)])


def _title(found: Costs) -> str:
    where = f" in {found.environment}" if found.environment else ""
    until = moment(found.until) if found.until else "now"
    return click.style(f"{found.workflow}{where}, {moment(found.since)} to {until}", bold=True)


def delta_document(delta: CostDelta, workflow: str, prices: str) -> dict[str, Any]:
    """The comparison. Figures are estimates: numbers, US dollars a call; null where they cannot be said."""
    from agent_deploy.costs.wording import sentence

    return {
        "workflow": workflow,
        "from": delta.from_version,
        "to": delta.to_version,
        "verdict": delta.verdict,
        "cost_per_call": {
            "from": delta.from_usd,
            "to": delta.to_usd,
            "ratio": delta.ratio,
            "low": delta.low,
            "high": delta.high,
        },
        "raw_cost_per_call": {"from": delta.raw_from_usd, "to": delta.raw_to_usd},
        "raw_ratio": delta.raw_ratio,
        "drivers": [{"driver": each.name, "ratio": each.ratio} for each in delta.drivers],
        "price_change": delta.price_change,
        "calls": {"from": delta.calls_from.total, "to": delta.calls_to.total},
        "unknown_calls": {"from": delta.calls_from.unknown, "to": delta.calls_to.unknown},
        "matched_calls": {"from": delta.matched_from, "to": delta.matched_to},
        "matched_by_model": delta.matched_by_model,
        "tenants": delta.tenants,
        "why": delta.why,
        "needed": {"calls": delta.needed.calls, "tenants": delta.needed.tenants} if delta.needed else None,
        "prices": prices,
        "words": sentence(delta),
    }


def delta_text(delta: CostDelta) -> str:
    """The sentence, and what it stands on."""
    from agent_deploy.costs.wording import driver_words, percent, sentence

    told = delta.ratio is not None and delta.verdict == "not_enough_data"
    seen = f"{percent(delta.ratio or 1)}, {_range(delta)}" if told else ""
    alike = f"{delta.matched_from:,} and {delta.matched_to:,} calls have their like with the other version"
    by = "by tenant, input size and model" if delta.matched_by_model else "by tenant and input size; the models differ"
    pairs = [
        ("so far", seen),
        ("per call", f"{_each(delta.from_usd)} → {_each(delta.to_usd)}, same prices and mix of calls"),
        ("as it was", f"{_each(delta.raw_from_usd)} → {_each(delta.raw_to_usd)}{_change(delta.raw_ratio)}, any mix"),
        ("drivers", driver_words(delta.drivers) if told or delta.verdict == "same" else ""),
        ("prices", _price_change(delta.price_change)),
        ("calls", f"{_calls(delta.calls_from)} → {_calls(delta.calls_to)}"),
        ("matched", f"{alike}, {by}"),
    ]
    return f"{sentence(delta)}\n{facts(pairs)}"


def _key(found: Costs) -> str:
    return found.by or "group"


def _group(found: Costs, line: Line) -> str | int:
    return int(line.group) if found.by == "version" else line.group


def _named(found: Costs, line: Line) -> str:
    """As people read it: version 0 and an empty tenant are those that spans do not name."""
    return line.group if line.group and not (found.by == "version" and line.group == "0") else "(none named)"


def _line_document(line: Line, outcome: str | None) -> dict[str, Any]:
    reported = line.reported
    return {
        "calls": line.calls,
        "unknown_calls": line.unknown,
        "failed": line.failed,
        "retries": line.retries,
        "model_calls": line.model_calls,
        "tool_calls": line.tool_calls,
        "tokens": {name: getattr(line.usage, name) for name in _USAGE},
        "cost_usd": _money(line.cost_usd),
        "cost_per_call_usd": _money(line.per_call_usd),
        "cost_per_1000_calls_usd": _money(_thousand(line.per_call_usd)),
        "outcomes": [
            {"outcome": each.outcome, "calls": each.calls, "cost_per_outcome_usd": _money(each.cost_usd)}
            for each in _wanted(line, outcome)
        ],
        "reported": {
            "model_calls": reported.model_calls,
            "reported_usd": _money(reported.reported_usd),
            "computed_usd": _money(reported.computed_usd),
            "differs": reported.differs,
        }
        if reported
        else None,
    }  # fmt: skip


def _cells(line: Line) -> list[str]:
    usage = line.usage
    cached = f"{100 * usage.cache_read / usage.input:.0f} %" if usage.input else "-"
    return [
        f"{line.calls:,}", f"{line.failed:,}", f"{line.retries:,}", f"{line.model_calls:,}", f"{line.tool_calls:,}",
        f"{usage.input:,}", cached, f"{usage.output:,}", *_money_cells(line),
    ]  # fmt: skip


def _money_cells(line: Line) -> list[str]:
    """A tool's price, say, is not ours to know."""
    amounts = (line.cost_usd, line.per_call_usd, _thousand(line.per_call_usd))
    return [_usd(amount) if line.model_calls else "-" for amount in amounts]


def _outcomes_text(found: Costs, lines: list[Line], outcome: str | None) -> list[str]:
    named = found.by in ("version", "tenant", "day")
    told = lines if named else [found.total]
    rows = [
        [*([_outcome_group(found, line)] if named else []), each.outcome, f"{each.calls:,}", _usd(each.cost_usd)]
        for line in told
        for each in _wanted(line, outcome)
    ]
    if rows:
        return [table([*([str(found.by).upper()] if named else []), "OUTCOME", "CALLS", "COST PER OUTCOME"], rows)]
    return [f"no call ended with outcome {outcome!r}"] if outcome else []


def _outcome_group(found: Costs, line: Line) -> str:
    return "total" if line is found.total else _named(found, line)


def _wanted(line: Line, outcome: str | None) -> list[OutcomeCost]:
    return [each for each in line.outcomes if outcome in (None, each.outcome)]


def _unknown_text(total: Line) -> list[str]:
    if not total.unknown:
        return []
    return [f"the cost of {count(total.unknown, 'call')} is unknown, and in no figure of money"]


def _reported_text(total: Line) -> list[str]:
    reported = total.reported
    if reported is None or not reported.differs:
        return []
    more = "" if reported.difference is None else f" ({100 * float(reported.difference):+.1f} %)"
    said, own = _usd(reported.reported_usd), _usd(reported.computed_usd)
    return [f"the spans of {count(reported.model_calls, 'model call')} say {said}, their tokens come to {own}{more}"]


def _thousand(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount * 1000


def _money(amount: Decimal | None) -> str | None:
    """Exact to the twelfth place; a mean may have no end."""
    return None if amount is None else f"{round(amount, 12).normalize():f}"


def _usd(amount: Decimal | None) -> str:
    from agent_deploy.wording import usd

    return usd(amount)


def _each(amount: float | None) -> str:
    return "unknown" if amount is None else _usd(Decimal(repr(amount)))


def _change(ratio: float | None) -> str:
    from agent_deploy.costs.wording import percent

    return "" if ratio is None else f" ({percent(ratio)})"


def _range(delta: CostDelta) -> str:
    from agent_deploy.costs.wording import percent

    return f"anything from {percent(delta.low or 1)} to {percent(delta.high or 1)}"


def _price_change(ratio: float | None) -> str:
    """What prices that moved meanwhile did to the bill; empty for nothing."""
    from agent_deploy.costs.wording import percent

    if ratio is None or abs(ratio - 1) < 0.005:
        return ""
    return f"changed meanwhile: {percent(ratio)} on what was paid, not in the comparison"


def _calls(counts: CallCounts) -> str:
    return f"{counts.total:,}{f' ({counts.unknown:,} of unknown cost)' if counts.unknown else ''}"
