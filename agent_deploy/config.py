"""Settings: flag over `AGENT_DEPLOY_*` variable over `agent-deploy.toml` over default. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from agent_deploy.config_keys import check_keys
from agent_deploy.errors import BadConfig, BadConfigFile

FILE = "agent-deploy.toml"
STATE = ".agent-deploy"
_DATABASE = f"sqlite:///{STATE}/registry.db"
DEFAULT_AGENT = "bundle"


@dataclass(frozen=True, slots=True)
class EvalSettings:
    """How a workflow is evaluated. folder: of the configuration file, which `agent` and relative paths start from.

    cases: its eval set, as a path; None when the file names none. agent: a spec (`evals.agents`). repeats: times each
    case is asked. concurrency: questions under way at once. attempts: asked at most so often when an error may pass.
    timeout_s: seconds for one answer. max_cost_usd: stop before more is spent. memory_limit_mb: of a Python agent.
    cache: whether a provider's responses are kept and used again.
    """

    folder: Path
    cases: Path | None = None
    agent: str = DEFAULT_AGENT
    repeats: int = 1
    concurrency: int = 8
    attempts: int = 3
    timeout_s: float = 60.0
    max_cost_usd: Decimal | None = None
    memory_limit_mb: int | None = None
    cache: bool = True


@dataclass(frozen=True, slots=True)
class Config:
    """The settings in force.

    file: the file that they were read from, None without one. store: a folder's absolute path, or an s3:// URL.
    database: a URL whose SQLite path is absolute. environments: those the file names, empty when it names none.
    sources: bundle folder by workflow. evals: how each workflow of the file is evaluated. state: the folder for what
    is neither database nor store (unfinished runs, kept responses). prices: the file of price overrides, if any.
    """

    database: str
    store: str
    default_environment: str = "production"
    environments: tuple[str, ...] = ()
    sources: Mapping[str, Path] = field(default_factory=dict)
    file: Path | None = None
    state: Path = Path(STATE)
    evals: Mapping[str, EvalSettings] = field(default_factory=dict)
    prices: Path | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def eval_settings(self, workflow: str) -> EvalSettings:
        """How this workflow is evaluated; the defaults for one that the file does not name."""
        return self.evals.get(workflow) or EvalSettings(self.file.parent if self.file else self.state.parent)

    def gate_table(self, workflow: str, environment: str) -> Mapping[str, Any]:
        """What the file says of the gate of a workflow in an environment: the environment's own table, and over it,
        key by key, the workflow's. What it means, `gates.policy` says.
        """
        return self._merged(workflow, environment, "gate") or {}

    def drill_table(self, workflow: str, environment: str) -> Mapping[str, Any] | None:
        """What the file says of a workflow's drills in an environment, merged as the gate's; None where it has no such
        table. What it means, `drill_policy` says.
        """
        return self._merged(workflow, environment, "drill")

    def _merged(self, workflow: str, environment: str, name: str) -> Mapping[str, Any] | None:
        of_workflow = self.document.get("workflows", {}).get(workflow, {}).get("environments", {})
        found = [
            environments.get(environment, {}).get(name)
            for environments in (self.document.get("environments", {}), of_workflow)
        ]
        tables = [table for table in found if table is not None]
        return {key: value for table in tables for key, value in table.items()} if tables else None

    def check_environment(self, name: str) -> str:
        """The name, or the default for None-like; raises BadConfig for one that the file, naming some, does not."""
        from registry.names import check_environment, nearest

        check_environment(name)
        known = sorted({*self.environments, self.default_environment})
        if self.environments and name not in known:
            raise BadConfig(
                f"environment {name!r} is not in {self.file}{nearest(name, known)} (there: {', '.join(known)})",
                unchanged="Nothing was changed.",
                next_command=f"add [environments.{name}] to {self.file}",
            )
        return name


def load_config(
    *,
    file: str | None = None,
    database: str | None = None,
    store: str | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
) -> Config:
    """The settings, flags first. Raises BadConfig naming file and key.

    Paths in the file are relative to the file; others, and the defaults without a file, to the working directory.
    """
    here = cwd or Path.cwd()
    path = _find(file or environ.get("AGENT_DEPLOY_CONFIG"), here)
    document = _read(path) if path else {}
    base = path.parent if path else here
    database = database or environ.get("AGENT_DEPLOY_DATABASE")
    store = store or environ.get("AGENT_DEPLOY_STORE")
    workflows = document.get("workflows", {})
    return Config(
        database=_database(database or document.get("database", _DATABASE), here if database else base),
        store=_store(store or document.get("store", STATE), here if store else base),
        default_environment=_default_environment(environ.get("AGENT_DEPLOY_ENVIRONMENT"), document, path),
        environments=tuple(sorted(document.get("environments", {}))),
        sources={name: base / table["source"] for name, table in workflows.items() if "source" in table},
        file=path,
        state=base / STATE,
        evals={name: _eval_settings(name, table, base, path) for name, table in workflows.items()},
        prices=base / document["prices"] if "prices" in document else None,
        document=document,
    )


def _eval_settings(name: str, table: Mapping[str, Any], base: Path, path: Path | None) -> EvalSettings:
    given = dict(table.get("eval", {}))
    for key, value in given.items():
        if not isinstance(value, bool) and value <= 0:
            raise BadConfigFile(f"{path}: 'workflows.{name}.eval.{key}' must be more than 0, not {value!r}")
    if "max_cost_usd" in given:
        given["max_cost_usd"] = Decimal(str(given["max_cost_usd"]))
    cases = base / table["cases"] if "cases" in table else None
    return EvalSettings(folder=base, cases=cases, agent=table.get("agent", DEFAULT_AGENT), **given)


def _find(named: str | None, here: Path) -> Path | None:
    if named:
        path = here / named
        if not path.exists() or path.is_dir():  # /dev/null is a file without settings
            raise BadConfig(f"there is no configuration file {named}", next_command="agent-deploy init")
        return path
    return next((folder / FILE for folder in (here, *here.parents) if (folder / FILE).is_file()), None)


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfigFile(f"{path}: not TOML: {error}") from error
    except OSError as error:
        raise BadConfigFile(f"{path} cannot be read: {error.strerror}") from error
    check_keys(document, path)
    return document


def _default_environment(given: str | None, document: Mapping[str, Any], path: Path | None) -> str:
    """given: by the variable, which comes before the file."""
    from registry.errors import BadInput
    from registry.names import check_environment

    name = given or document.get("default_environment", "production")
    said_by = "AGENT_DEPLOY_ENVIRONMENT" if given else f"{path}: 'default_environment'"
    try:
        return check_environment(name)
    except BadInput as error:
        raise BadConfig(f"{said_by}: {error.message}") from error


def _database(url: str, base: Path) -> str:
    prefix = "sqlite:///"
    if url.startswith(prefix):
        return prefix + str((base / url.removeprefix(prefix)).absolute())
    if "://" not in url:
        raise BadConfig(f"database {url!r} is not a URL; for a file write sqlite:///{url}")
    return url


def _store(url: str, base: Path) -> str:
    if url.startswith("s3://") and not url.removeprefix("s3://").partition("/")[0]:
        raise BadConfig(f"store {url!r} names no bucket: s3://bucket/prefix")
    return url if "://" in url else str((base / url).absolute())
