"""A run's results by case, as they were read from the store: made into values only where someone looks at them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agent_deploy.evals.results import Result, result_of


class StoredResults(Mapping[str, list[Result]]):
    """The results of each case, in the order of repeats. documents: as `results.result_document` wrote them.

    Looking one up raises KeyError, TypeError or ValueError where its document is none of a result.
    """

    def __init__(self, documents: Iterable[Mapping[str, Any]]) -> None:
        self._documents: dict[str, list[Mapping[str, Any]]] = {}
        for document in documents:
            self._documents.setdefault(document["case"], []).append(document)

    def __getitem__(self, case: str) -> list[Result]:
        return [result_of(document) for document in self._documents[case]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)

    def answers(self, case: str) -> set[str]:
        """What the case was answered, over all repeats, as texts to be compared; errors are none."""
        return {_answer(document) for document in self._documents[case] if document["status"] != "errored"}


def _answer(document: Mapping[str, Any]) -> str:
    output, calls = document.get("output"), document.get("tool_calls")
    if isinstance(output, str) and not calls:
        return f"={output}"
    return json.dumps([output, calls], sort_keys=True)
