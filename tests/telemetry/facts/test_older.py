"""Segments of an older release, which had fewer columns: read as they are, and merged into segments of today."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from agent_deploy.telemetry.facts.segments import list_segments, put_segment
from agent_deploy.telemetry.facts.store import FactStore
from registry.errors import Damaged
from tests.telemetry.facts.made import HOUR, NINE, call, calls_of, kept_in, read_calls, read_facts, seal


def _made_older(facts: FactStore, folder: Path, keep: str) -> None:
    """Have the one segment in the store with these columns alone."""
    (segment,) = list_segments(facts.store)
    path = folder / "older.parquet"
    source = f"{facts.store.url}/{segment.key}"
    duckdb.execute(f"COPY (SELECT {keep} FROM read_parquet('{source}', hive_partitioning = false)) TO '{path}'")  # noqa: S608
    facts.store.delete(segment.key)
    put_segment(facts.store, segment.hour, path.read_bytes())


_LACKING = '* EXCLUDE (stray, call_number, call_model_calls, tier, reasoning_tokens, score_passed, attempt, "user")'


@pytest.mark.parametrize("merged", [False, True])
def test_what_columns_say_that_it_had_not_is_nothing_and_all_else_is_there(tmp_path: Path, merged: bool) -> None:
    facts = kept_in(tmp_path, at=NINE + 9 * HOUR)
    older, newer = call(1, tier="batch", attempt=2), [*call(2), *call(3, NINE + HOUR)]
    seal(facts, older)
    _made_older(facts, tmp_path, _LACKING)
    seal(facts, newer)
    if merged:
        facts.compact()
    plain = [*call(1), *newer]
    assert (read_facts(facts), read_calls(facts)) == (plain, calls_of(plain))


def test_a_table_of_other_things_is_named(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    seal(facts, call(1))
    _made_older(facts, tmp_path, "trace_id, started_at")
    with pytest.raises(Damaged, match="is damaged: it is no table of facts"):
        read_facts(facts)
