"""The nouns of an eval set, as frozen values, and its digest. Where they are read from: `evals.reading`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a case came from: kind `complaint`, ref `TICKET-123`."""

    kind: str
    ref: str = ""


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    """A scorer as a file names it: `contains`, and its options (`{"value": "refund"}`)."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One input, and what a good answer to it is. Values are JSON values.

    expected: None when nothing is expected in so many words. critical: must pass in every repeat. cluster: cases that
    resemble each other share one; empty for a case on its own. scorers: empty for those of the set.
    line: where in the file it stands, for messages; no part of what it is.
    """

    id: str
    input: Any
    expected: Any = None
    tags: tuple[str, ...] = ()
    critical: bool = False
    cluster: str = ""
    source: Origin | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    scorers: tuple[ScorerSpec, ...] = ()
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class EvalSet:
    """A reviewed set of cases. path: as the user named it, for people; the digest says which content it was.

    scorers: those of every case that names none. An empty tuple leaves it to the case's `expected`.
    """

    path: str
    cases: tuple[Case, ...]
    scorers: tuple[ScorerSpec, ...] = ()
    description: str = ""

    def encoded(self) -> bytes:
        """The set as JSON with sorted keys, cases by id, empty fields left out: what is stored, and what is hashed.

        So comments, key order, case order and file format are no part of the digest, and neither is the description.
        """
        document: dict[str, Any] = {"cases": [_case_document(case) for case in sorted(self.cases, key=_by_id)]}
        if self.scorers:
            document["scorers"] = [_scorer_document(scorer) for scorer in self.scorers]
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of `encoded`."""
        from registry.blobs import digest_of

        return digest_of(self.encoded())


def decode_set(data: bytes, path: str) -> EvalSet:
    """The set that `EvalSet.encoded` wrote."""
    document = json.loads(data)
    return EvalSet(
        path=path,
        cases=tuple(_case(case) for case in document["cases"]),
        scorers=tuple(_scorer(scorer) for scorer in document.get("scorers", ())),
    )


def _by_id(case: Case) -> str:
    return case.id


def _case_document(case: Case) -> dict[str, Any]:
    document: dict[str, Any] = {"id": case.id, "input": case.input}
    optional = {
        "expected": case.expected,
        "tags": list(case.tags),
        "critical": case.critical,
        "cluster": case.cluster,
        "source": {"kind": case.source.kind, "ref": case.source.ref} if case.source else None,
        "metadata": dict(case.metadata),
        "scorers": [_scorer_document(scorer) for scorer in case.scorers],
    }
    for name, value in optional.items():
        if value is not None and value is not False and value not in ("", [], {}):
            document[name] = value
    if case.expected is not None:
        document["expected"] = case.expected  # an empty text may be just what is expected
    return document


def _scorer_document(scorer: ScorerSpec) -> dict[str, Any]:
    return {"name": scorer.name, **scorer.options}


def _case(document: dict[str, Any]) -> Case:
    source = document.get("source")
    return Case(
        id=document["id"],
        input=document["input"],
        expected=document.get("expected"),
        tags=tuple(document.get("tags", ())),
        critical=document.get("critical", False),
        cluster=document.get("cluster", ""),
        source=Origin(source["kind"], source["ref"]) if source else None,
        metadata=document.get("metadata", {}),
        scorers=tuple(_scorer(scorer) for scorer in document.get("scorers", ())),
    )


def _scorer(document: dict[str, Any]) -> ScorerSpec:
    options = dict(document)
    return ScorerSpec(options.pop("name"), options)
