"""A bundle's source: a folder with `bundle.toml` and the files that it names, read, checked and ready to pack."""

from __future__ import annotations

import reprlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from registry.errors import BadInput
from registry.manifest import Packed, pack
from registry.names import nearest
from registry.screening import check_no_secret, check_visible
from registry.source_config import FILE, Where, check_config, file_paths, load_toml
from registry.source_files import check_schemas, check_text
from registry.templates import used_variables

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_BUNDLE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Source:
    """A bundle before it is registered: its config as `bundle.toml` says it, and its files' bytes by path."""

    config: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def workflow(self) -> str:
        """The workflow that the bundle belongs to."""
        return str(self.config["workflow"])

    @cached_property
    def packed(self) -> Packed:
        """The stored form."""
        return pack(self.config, self.files)

    @property
    def digest(self) -> str:
        """The digest that registration will give."""
        return self.packed.digest

    @cached_property
    def variables(self) -> frozenset[str]:
        """The template variables that its prompts take."""
        return variables_of(self.config, self.files)


def variables_of(config: Mapping[str, Any], files: Mapping[str, bytes]) -> frozenset[str]:
    """The template variables that a bundle's prompts take from outside."""
    prompts: Mapping[str, str] = config["prompts"]
    names = frozenset(prompts)
    return frozenset().union(*(used_variables(files[path].decode(), path, names) for path in prompts.values()))


def read_source(folder: Path, *, allow_invisible: bool = False, allow_secret: bool = False) -> Source:
    """Read and check a bundle folder. Raises BadInput, one line naming file and line or key, at the first fault."""
    toml = folder / FILE
    if not folder.is_dir():
        raise BadInput(
            f"{folder} is not a folder", next_command="agent-deploy init   # writes an example to start from"
        )
    if not toml.is_file():
        raise BadInput(
            f"{folder} holds no {FILE}", next_command="agent-deploy init   # writes an example to start from"
        )
    if toml.is_symlink():
        raise BadInput(f"{toml} is a symbolic link; a bundle holds its own files")

    def screen(text: str, path: str) -> None:  # before anything that could quote the text in a message
        if not allow_invisible:
            check_visible(text, path)
        if not allow_secret:
            check_no_secret(text, path)

    text = check_text(_read(folder, FILE), FILE)
    screen(text, FILE)
    where = Where(text)
    config = load_toml(text)
    check_config(config, where)
    source = Source(config, _read_files(folder, config, where))
    for path, data in source.files.items():
        screen(check_text(data, path), path)
    _check_content(source, where)
    return source


def check_source(source: Source) -> None:
    """The checks of a bundle that comes from elsewhere than a folder. Raises BadInput, as `read_source` does."""
    where = Where("")
    check_config(source.config, where)
    named = dict(file_paths(source.config))
    for key, path in named.items():
        check_plain_path(path, key)
        if path not in source.files:
            raise BadInput(f"{key}: the bundle holds no file {path!r}")
    for path in source.files:
        if path not in named.values():
            raise BadInput(f"the bundle holds a file {path!r} that its config does not name")
    _check_content(source, where)


def _check_content(source: Source, where: Where) -> None:
    total = sum(map(len, source.files.values()))
    if total > MAX_BUNDLE_BYTES:
        raise BadInput(f"the bundle's files are {total:,} bytes together; {MAX_BUNDLE_BYTES:,} is the most")
    for path, data in source.files.items():
        check_text(data, path)
    check_schemas(source.config, source.files)
    _check_variables(source.config, source.files, where)


def _read_files(folder: Path, config: Mapping[str, Any], where: Where) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for key, path in file_paths(config):
        if path not in files:
            name = f"{where.of(key)}: {key}"
            check_plain_path(path, name)
            try:
                _check_file(folder, path, name)
            except OSError as error:  # a name too long, a folder that may not be entered
                raise BadInput(f"{name}: {reprlib.repr(path)} cannot be read: {error.strerror}") from error
            files[path] = _read(folder, path)
    return files


def check_plain_path(path: str, name: str) -> None:
    """Raises BadInput, beginning with `name`, unless the path is relative and stays inside the bundle."""
    parts = PurePosixPath(path)
    plain = str(parts) == path and not parts.is_absolute() and ".." not in parts.parts and path not in (".", FILE)
    if not plain or "\\" in path or not path.isprintable():
        raise BadInput(f"{name}: {path!r} is not a plain relative path inside the bundle folder")


def _check_file(folder: Path, path: str, name: str) -> None:
    """A file must be a plain one, reached without a link, or the bundle would not be its own."""
    here = folder
    for part in PurePosixPath(path).parts:
        here = here / part
        if here.is_symlink():
            raise BadInput(f"{name}: {path!r} goes through a symbolic link; a bundle holds its own files")
    if not here.exists():
        beside = [str(other.relative_to(folder)) for other in folder.rglob("*") if other.is_file()]
        raise BadInput(f"{name}: there is no file {path!r}{nearest(path, beside)}")
    if not stat.S_ISREG(here.stat().st_mode):
        raise BadInput(f"{name}: {path!r} is not a file")


def _read(folder: Path, path: str) -> bytes:
    try:
        size = (folder / path).stat().st_size
        if size > MAX_FILE_BYTES:
            raise BadInput(f"{path} is {size:,} bytes; {MAX_FILE_BYTES:,} is the most for one file")
        return (folder / path).read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error


def _check_variables(config: Mapping[str, Any], files: Mapping[str, bytes], where: Where) -> None:
    prompts: Mapping[str, str] = config["prompts"]
    used: dict[str, str] = {}
    for path in prompts.values():
        for name, line in used_variables(files[path].decode(), path, frozenset(prompts)).items():
            used.setdefault(name, f"{path}:{line}")
    if "inputs" not in config:
        return
    declared = config["inputs"]
    for name, place in used.items():
        if name not in declared:
            raise BadInput(f"{place}: uses {name!r}, which [inputs] does not declare{nearest(name, declared)}")
    for name in declared:
        if name not in used:
            raise BadInput(f"{where.of(f'inputs.{name}')}: [inputs] declares {name!r}, which no prompt uses")
