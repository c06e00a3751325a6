"""inspect-ai: the cases of the file named, answered at once by its mock model, which says what it is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval  # type: ignore[import-not-found]
from inspect_ai.dataset import FieldSpec, json_dataset  # type: ignore[import-not-found]
from inspect_ai.model import ModelOutput, ModelUsage, get_model  # type: ignore[import-not-found]
from inspect_ai.scorer import exact  # type: ignore[import-not-found]


def answer(messages: list[Any], *_: object) -> Any:
    """What was said. The usage is told, for else its tokens are counted, with a vocabulary from the network."""
    output = ModelOutput.from_content(model="mockllm", content=messages[-1].text)
    output.usage = ModelUsage(input_tokens=12, output_tokens=12, total_tokens=24)
    return output


def main() -> None:
    """Evaluate, with nothing drawn on a terminal, the log written as it comes."""
    cases = json_dataset(str(Path(sys.argv[1]).absolute()), FieldSpec(id="id", input="input", target="expected"))
    model = get_model("mockllm/model", custom_outputs=answer)
    (log,) = eval(Task(dataset=cases, scorer=exact()), model=model, display="none", log_dir=sys.argv[2])
    assert log.status == "success", log.error
    assert log.results.completed_samples == len(cases)
    assert log.results.scores[0].metrics["mean"].value == 1.0


if __name__ == "__main__":
    main()
