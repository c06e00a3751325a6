"""Other eval harnesses, as whole processes over the cases of a desk, each with what it has for answering at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.context import Context
from benchmarks.desk import CASES_FILE, Row
from benchmarks.peers.installing import NotMeasured, in_node, in_python, node_version, python_version

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Harness:
    """A command that evaluates once, to be run in the desk's folder. variables: of its environment."""

    title: str
    command: list[str]
    variables: Mapping[str, str] = field(default_factory=dict)


Opener = Callable[[Context, Path, list[Row]], Harness]


def pydantic_evals(context: Context, _desk: Path, _rows: list[Row]) -> Harness:
    """A Python function that answers at once; nothing is stored. Raises NotMeasured."""
    folder = in_python(context, "pydantic-evals")
    version = context.versions["pydantic-evals"] = python_version(folder, "pydantic-evals")
    command = [str(folder / "bin" / "python"), str(_HERE / "pydantic_evals_echo.py"), CASES_FILE]
    return Harness(f"pydantic-evals {version}, which stores nothing", command)


def promptfoo(context: Context, desk: Path, rows: list[Row]) -> Harness:
    """Its echo provider, results in its database, as it comes. Raises NotMeasured."""
    folder, node = in_node(context, "promptfoo"), shutil.which("node")
    if node is None:
        raise NotMeasured("node is not installed")
    version = context.versions["promptfoo"] = node_version(folder)
    tests = [{"vars": {"said": row["input"]}, "assert": [{"type": "equals", "value": row["expected"]}]} for row in rows]
    document = {"prompts": ["{{said}}"], "providers": ["echo"], "tests": tests}
    (desk / "promptfoo.json").write_text(json.dumps(document))
    binary = json.loads((folder / "package.json").read_text())["bin"]["promptfoo"]
    command = [node, str(folder / binary), "eval", "--config", "promptfoo.json", "--no-table", "--no-progress-bar"]
    variables = {
        "PROMPTFOO_CONFIG_DIR": str(desk / "promptfoo"),
        "PROMPTFOO_DISABLE_TELEMETRY": "1",  # a call home would only slow it down
        "PROMPTFOO_DISABLE_UPDATE": "1",
    }
    return Harness(f"promptfoo {version}, echo", command, variables)


def inspect_ai(context: Context, desk: Path, _rows: list[Row]) -> Harness:
    """Its mock model, results in its log, as it comes. Raises NotMeasured."""
    folder = in_python(context, "inspect-ai")
    version = context.versions["inspect-ai"] = python_version(folder, "inspect-ai")
    command = [str(folder / "bin" / "python"), str(_HERE / "inspect_echo.py"), CASES_FILE, str(desk / "inspect")]
    return Harness(f"inspect-ai {version}, mockllm", command)
