"""The options of a scorer, read one by one; each fault is a BadInput that names scorer and option."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_deploy.evals.cases import Case, ScorerSpec
from agent_deploy.evals.ports import Provider
from agent_deploy.evals.results import Reply
from agent_deploy.evals.scorers.findings import MISSING, Check, Finding, Wanted, shown
from registry.errors import BadInput

_NOT = "not_"
OpenProvider = Callable[[str], Provider]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What scorers reach outside: providers by name (None: none is open, as in a lint), the folder that files are
    relative to, and the folder that `python` scorers are imported from.
    """

    providers: OpenProvider | None = None
    folder: Path = Path()
    modules: Path = Path()


def spec_of(form: Any) -> ScorerSpec:
    """A scorer as written: `exact`, `{contains: x}`, `{contains: {…}}` or `{name: contains, …}`; raises BadInput."""
    if isinstance(form, str):
        return ScorerSpec(form)
    if isinstance(form, Mapping) and isinstance(form.get("name"), str):
        return ScorerSpec(form["name"], {key: value for key, value in form.items() if key != "name"})
    if isinstance(form, Mapping) and len(form) == 1:
        name, rest = next(iter(form.items()))
        if isinstance(name, str):
            return ScorerSpec(name, dict(rest) if isinstance(rest, Mapping) else {"value": rest})
    raise BadInput(f"{shown(form)} is not a scorer: a name, {{name: …}}, or {{<scorer>: <option or options>}}")


class Options:
    """A spec's options. What nobody asked for by the end is unknown: `check_all_read`."""

    def __init__(self, spec: ScorerSpec, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.written = spec.name
        self.scorer = spec.name.removeprefix(_NOT)
        self._options = dict(spec.options)
        self._read: list[str] = []
        if self.has("not") and self.scorer != spec.name:
            raise self.fault(f"says 'not' twice; write {self.scorer!r} with not: true")
        self.negated = self.flag("not") or self.scorer != spec.name
        self.label = self.text("label", f"{_NOT}{self.scorer}" if self.negated else self.scorer)

    def fault(self, message: str) -> BadInput:
        """An error that begins with the scorer's name."""
        return BadInput(f"scorer {self.written!r}: {message}")

    def has(self, key: str) -> bool:
        """Whether the option was given."""
        self._read.append(key)
        return key in self._options

    def value(self, key: str, default: Any = MISSING) -> Any:
        """The option, of any type; without a default it must be there."""
        self._read.append(key)
        if key in self._options:
            return self._options[key]
        if default is MISSING:
            raise self.fault(f"needs the option {key!r}")
        return default

    def main(self, second: str, default: Any = MISSING) -> Any:
        """The main option, called `value` or by its second name; without a default it must be there."""
        names = [name for name in ("value", second) if self.has(name)]
        if len(names) == 2:
            raise self.fault(f"'value' and {second!r} are two names of one option; give one")
        return self.value(names[0]) if names else self.value(second, default)

    def text(self, key: str, default: Any = MISSING) -> str:
        """An option that is text, and not empty."""
        value = self.value(key, default)
        if not isinstance(value, str) or (not value and value is not default):
            raise self.fault(f"{key!r} must be text, not {shown(value)}")
        return value

    def texts(self, value: Any) -> tuple[str, ...]:
        """The main option's value as one or more texts."""
        texts = value if isinstance(value, list | tuple) else [value]
        if not texts or not all(isinstance(text, str) and text for text in texts):
            raise self.fault(f"its value must be text or a list of texts, not {shown(value)}")
        return tuple(texts)

    def flag(self, key: str, default: bool = False) -> bool:
        """An option that is true or false."""
        value = self.value(key, default)
        if not isinstance(value, bool):
            raise self.fault(f"{key!r} must be true or false, not {shown(value)}")
        return value

    def number(self, key: str, default: Any = MISSING, *, least: float = 0.0, most: float = math.inf) -> float:
        """An option that is a number from `least` to `most`."""
        value = self.value(key, default)
        if not is_number(value) or not least <= value <= most:
            limits = f"from {least:g} to {most:g}" if most < math.inf else f"of at least {least:g}"
            raise self.fault(f"{key!r} must be a number {limits}, not {shown(value)}")
        return float(value)

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """An option that is one of a few words."""
        value = self.value(key, default)
        if value not in choices:
            raise self.fault(f"{key!r} must be {' or '.join(choices)}, not {shown(value)}")
        return str(value)

    def mapping(self, key: str) -> Mapping[str, Any]:
        """An option that is a mapping; an empty one where it was not given."""
        value = self.value(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise self.fault(f"{key!r} must be a mapping, not {shown(value)}")
        return value

    def file(self, key: str) -> str:
        """The content of the file that an option names, relative to the set's folder."""
        from registry.source_files import check_text

        path = self.surroundings.folder / self.text(key)
        try:
            return check_text(path.read_bytes(), str(path))
        except OSError as error:
            raise self.fault(f"{key!r}: {path} cannot be read: {error.strerror}") from error

    def wanted(self, accepts: Callable[[Any], bool] = lambda _value: True, words: str = "a value") -> Wanted:
        """What the output is compared with: `value`, else the case's `expected`; raises where `value` cannot be."""
        option = self.value("value", MISSING) if self.has("value") else MISSING
        if option is not MISSING and not accepts(option):
            raise self.fault(f"'value' must be {words}, not {shown(option)}")
        return Wanted(self.label, option, accepts, words)

    def check(self, find: Callable[[Case, Reply], Finding], wanted: Wanted | None = None) -> Check:
        """The scorer that `find` makes, by the name and the direction that the options give it."""
        return Check(self.label, find, self.negated, wanted)

    def check_all_read(self) -> None:
        """Raises BadInput at an option that the scorer does not have."""
        from registry.names import nearest

        for key in self._options:
            if key not in self._read:
                known = sorted(set(self._read))
                raise self.fault(f"unknown option {key!r}{nearest(key, known)} (there: {', '.join(known)})")


def is_number(value: Any) -> bool:
    """Whether it is a finite JSON number: true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value - value == 0


def is_text(value: Any) -> bool:
    """Whether it is text."""
    return isinstance(value, str)
