"""docs/facts.md tells the truth: the columns, the tables for other engines, and the query that can be run here."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from agent_deploy.telemetry.facts.rollup import SEGMENT_COLUMNS
from tests.reference import ROOT
from tests.telemetry.facts.made import HOUR, NINE, call, calls_of, kept_in, seal

PAGE = (ROOT / "docs" / "facts.md").read_text(encoding="utf-8")
# The same types in the words of other engines; a column that may be null is `Nullable` in ClickHouse.
TYPES = {
    "Athena": {
        "VARCHAR": "string", "BIGINT": "bigint", "DOUBLE": "double", "BOOLEAN": "boolean", "TIMESTAMP": "timestamp",
    },
    "Trino": {
        "VARCHAR": "varchar", "BIGINT": "bigint", "DOUBLE": "double", "BOOLEAN": "boolean", "TIMESTAMP": "timestamp(6)",
    },
    "ClickHouse": {
        "VARCHAR": "String", "BIGINT": "Int64", "DOUBLE": "Float64", "BOOLEAN": "Bool",
        "TIMESTAMP": "DateTime64(6, 'UTC')",
    },
}  # fmt: skip


def _section(heading: str) -> str:
    return PAGE.partition(f"### {heading}\n")[2].partition("\n#")[0]


def test_every_column_of_a_segment_is_in_the_table_with_its_type() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE, re.MULTILINE)
    assert dict(rows) == SEGMENT_COLUMNS


@pytest.mark.parametrize("engine", TYPES)
def test_the_table_of_every_engine_has_them_too(engine: str) -> None:
    columns = re.findall(r'["`](\w+)["`] (?:Nullable\()?(\w+(?:\([^)]*\))?)', _section(engine))
    expected = [(name, TYPES[engine][kind]) for name, kind in SEGMENT_COLUMNS.items()]
    assert columns[: len(expected)] == expected
    assert [name for name, _ in columns[len(expected) :]] == ["date", "hour"]


def test_every_column_of_the_view_of_calls_is_named(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    names = [column[0] for column in facts.connection().execute("FROM calls").description or ()]
    told = PAGE.partition("## Calls\n")[2].partition("\n- ")[0]
    tokens = [name for name in names if name.endswith("_tokens")]
    assert (len(tokens), set(names) - set(tokens) - set(re.findall(r"`(\w+)`", told))) == (5, set())


def test_the_query_gives_what_was_received_before_hours_are_merged_and_after(tmp_path: Path) -> None:
    facts = kept_in(tmp_path, at=NINE + 9 * HOUR)
    given = [*call(1), *call(2, version=42), *call(3, NINE + HOUR, version=42), *call(4, workflow="other")]
    seal(facts, given)
    seal(facts, call(2, version=42))
    query = _section("DuckDB").partition("```sql\n")[2].partition("```")[0]
    query = query.replace("s3://bucket/prefix", str(tmp_path / "store"))
    calls = [row for row in calls_of(given) if row["workflow"] == "support-triage"]
    expected = [
        (version, len(mine), sum(row["input_tokens"] for row in mine), sum(row["output_tokens"] for row in mine))
        for version in (41, 42)
        if (mine := [row for row in calls if row["version"] == version])
    ]
    for _ in range(2):
        assert duckdb.connect().execute(query).fetchall() == expected
        facts.compact()
