"""The house keeps its walls: the import contracts of pyproject.toml, and error modules that import nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent.parent
_ERRORS = ["registry/errors.py", "agent_deploy/errors.py", "agent_deploy/client/errors.py"]


def _contracts() -> list[dict[str, object]]:
    document = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, object]] = document["tool"]["importlinter"]["contracts"]
    return contracts


@pytest.mark.slow
def test_every_import_contract_is_kept() -> None:
    lint = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(lint, cwd=_ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (
        0,
        [f"Contracts: {len(_contracts())} kept, 0 broken."],
    ), done.stdout


def test_the_contracts_that_the_design_calls_for_are_there() -> None:
    wanted = {"house", "rooms", "click", "boto3", "sql", "stores", "client"}
    assert {contract["id"] for contract in _contracts()} >= wanted


@pytest.mark.parametrize("path", _ERRORS)
def test_an_error_module_imports_nothing(path: str) -> None:
    tree = ast.parse((_ROOT / path).read_text(encoding="utf-8"))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imported if ast.unparse(node) != "from __future__ import annotations"] == []
