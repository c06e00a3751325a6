"""mlflow: a prompt by alias from its cache, and moving that alias, on a SQLite store as it comes."""

from __future__ import annotations

import json
import os
import sys
import timeit
from importlib.metadata import version
from itertools import cycle
from pathlib import Path

os.environ["DO_NOT_TRACK"] = "true"  # no call home, which would only slow it down

import mlflow  # type: ignore[import-not-found]

NAME = "support-triage"
URI = f"prompts:/{NAME}@production"
CALLS = 50


def main() -> None:
    """Answer each line, `read` or `move`, with the seconds of one."""
    mlflow.set_tracking_uri(f"sqlite:///{Path.cwd()}/mlflow.db")
    for text in ("You sort letters.", "You sort letters well."):
        mlflow.genai.register_prompt(NAME, text)
    numbers = cycle((1, 2))

    def move() -> None:
        mlflow.genai.set_prompt_alias(NAME, "production", next(numbers))

    move()
    mlflow.genai.load_prompt(URI)
    names = {"load": mlflow.genai.load_prompt, "uri": URI}
    print(json.dumps({"version": version("mlflow")}), flush=True)
    for line in sys.stdin:
        if line.strip() == "move":
            print(timeit.timeit(move, number=1), flush=True)
        else:
            print(timeit.timeit("load(uri)", globals=names, number=CALLS) / CALLS, flush=True)


if __name__ == "__main__":
    main()
