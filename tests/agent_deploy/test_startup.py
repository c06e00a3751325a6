"""Start-up is a feature: what a command or the client does not need, it does not import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent_deploy.operations.promote import promote
from registry.registry import Registry
from tests.builders import WORKFLOW, add_version
from tests.evals.desk import Desk, echoes

pytestmark = pytest.mark.slow


def _imported(code: str, suspects: set[str]) -> set[str]:
    """Which of the suspects a fresh interpreter has imported once it has run this code to its very end."""
    script = f"""
import json, sys
try:
{"".join(f"    {line}{chr(10)}" for line in code.splitlines())}
except SystemExit as ended:
    assert ended.code in (0, None), ended.code
finally:
    print("\\n" + json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return suspects & set(json.loads(done.stdout.splitlines()[-1]))


_MAIN = "from agent_deploy.cli.main import main\nmain({words!r})"
_HEAVY = {"boto3", "botocore", "sqlmodel", "sqlalchemy", "pydantic", "structlog", "jinja2", "alembic", "semver"}


def test_help_imports_click_and_next_to_nothing() -> None:
    heavy = _HEAVY | {"jsonschema", "rfc8785", "detect_secrets", "tomli_w", "importlib_metadata", "asyncio"}
    assert _imported(_MAIN.format(words=["--help"]), heavy | {"click"}) == {"click"}


def test_help_of_one_command_imports_no_more() -> None:
    assert _imported(_MAIN.format(words=["rollback", "--help"]), _HEAVY | {"click"}) == {"click"}


@pytest.mark.parametrize("words", [["rollback", WORKFLOW], ["promote", WORKFLOW, "--version", "2"], ["status"]])
def test_a_move_on_sqlite_imports_the_database_and_nothing_else_that_is_heavy(
    registry: Registry, here: Path, words: list[str]
) -> None:
    for number in (1, 2, 3):
        add_version(registry, number)
    for version in ("1", "3"):
        promote(registry, WORKFLOW, version, "production", actor="ann")
    suspects = {
        "alembic", "boto3", "botocore", "detect_secrets", "jinja2", "jsonschema", "psycopg", "semver",
        "sqlmodel", "structlog", "tomli_w",
    }  # fmt: skip
    assert _imported(_MAIN.format(words=words), suspects) == {"sqlmodel"}


def test_evals_and_the_gate_do_their_own_statistics_and_ask_no_provider_s_package(here: Path) -> None:
    desk = Desk(here)
    desk.write_cases(echoes(100))  # as many as the default gate needs to pass
    desk.configure(gated=True)
    promote(desk.registry, WORKFLOW, "1", "production", actor="ann")
    suspects = {
        "boto3", "detect_secrets", "genai_prices", "httpx", "inspect_ai", "jinja2", "jsonschema", "numpy", "openai",
        "rapidfuzz", "scipy", "sqlmodel", "statsmodels", "structlog", "yaml",
    }  # fmt: skip
    for words in (
        ["eval", f"{WORKFLOW}@1"],
        ["eval", f"{WORKFLOW}@2"],
        ["gate", WORKFLOW, "--version", "2"],
        ["promote", WORKFLOW, "--version", "2"],
        ["evals", "diff", f"{WORKFLOW}@1", f"{WORKFLOW}@2"],
    ):
        assert _imported(_MAIN.format(words=words), suspects) == {"sqlmodel"}, words


def test_the_client_is_light() -> None:
    suspects = {"alembic", "boto3", "botocore", "click", "jinja2", "pydantic", "sqlalchemy", "sqlmodel", "structlog"}
    assert _imported("from agent_deploy import Client", suspects) == set()


def test_a_client_that_serves_from_a_folder_stays_light(registry: Registry, here: Path) -> None:
    add_version(registry)
    promote(registry, WORKFLOW, "1", "production", actor="ann")
    suspects = {"alembic", "boto3", "botocore", "click", "pydantic", "sqlalchemy", "sqlmodel", "structlog"}
    code = (
        "from agent_deploy import Client\n"
        "with Client(store='.agent-deploy') as client:\n"
        f"    assert client.bundle({WORKFLOW!r}).version == 1"
    )
    assert _imported(code, suspects) == set()


def test_a_bundle_alone_brings_nothing_that_follows_releases() -> None:
    code = "import sys\nimport agent_deploy.client.bundle\nassert 'agent_deploy.client.client' not in sys.modules"
    suspects = {"asyncio", "click", "logging", "sqlalchemy", "urllib"}
    assert _imported(code, suspects) <= {"urllib"}  # which pathlib imports
