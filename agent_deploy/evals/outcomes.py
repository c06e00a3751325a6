"""A run in columns: what the gate and the comparison of two runs read, without the outputs. Small, and quick to read.

Stored as JSON: `{"cases": [...], "repeats": 3, "critical": [...], "clusters": [...], "tags": [...],
"status": ["PFE", ...], "cost_usd": [[...]], "latency_ms": [[...]]}`; row i belongs to case i, one letter or
number a repeat.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent_deploy.evals.cases import Case
from agent_deploy.evals.results import Result

_LETTERS = {"passed": "P", "failed": "F", "errored": "E"}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """A finished run by case, in the order of ids. All sequences have one entry a case.

    status: one letter a repeat, P(assed), F(ailed) or E(rrored). cost_usd: one float a repeat, None where unknown
    (floats: these are for statistics; money is added up from the results). latency_ms: one a repeat, None when errored.
    """

    cases: tuple[str, ...]
    repeats: int
    status: tuple[str, ...]
    critical: tuple[bool, ...]
    clusters: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]
    cost_usd: tuple[tuple[float | None, ...], ...]
    latency_ms: tuple[tuple[float | None, ...], ...]

    def encoded(self) -> bytes:
        """As stored."""
        document = {
            "cases": self.cases,
            "repeats": self.repeats,
            "status": self.status,
            "critical": [int(critical) for critical in self.critical],
            "clusters": self.clusters if any(self.clusters) else [],
            "tags": self.tags if any(self.tags) else [],
            "cost_usd": self.cost_usd,
            "latency_ms": self.latency_ms,
        }
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def decode_outcomes(data: bytes) -> Outcomes:
    """What `Outcomes.encoded` wrote."""
    document = json.loads(data)
    cases = tuple(document["cases"])
    none: list[str] = [""] * len(cases)
    return Outcomes(
        cases=cases,
        repeats=document["repeats"],
        status=tuple(document["status"]),
        critical=tuple(map(bool, document["critical"])),
        clusters=tuple(document["clusters"] or none),
        tags=tuple(map(tuple, document["tags"] or none)),
        cost_usd=tuple(map(tuple, document["cost_usd"])),
        latency_ms=tuple(map(tuple, document["latency_ms"])),
    )


def outcomes_of(cases: Iterable[Case], results: Mapping[tuple[str, int], Result], repeats: int) -> Outcomes:
    """The columns of a finished run. results: by case id and repeat; every one of them is there."""
    ordered = sorted(cases, key=lambda case: case.id)
    rows = [[results[case.id, repeat] for repeat in range(repeats)] for case in ordered]
    return Outcomes(
        cases=tuple(case.id for case in ordered),
        repeats=repeats,
        status=tuple("".join(_LETTERS[result.status] for result in row) for row in rows),
        critical=tuple(case.critical for case in ordered),
        clusters=tuple(case.cluster for case in ordered),
        tags=tuple(case.tags for case in ordered),
        cost_usd=tuple(tuple(None if r.cost_usd is None else float(r.cost_usd) for r in row) for row in rows),
        latency_ms=tuple(tuple(None if r.status == "errored" else round(r.latency_ms, 3) for r in row) for row in rows),
    )
