"""Where a client reads from and how often: argument over environment variable over `agent-deploy.toml` over default."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agent_deploy.client.errors import BadSettings
from registry.errors import BadInput
from registry.names import check_environment
from registry.stores import Store, open_store

Folders = Mapping[str, str | Path] | str | Path | None

# An application that starts while S3 is silent must come to its last known good bundle soon, so it asks less patiently
# than a command does.
_S3_CONNECT_S, _S3_READ_S, _S3_ATTEMPTS = 2.0, 5.0, 2


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force. Seconds; `cache` is this store's own folder; None switches cache or staleness cap off."""

    store: Store
    environment: str
    poll_s: float
    heartbeat_s: float
    cache: Path | None
    max_staleness_s: float | None
    fallback: Folders
    instance: str | None


def settle(
    store: str | Store | None,
    *,
    environment: str | None,
    poll_interval: float | None,
    cache: str | Path | bool | None,
    max_staleness: float | None,
    fallback: Folders,
    instance: str | None,
    heartbeat: float | None,
    variables: Mapping[str, str] = os.environ,
) -> Settings:
    """All the settings; raises BadSettings naming what is wrong. Makes no request."""
    store = store or variables.get("AGENT_DEPLOY_STORE")
    environment = environment or variables.get("AGENT_DEPLOY_ENVIRONMENT")
    if store is None or environment is None:
        found_store, found_environment = _from_config(variables)
        store, environment = store or found_store, environment or found_environment
    opened = _open(store)
    remote = opened.url.startswith("s3://")
    return Settings(
        store=opened,
        environment=_environment(environment),
        poll_s=_seconds("poll_interval", poll_interval, "AGENT_DEPLOY_POLL_INTERVAL", variables)
        or (5.0 if remote else 1.0),
        heartbeat_s=_seconds("heartbeat", heartbeat, None, variables) or (30.0 if remote else 10.0),
        cache=_cache(cache, opened.url, variables),
        max_staleness_s=_seconds("max_staleness", max_staleness, "AGENT_DEPLOY_MAX_STALENESS", variables),
        fallback=fallback,
        instance=_instance(instance),
    )


def _from_config(variables: Mapping[str, str]) -> tuple[str, str]:
    from agent_deploy.config import load_config
    from agent_deploy.errors import ControlPlaneError

    try:
        config = load_config(environ=variables)
    except (ControlPlaneError, OSError) as error:
        raise BadSettings(str(error)) from error
    return config.store, config.default_environment


def _open(store: str | Store) -> Store:
    if not isinstance(store, str):
        return store
    try:
        parts = urlsplit(store)
        if parts.scheme == "s3":
            from registry.stores.s3 import S3Store

            return S3Store(
                parts.netloc,
                parts.path.strip("/"),
                connect_timeout_s=_S3_CONNECT_S,
                read_timeout_s=_S3_READ_S,
                attempts=_S3_ATTEMPTS,
            )
        return open_store(store if "://" in store else str(Path(store).absolute()))
    except BadInput as error:
        raise BadSettings(error.message) from error


def _environment(name: str) -> str:
    try:
        return check_environment(name)
    except BadInput as error:
        raise BadSettings(error.message) from error


def _instance(name: str | None) -> str | None:
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", name):
        raise BadSettings(f"instance {name!r}: give letters, digits, dots, dashes and underscores, 200 at most")
    return name


def _seconds(name: str, given: float | None, variable: str | None, variables: Mapping[str, str]) -> float | None:
    if given is None and variable is not None and variables.get(variable):
        name = variable
        try:
            given = float(variables[variable])
        except ValueError:
            raise BadSettings(f"{variable} is {variables[variable]!r}; give a number of seconds") from None
    if given is not None and not 0 < given < float("inf"):
        raise BadSettings(f"{name} is {given}; give a number of seconds greater than 0")
    return given


def _cache(given: str | Path | bool | None, url: str, variables: Mapping[str, str]) -> Path | None:
    """This store's own folder, so that two stores never share pointers; None when the cache is off."""
    store = url if "://" in url else str(Path(url).absolute())
    if given is None or given is True:
        given = variables.get("AGENT_DEPLOY_CACHE") or user_cache(variables)
    if given in (None, False, "off"):
        return None
    return Path(str(given)).expanduser().absolute() / hashlib.sha256(store.encode()).hexdigest()[:12]


def user_cache(variables: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """The user's cache folder for this program; None when the user has no home."""
    try:
        home = Path(variables["HOME"]) if variables.get("HOME") else Path.home()
    except RuntimeError:
        return None
    base = home / "Library/Caches" if platform == "darwin" else Path(variables.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "agent-deploy"
