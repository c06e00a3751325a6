"""Finding the function that `module:function` names. Runs in the worker: a module's code never runs in the command."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


class CannotLoad(Exception):
    """There is no such module or function, or its code raised; the text says which, and where."""


def load_function(spec: str, folder: Path) -> Callable[..., Any]:
    """The function, found in the folder or in what is installed. Raises CannotLoad."""
    module_name, _, name = spec.partition(":")
    sys.path.insert(0, str(folder))
    found: Any = _import(module_name, folder)
    for part in name.split("."):
        if not hasattr(found, part):
            raise CannotLoad(f"{module_name} ({getattr(found, '__file__', folder)}) has no {name!r}")
        found = getattr(found, part)
    if not callable(found):
        raise CannotLoad(f"{spec} is no function but {type(found).__name__}")
    _check_arguments(spec, found)
    function: Callable[..., Any] = found
    return function


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives something to await."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - not asked whether it can be called


def where(error: BaseException) -> str:
    """` (agent.py:12 in answer)`: where in the agent's code it was raised; empty when not in there."""
    trace, last = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith("<") and Path(code.co_filename).parent != Path(__file__).parent:
            last = f" ({Path(code.co_filename).name}:{trace.tb_lineno} in {code.co_name})"
        trace = trace.tb_next
    return last


def _import(name: str, folder: Path) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise CannotLoad(f"there is no module {name!r} in {folder}, and none is installed") from error
        raise CannotLoad(f"{name} cannot be imported: {error}{where(error)}") from error
    except BaseException as error:
        raise CannotLoad(f"{name} cannot be imported: {type(error).__name__}: {error}{where(error)}") from error


def _check_arguments(spec: str, function: Callable[..., Any]) -> None:
    try:
        inspect.signature(function).bind(None, None)
    except TypeError as error:
        raise CannotLoad(f"{spec} cannot be called as function(bundle, input): {error}") from error
    except ValueError:  # a built-in that does not tell what it takes
        return
