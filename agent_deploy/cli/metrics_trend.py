"""A workflow's trend for people, from the first stretch with calls to the last: charts on a terminal, else a table."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from agent_deploy.cli.drawing import chart, draws_charts
from agent_deploy.cli.metrics_words import Number, dollars, share, time, whole
from agent_deploy.cli.output import table

if TYPE_CHECKING:
    from agent_deploy.telemetry.looking.metrics import Bucket, Metrics

_WIDEST = 100
_BAR = 20


def trend_text(found: Metrics) -> str:
    """All of it; empty without calls. What lies before the first call and after the last is told in a line each."""
    busy = [number for number, bucket in enumerate(found.trend) if bucket.counts.calls]
    if not busy:
        return ""
    first, last = busy[0], busy[-1]
    drawn = _charts(found, found.trend[max(first - 1, 0) : last + 2]) if draws_charts() else ""
    quiet = []
    if first > 0:
        quiet.append(f"no call before {_when(found, found.trend[first].since)}")
    if last < len(found.trend) - 1:
        quiet.append(f"no call from {_when(found, found.trend[last + 1].since)} on")
    return "\n".join([drawn or _table(found, found.trend[first : last + 1]), *quiet])


def _charts(found: Metrics, buckets: Sequence[Bucket]) -> str:
    """With an empty stretch on either side, so that a beginning and an end are seen to be ones."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    labels = (_when(found, buckets[0].since), _when(found, buckets[-1].since))
    charts = []
    for title, value, tell in _LINES:
        values = [value(bucket) for bucket in buckets]
        known = [number for number in values if number is not None]
        if known:
            charts.append(chart(title, values, labels, [tell(max(known)), tell(min(known))], width))
    return "\n\n".join(drawn for drawn in charts if drawn)


_LINES: Sequence[tuple[str, Callable[[Bucket], float | None], Callable[[Number], str]]] = (
    ("calls", lambda bucket: float(bucket.counts.calls), whole),
    ("quality", lambda bucket: bucket.counts.quality_rate, share),
    ("failed", lambda bucket: bucket.counts.failure_rate if bucket.counts.failed else None, share),
    ("P95", lambda bucket: bucket.counts.latency.p95_ms if bucket.counts.latency else None, time),
    ("cost per call", lambda bucket: _float(bucket.cost.per_call_usd(bucket.counts.calls)), dollars),
)


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _table(found: Metrics, buckets: Sequence[Bucket]) -> str:
    most = max(bucket.counts.calls for bucket in buckets)
    rows = [
        [_when(found, bucket.since), f"{bucket.counts.calls:,}", share(bucket.counts.quality_rate),
         share(bucket.counts.failure_rate), time(bucket.counts.latency.p95_ms if bucket.counts.latency else None),
         dollars(bucket.cost.per_call_usd(bucket.counts.calls)), "#" * round(_BAR * bucket.counts.calls / most)]
        for bucket in buckets
    ]  # fmt: skip
    return table(["FROM", "CALLS", "QUALITY", "FAILED", "P95", "COST PER CALL", ""], rows)


def _when(found: Metrics, start: datetime) -> str:
    """The day, or where stretches are shorter the time too."""
    return f"{start:%m-%d %H:%M}" if found.bucket.days < 1 else f"{start:%Y-%m-%d}"
