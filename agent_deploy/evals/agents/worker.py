"""The process that a Python agent runs in: `python -m agent_deploy.evals.agents.worker`, spoken to over lines.

It is greeted with the agent's name and the bundle, and answers `{"ready": true}` or `{"failed": "why"}`; then every
line is a question, or `{"cancel": id}`, answered by whether the function has ended. Its own stdin and stdout are put
out of the reach of the agent, whose prints go to stderr. It ends when its stdin does: it never outlives the command.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent_deploy.evals.agents.loading import CannotLoad, is_async, load_function
from agent_deploy.evals.agents.writing import Answers, QueuedAnswers

_CHUNK = 65_536


def main() -> None:
    """Answer until there are no more questions."""
    questions, answers = _private_pipes()
    batches = _batches(questions)
    (first,) = next(batches)  # nothing follows until it is answered
    hello = json.loads(first)
    bundle = pickle.loads(base64.b64decode(hello["bundle"]))  # noqa: S301 - from our own parent, over our own pipe
    try:
        function = load_function(hello["agent"], Path(hello["folder"]))
    except CannotLoad as error:
        answers.write(json.dumps({"failed": str(error)}))
        return
    serve = _serve_async if is_async(function) else _serve_threads
    serve(function, bundle, batches, answers, hello["threads"])


def _private_pipes() -> tuple[int, Answers]:
    questions, answers = os.dup(0), os.dup(1)  # dup makes them not inheritable
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return questions, Answers(answers)


def _batches(descriptor: int) -> Iterator[list[bytes]]:
    """Whole lines as they come, all that are there at once."""
    parts: list[bytes] = []
    while data := os.read(descriptor, _CHUNK):
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = b"".join([*parts, lines[0]])
            parts = []
            yield lines
        parts.append(rest)


def _serve_threads(
    function: Callable[..., Any], bundle: Any, batches: Iterator[list[bytes]], answers: Answers, threads: int
) -> None:
    from agent_deploy.evals.agents.threads import Threads

    crew = Threads(function, bundle, QueuedAnswers(answers).write, threads)
    answers.write('{"ready": true}')
    for lines in batches:
        crew.take([json.loads(line) for line in lines])
    os._exit(0)  # threads of the agent may still run, and nobody waits for them


def _serve_async(
    function: Callable[..., Any], bundle: Any, batches: Iterator[list[bytes]], answers: Answers, _threads: int
) -> None:
    from agent_deploy.evals.agents.tasks import serve

    def read(take: Callable[[list[dict[str, Any]]], None]) -> None:
        for lines in batches:
            take([json.loads(line) for line in lines])
        os._exit(0)  # a task of the agent may hold the loop, and nobody waits for it

    serve(function, bundle, answers.write, read)


if __name__ == "__main__":
    main()
