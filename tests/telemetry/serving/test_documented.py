"""docs/serve.md and the dashboard name the figures that /metrics shows, and no others."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from agent_deploy.costs.prices import Prices
from agent_deploy.telemetry.serving.figures import Figures
from agent_deploy.telemetry.serving.forwarding import Forwarder, Reply
from agent_deploy.telemetry.serving.health import Health
from agent_deploy.telemetry.serving.pressure import Room
from agent_deploy.telemetry.spending.pricing import Pricing
from registry.models import Release
from tests.telemetry.otlp import Sent, protobuf
from tests.telemetry.serving.receiving import receiving

_DOCS = Path(__file__).parents[3] / "docs"
_DASHBOARD = json.loads((_DOCS / "grafana.json").read_text(encoding="utf-8"))
_ASKED = [(panel["title"], target) for panel in _DASHBOARD["panels"] for target in panel["targets"]]
_CALL = {
    "gen_ai.operation.name": "invoke_workflow", "agent_deploy.workflow": "support-triage", "error.type": "TimeoutError",
}  # fmt: skip
_CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5-mini"}
_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_USED = {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 1}


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


@pytest.fixture(scope="module")
def labels() -> dict[str, set[str]]:
    """The labels of every series that /metrics prints once there was one of everything, by the series' name."""
    found: dict[str, set[str]] = defaultdict(set)
    with receiving() as there:
        spans = (Sent(1, attributes=_CALL), Sent(2, 1, _CHAT | _USED), Sent(3, 1, _CHAT))
        assert there.post(protobuf(*spans)).status_code == 200
        there.figures.failed("seal")
        there.figures.forwarded("refused")
        there.figures.workflows.show_live([_release()])
        for family in text_string_to_metric_families(there.http.get("/metrics").text):
            for sample in family.samples:
                found[sample.name] |= set(sample.labels)
    return found


def _release() -> Release:
    return Release(
        workflow="support-triage", environment="production", generation=1, version=1, tag="1.0.0", digest="sha256:0",
        kind="promote", actor="ann", reason="", released_at=_NOON, previous_version=None,
        override_hold=False, previous_hash="", hash="",
    )  # fmt: skip


@pytest.mark.parametrize(("title", "target"), _ASKED, ids=[f"{title}-{one['refId']}" for title, one in _ASKED])
def test_each_panel_asks_for_series_and_labels_that_are_printed(
    labels: dict[str, set[str]], title: str, target: dict[str, str]
) -> None:
    asked = target["expr"]
    grouped = {name for group in re.findall(r"by \(([a-z_, ]+)\)", asked) for name in group.split(", ")}
    chosen = set(re.findall(r"([a-z_]+)=~", asked))
    shown = set(re.findall(r"{{([a-z_]+)}}", target["legendFormat"]))
    for series in re.findall(r"agent_deploy_[a-z_]+", asked):
        assert grouped | chosen <= labels[series], (title, series)
        assert shown <= (grouped or labels[series]), title


def test_the_choices_of_the_dashboard_are_labels_that_are_printed(labels: dict[str, set[str]]) -> None:
    queries = [one["query"] for one in _DASHBOARD["templating"]["list"] if one["type"] == "query"]
    asked = [re.fullmatch(r"label_values\((\w+), (\w+)\)", query) for query in queries]
    assert [bool(one and one[2] in labels[one[1]]) for one in asked] == [True, True]


@pytest.mark.parametrize("page", ["serve.md", "tracing.md"])
def test_the_collectors_configuration_puts_together_what_it_defines(page: str) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (_DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    (collector,) = [found for block in blocks if "service" in (found := yaml.safe_load(block))]
    (pipeline,) = collector["service"]["pipelines"].values()
    parts = {kind: set(collector.get(kind, ())) for kind in ("receivers", "processors", "exporters")}
    assert {kind: set(pipeline.get(kind, ())) for kind in parts} == parts
