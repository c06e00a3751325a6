"""A figure: what was measured, what it is held against, and whether that is what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Unit = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table. met: None where nothing was asked for, or nothing could be measured."""

    what: str
    measured: str
    against: str = ""
    ratio: str = ""
    asked: str = ""
    met: bool | None = None


def no_more_than(
    times: float, what: str, value: float, unit: Unit, *, against: str, baseline: float, note: str = ""
) -> Figure:
    """A cost that may be `times` the baseline at most."""
    ratio = value / baseline
    return Figure(
        what, unit(value) + note, f"{unit(baseline)} {against}", f"{ratio:.2f} ×", f"≤ {times:g} ×", ratio <= times
    )


def times_faster(times: float, what: str, value: float, unit: Unit, *, against: str, baseline: float) -> Figure:
    """A cost that the baseline has to be at least `times` as large as."""
    ratio = baseline / value
    shown = f"{ratio:.1f} × faster" if ratio < 100 else f"{ratio:.0f} × faster"
    return Figure(what, unit(value), f"{unit(baseline)} {against}", shown, f"≥ {times:g} ×", ratio >= times)


def at_most(limit: float, what: str, value: float, unit: Unit, *, against: str = "", note: str = "") -> Figure:
    """A figure with a limit of its own."""
    return Figure(what, unit(value) + note, against, "", f"≤ {unit(limit)}", value <= limit)


def at_least(
    limit: float, what: str, value: float, unit: Unit, *, against: str = "", baseline: float | None = None
) -> Figure:
    """A rate with a limit of its own, beside a rate that cannot be exceeded where there is one."""
    ratio = f"{value / baseline:.2f} ×" if baseline else ""
    shown = f"{unit(baseline)} {against}" if baseline else against
    return Figure(what, unit(value), shown, ratio, f"≥ {unit(limit)}", value >= limit)


def told(what: str, value: float, unit: Unit, *, against: str = "", baseline: float | None = None) -> Figure:
    """A figure of which nothing is asked."""
    if baseline is None:
        return Figure(what, unit(value), against)
    return Figure(what, unit(value), f"{unit(baseline)} {against}", f"{value / baseline:.2f} ×")


def not_measured(what: str, why: str, asked: str = "") -> Figure:
    """A figure that could not be had, and why, in plain words."""
    return Figure(what, "not measured", why, asked=asked)


def seconds(value: float) -> str:
    """A duration in the unit that reads best."""
    for size, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= size:
            return f"{value / size:.3g} {name}" if value / size < 1000 else f"{value / size:.0f} {name}"
    return f"{value / 1e-9:.3g} ns"


def mebibytes(value: float) -> str:
    """Kibibytes, as the kernel counts memory, in MiB."""
    return f"{value / 1024:.1f} MiB"


def size_in_bytes(value: float) -> str:
    """A size, to a tenth of a byte."""
    return f"{value:.1f} B"


def spans_per_second(value: float) -> str:
    """A rate of spans."""
    return f"{value:,.0f} spans/s"


def percent_of_a_core(value: float) -> str:
    """A share of one core."""
    return f"{value * 100:.2f} %"


HEADINGS = ("what", "measured", "floor or peer", "ratio", "asked", "met?")


def cells(figure: Figure) -> Sequence[str]:
    """The row's cells, one for each of HEADINGS."""
    met = {True: "yes", False: "MISSED", None: "–"}[figure.met]
    return (figure.what, figure.measured, figure.against or "–", figure.ratio or "–", figure.asked or "–", met)
