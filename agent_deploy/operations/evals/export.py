"""evals export: a run as an in-toto statement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_deploy.evals.recording import read_outcomes
from agent_deploy.evals.reports.in_toto import statement
from agent_deploy.evals.runs import Run
from agent_deploy.operations.evals.show import finished_run
from agent_deploy.operations.writing import told_if_unwritten
from registry.registry import Registry


@dataclass(frozen=True, slots=True)
class Exported:
    """A run and its statement, JSON values."""

    run: Run
    statement: dict[str, Any]


def export(
    registry: Registry, id_: str, output: Path | None = None, *, fail_under: float | None = None, url: str = ""
) -> Exported:
    """The statement of a run (`reports.in_toto.statement`), also written to `output`, in place of what is there.

    Raises NotFound while the run is not complete, Damaged when a blob of it is not whole, CannotWrite.
    """
    import json

    run = finished_run(registry, id_)
    made = statement(run, read_outcomes(registry, run), fail_under=fail_under, url=url)
    if output is not None:
        with told_if_unwritten(output):
            output.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Exported(run, made)
