"""Refs: how a person names a version. `support-triage@42`, `@1.4.0`, `@sha256:ab12cd34…`, `@production`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from registry.errors import BadInput
from registry.names import check_workflow, is_environment

_DIGEST = re.compile(r"sha256:[0-9a-f]*")
_TAG = re.compile(r"\d+\.\d+\.\d+[0-9A-Za-z.+-]*")

_MOST_DIGITS = 18

By = Literal["number", "tag", "digest", "environment"]


@dataclass(frozen=True, slots=True)
class Ref:
    """A ref taken apart: which workflow, and by what its version is named."""

    workflow: str
    by: By
    value: str

    def __str__(self) -> str:
        return f"{self.workflow}@{self.value}"


def parse_ref(text: str, workflow: str | None = None) -> Ref:
    """The ref in `text`; with `workflow`, the part before the `@` may be left out. Raises BadInput."""
    name, at, value = text.rpartition("@")
    if at:
        check_workflow(name)
        if workflow is not None and name != workflow:
            raise BadInput(f"{text!r} is a version of {name!r}, not of {workflow!r}")
    elif workflow is None:
        raise BadInput(
            f"{text!r} names no version: write workflow@version, like {text}@3, {text}@1.2.0 or {text}@production",
            next_command=f"agent-deploy list {text}",
        )
    else:
        name = workflow
    return Ref(name, _kind(value, text), value)


def _kind(value: str, text: str) -> By:
    if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return "number"
    if _DIGEST.fullmatch(value):
        if not 8 <= len(value) - len("sha256:") <= 64:
            raise BadInput(f"{text!r}: give 8 to 64 hex digits of the digest")
        return "digest"
    if _TAG.fullmatch(value):
        return "tag"
    if is_environment(value):
        return "environment"
    raise BadInput(f"{text!r} is no version: give a number (42), a tag (1.4.0), sha256:… or an environment")
