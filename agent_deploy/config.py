"""Settings: flag over `AGENT_DEPLOY_*` variable over `agent-deploy.toml` over default. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_deploy.errors import BadConfig

FILE = "agent-deploy.toml"
STATE = ".agent-deploy"

_TOP = ("database", "store", "default_environment", "environments", "workflows")
_WORKFLOW = ("source",)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings in force.

    file: the file that they were read from, None without one. store: a folder's absolute path, or an s3:// URL.
    database: a URL whose SQLite path is absolute. environments: those the file names, empty when it names none.
    sources: bundle folder by workflow.
    """

    database: str
    store: str
    default_environment: str = "production"
    environments: tuple[str, ...] = ()
    sources: Mapping[str, Path] = field(default_factory=dict)
    file: Path | None = None

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
    given_database, given_store = (
        database or environ.get("AGENT_DEPLOY_DATABASE"),
        store or environ.get("AGENT_DEPLOY_STORE"),
    )
    given_environment = environ.get("AGENT_DEPLOY_ENVIRONMENT")
    return Config(
        database=_database(given_database, here)
        if given_database
        else _database(document.get("database", f"sqlite:///{STATE}/registry.db"), base),
        store=_store(given_store, here) if given_store else _store(document.get("store", STATE), base),
        default_environment=_environment(given_environment, "AGENT_DEPLOY_ENVIRONMENT")
        if given_environment
        else _environment(document.get("default_environment", "production"), f"{path}: 'default_environment'"),
        environments=tuple(sorted(document.get("environments", {}))),
        sources={
            name: base / table["source"] for name, table in document.get("workflows", {}).items() if "source" in table
        },
        file=path,
    )


def _find(named: str | None, here: Path) -> Path | None:
    if named:
        path = here / named
        if not path.is_file():
            raise BadConfig(f"there is no configuration file {named}", next_command="agent-deploy init")
        return path
    return next((folder / FILE for folder in (here, *here.parents) if (folder / FILE).is_file()), None)


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path}: not TOML: {error}") from error
    except OSError as error:
        raise BadConfig(f"{path} cannot be read: {error.strerror}") from error
    _check_keys(document, _TOP, path, "")
    for key in ("database", "store", "default_environment"):
        _check_type(document, key, str, "text in quotes", path, key)
    for key in ("environments", "workflows"):
        _check_type(document, key, dict, f"tables, [{key}.<name>]", path, key)
        for name, table in document.get(key, {}).items():
            _check_name(key, name, path)
            _check_type(document[key], name, dict, f"a table, [{key}.{name}]", path, f"{key}.{name}")
            _check_keys(table, _WORKFLOW if key == "workflows" else (), path, f"{key}.{name}.")
            _check_type(table, "source", str, "text in quotes", path, f"{key}.{name}.source")
    return document


def _check_name(key: str, name: str, path: Path) -> None:
    from registry.errors import BadInput
    from registry.names import check_environment, check_workflow

    try:
        (check_workflow if key == "workflows" else check_environment)(name)
    except BadInput as error:
        raise BadConfig(f"{path}: [{key}.{name}]: {error.message}") from error


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], path: Path, prefix: str) -> None:
    for key in table:
        if key not in known:
            from registry.names import nearest

            raise BadConfig(f"{path}: unknown key '{prefix}{key}'{nearest(key, known)}")


def _check_type(table: Mapping[str, Any], key: str, kind: type, words: str, path: Path, name: str) -> None:
    if key in table and not isinstance(table[key], kind):
        raise BadConfig(f"{path}: '{name}' must be {words}, not {table[key]!r}")


def _environment(name: str, said_by: str) -> str:
    from registry.errors import BadInput
    from registry.names import check_environment

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
