"""docs/serve.md and the dashboard name the figures that /metrics shows, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from agent_deploy.costs.prices import Prices
from agent_deploy.telemetry.serving.figures import Figures
from agent_deploy.telemetry.serving.forwarding import Forwarder, Reply
from agent_deploy.telemetry.serving.health import Health
from agent_deploy.telemetry.serving.pressure import Room
from agent_deploy.telemetry.spending.pricing import Pricing

_DOCS = Path(__file__).parents[3] / "docs"


async def _send(_body: bytes, _headers: object) -> Reply:
    return Reply(200)


def _shown() -> set[str]:
    """As they are queried: counters end in `_total`."""
    figures = Figures(Pricing(Prices()))
    figures.show(Room(1, 1), Health(), Forwarder(_send, figures.forwarded))
    families = text_string_to_metric_families(figures.text().decode())
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in families}


def _named(text: str) -> set[str]:
    named = set(re.findall(r"agent_deploy_[a-z_]+", text))
    return {re.sub(r"_bucket$", "", name) for name in named}


def test_every_figure_is_in_the_document_and_no_other() -> None:
    table = (_DOCS / "serve.md").read_text(encoding="utf-8").partition("## Figures")[2].partition("## Running it")[0]
    table = table.replace("`…_bytes`", "`agent_deploy_ingest_queue_bytes`")
    assert _named(table) == _shown()


def test_the_dashboard_asks_for_figures_that_there_are() -> None:
    named = _named((_DOCS / "grafana.json").read_text(encoding="utf-8"))
    assert named
    assert named <= _shown()
