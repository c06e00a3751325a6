"""The document of what is read of others' spans leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path

from agent_deploy.telemetry.reading.meaning import MEANINGS

PAGE = Path(__file__).parents[2] / "docs" / "tracing.md"


def test_the_mapping_table_names_every_attribute_that_is_read() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Spans of others")[2]
    table = [row for row in section.splitlines() if row.startswith("|")]
    named = {name for row in table for name in re.findall(r"`([a-z_.]+)`", row) if "." in name}
    elsewhere = {"gen_ai.evaluation.result", "az.ai.openai", "azure.ai.openai", "gcp.vertex_ai"}
    assert named - elsewhere == set(MEANINGS)
