"""Results of Inspect: its logs, `.json` read as they are, `.eval` through Inspect's own `inspect log dump`.

Read off inspect_ai's types (inspect_ai/log/_log.py: EvalLog, EvalSample; scorer/_metric.py: Score, value_to_float) and
logs that it wrote. Its reader runs as a process of its own: it takes seconds to import, pins another botocore than
boto3 wants, and so may well be installed apart (pipx, uv tool).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import Case, Origin, ScorerSpec
from agent_deploy.evals.importing.arranging import Entry, Imported, arrange, as_id, read_json, uniquely_named
from agent_deploy.evals.results import Result, Score, ToolCall
from registry.errors import BadInput

_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_PASSED = 1.0  # as Inspect's own reducers `at_least` and `pass_at` have it

Table = Mapping[str, Any]


def read_inspect(path: Path, data: bytes) -> Imported:
    """Every sample in every epoch. Raises BadInput for a log that lacks some: its eval was cancelled or failed."""
    log = read_json(path, _dumped(path) if data.startswith(b"PK") else data)
    samples = log.get("samples") or []
    _check_complete(path, log, samples)
    entries = []
    for number, sample in enumerate(sorted(samples, key=lambda sample: sample.get("epoch", 1))):
        try:
            entries.append(Entry(_case(sample), _result(sample)))
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise BadInput(f"{path}: samples[{number}] is no sample of Inspect ({error!r})") from error
    return arrange("inspect", entries, path)


def _dumped(path: Path) -> bytes:
    """The log as JSON, by Inspect. Raises BadInput where Inspect is not installed or cannot read it."""
    import os
    import shutil
    import subprocess
    import sys

    here = str(Path(sys.executable).parent)
    command = shutil.which("inspect", path=os.pathsep.join((here, os.environ.get("PATH", os.defpath))))
    if command is None:
        raise BadInput(
            f"{path}: an .eval log is read by Inspect's own reader, which is not installed",
            unchanged="Nothing was imported.",
            next_command=f"pip install inspect-ai   # or: inspect log dump {path} > log.json, elsewhere",
        )
    done = subprocess.run([command, "log", "dump", str(path)], capture_output=True, check=False)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it does not say why"]
        raise BadInput(f"{path}: {command} log dump could not read it: {last[0]}")
    return done.stdout


def _check_complete(path: Path, log: Table, samples: list[Any]) -> None:
    found = Counter(sample.get("id") for sample in samples if isinstance(sample, dict))
    plan = log.get("eval") or {}
    epochs = (plan.get("config") or {}).get("epochs") or 1
    wanted = (plan.get("dataset") or {}).get("sample_ids") or list(found)
    missing = [f"{id_}" for id_ in wanted if found[id_] < epochs]
    if missing:
        raise BadInput(
            f"{path}: the log ({log.get('status')}) lacks {len(missing)} of {len(wanted)} samples, or epochs of them: "
            f"{', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}",
            unchanged="Nothing was imported.",
            next_command=f"inspect eval-retry {path}",
        )


def _case(sample: Table) -> Case:
    target = sample.get("target") or None
    several = isinstance(target, list) and len(target) > 1
    metadata = dict(sample.get("metadata") or {})
    for name in ("choices", "description"):
        if sample.get(name):
            metadata[name] = sample[name]
    return Case(
        id=as_id(str(sample["id"])),
        input=sample["input"],
        expected=None if several else target[0] if isinstance(target, list) else target,
        source=Origin("inspect"),
        metadata=metadata,
        scorers=(ScorerSpec("one_of", {"value": target}),) if several else (),
    )


def _result(sample: Table) -> Result:
    scores = uniquely_named(
        [score for name, given in (sample.get("scores") or {}).items() for score in _scores(name, given)]
    )
    error = (sample.get("error") or {}).get("message") or ("" if scores else "the log holds no score of it")
    passed = all(score.passed for score in scores)
    output, tool_calls = _said(sample.get("output") or {})
    return Result(
        case="",
        repeat=0,
        status="errored" if error else "passed" if passed else "failed",
        output=output,
        scores=scores,
        error=error,
        error_kind="other" if error else None,
        attempts=1 + len(sample.get("error_retries") or ()),
        latency_ms=1000 * float(sample.get("working_time") or sample.get("total_time") or 0),
        calls=tuple(_call(model, usage) for model, usage in (sample.get("model_usage") or {}).items()),
        tool_calls=tool_calls,
        cost_usd=_cost(sample),
    )


def _said(output: Table) -> tuple[str | None, tuple[ToolCall, ...]]:
    """What the model answered with, None where it only asked for tools or nothing came; and the tools asked for."""
    message = ((output.get("choices") or [{}])[0]).get("message") or {}
    tool_calls = tuple(ToolCall(call["function"], call.get("arguments")) for call in message.get("tool_calls") or ())
    text = output.get("completion") or _text(message.get("content"))
    return text or ("" if message and not tool_calls else None), tool_calls


def _text(content: Any) -> str:
    """A message's content: text, or parts of which some are text."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if part.get("type") == "text")
    return content or ""


def _scores(name: str, given: Table) -> Iterator[Score]:
    """One score; of a scorer that gives several values by name or in a list, one for each."""
    value = given.get("value")
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else [("", value)]
    for key, part in parts:
        graded = _graded(part)
        yield Score(f"{name}.{key}" if key != "" else name, graded >= _PASSED, graded, _reason(part, given))


def _graded(value: Any) -> float:
    if isinstance(value, str):
        return _GRADES.get(value, _GRADES.get(value.lower(), _number(value)))
    return _number(value)


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0.0
    return number if math.isfinite(number) else 0.0


def _reason(value: Any, given: Table) -> str:
    grade = f"graded {value}" if isinstance(value, str) else ""
    answer = f"answer {given['answer']}" if given.get("answer") else ""
    return "; ".join(part for part in (grade, answer, given.get("explanation") or "") if part)


def _call(model: str, usage: Table) -> ModelCall:
    """All calls of one model together. Inspect's `input_tokens` leave out what a cache gave or took; ours do not."""
    provider, _, name = model.partition("/")
    read, written = int(usage.get("input_tokens_cache_read") or 0), int(usage.get("input_tokens_cache_write") or 0)
    tokens = Usage(
        input=int(usage.get("input_tokens") or 0) + read + written,
        output=int(usage.get("output_tokens") or 0),
        cache_read=read,
        cache_write=written,
        reasoning=int(usage.get("reasoning_tokens") or 0),
    )
    return ModelCall(provider if name else "", name or model, tokens)


def _cost(sample: Table) -> Decimal | None:
    costs = [usage.get("total_cost") for usage in (sample.get("model_usage") or {}).values()]
    return sum((Decimal(str(cost)) for cost in costs), Decimal()) if costs and None not in costs else None
