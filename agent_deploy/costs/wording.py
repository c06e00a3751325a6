"""The delta in one sentence, such as `version 42 costs 18 % more per call than 41 (95 % CI 11 to 25 %)`, and why."""

from __future__ import annotations

from collections.abc import Mapping

from agent_deploy.costs.compare import CONFIDENCE, SAME_WITHIN, CostDelta
from agent_deploy.costs.drivers import Driver, Name

# A driver that makes less of a difference is not told.
_TOLD_FROM = 0.01

# What makes a call dearer, and what makes it cheaper.
_WORDS: Mapping[Name, tuple[str, str]] = {
    "input_length": ("longer inputs", "shorter inputs"),
    "output_length": ("longer outputs", "shorter outputs"),
    "model_calls": ("more model calls", "fewer model calls"),
    "cache": ("worse caching", "better caching"),
    "price": ("dearer tokens", "cheaper tokens"),
}


def sentence(delta: CostDelta) -> str:
    """The verdict, with the interval and the drivers that count; or what a verdict lacks and takes."""
    new, old = f"version {delta.to_version}", str(delta.from_version)
    if delta.verdict == "not_enough_data" or delta.ratio is None or delta.low is None or delta.high is None:
        return _undecided(delta) if delta.verdict == "not_enough_data" else f"{new} costs nothing, and {old} neither"
    if delta.verdict == "same":
        within = f"within {100 * SAME_WITHIN:.0f} %"
        return f"{new} costs the same per call as {old}, {within} {_interval(delta.low, delta.high)}"
    size, more = _size(delta.ratio), "more" if delta.verdict == "dearer" else "less"
    interval = _interval(delta.low, delta.high) if more == "more" else _interval(2 - delta.high, 2 - delta.low)
    why = driver_words(delta.drivers)
    return f"{new} costs {size} {more} per call than {old} {interval}{f': {why}' if why else ''}"


def driver_words(drivers: tuple[Driver, ...]) -> str:
    """`longer outputs +21 %, better caching −3 %`, what counts most first; empty where nothing counts."""
    told = sorted(
        (driver for driver in drivers if abs(driver.ratio - 1) >= _TOLD_FROM),
        key=lambda driver: max(driver.ratio, 1 / driver.ratio),
        reverse=True,
    )
    return ", ".join(f"{_WORDS[driver.name][driver.ratio < 1]} {percent(driver.ratio)}" for driver in told)


def percent(ratio: float) -> str:
    """A ratio as a change: `+21 %`, `−3 %`, `±0 %`."""
    change = round(100 * (ratio - 1))
    if not change:
        return "±0 %"
    return f"{'+' if change > 0 else '−'}{abs(change):,} %"


def _undecided(delta: CostDelta) -> str:
    start = f"not enough data to compare version {delta.to_version} with {delta.from_version}: {delta.why}"
    if delta.needed is None:
        return start
    tenants = f" from {delta.needed.tenants:,} tenants" if delta.tenants else ""
    return f"{start}; needed: about {delta.needed.calls:,} calls of each version{tenants}"


def _size(ratio: float) -> str:
    change = 100 * abs(ratio - 1)
    return f"{change:.0f} %" if change >= 1 else f"{change:.2g} %"


def _interval(low: float, high: float) -> str:
    """`(95 % CI 11 to 25 %)`."""
    return f"({100 * CONFIDENCE:.0f} % CI {_signed(low)} to {_signed(high)} %)"


def _signed(ratio: float) -> str:
    change = 100 * (ratio - 1)
    text = f"{abs(change):.0f}" if abs(change) >= 1 or change == 0 else f"{abs(change):.1g}"
    return f"−{text}" if change < 0 else text
