"""How a YAML file writes its values (quotes, flow or block, indentation), and a mapping written that way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yaml import SafeDumper
    from yaml.nodes import MappingNode, Node

_TAG = "tag:yaml.org,2002:"
_NO_FOLDING = 2**31
_STEP = 2
_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")


def dumped(row: dict[str, Any], cases: Sequence[MappingNode]) -> str:
    """The row as a block mapping, each value in the style in which the last of the cases that has its key writes it."""
    from yaml import MappingNode, serialize

    block_cases = [case for case in cases if not case.flow_style]
    samples = {key.value: value for case in block_cases for key, value in case.value}
    pairs = [(_node(name, None), _node(value, samples.get(name))) for name, value in row.items()]
    node = MappingNode(f"{_TAG}map", pairs, flow_style=False)
    return serialize(
        node, Dumper=_dumper(_lists_stand_in(block_cases)), indent=_step(block_cases), width=_NO_FOLDING,
        allow_unicode=True,
    )  # fmt: skip


def flow(row: dict[str, Any]) -> str:
    """The row as a flow mapping on one line."""
    from yaml import serialize

    node = _node(row, None)
    _set_flow(node)
    text: str = serialize(node, Dumper=_dumper(False), width=_NO_FOLDING, allow_unicode=True)
    return text.rstrip("\n")


def _node(value: Any, sample: Node | None) -> Any:
    from yaml import MappingNode, ScalarNode, SequenceNode

    style = getattr(sample, "style", None)
    if isinstance(value, str):
        return ScalarNode(f"{_TAG}str", value, style=_text_style(value, style))
    if isinstance(value, dict):
        inner = {key.value: node for key, node in sample.value} if isinstance(sample, MappingNode) else {}
        pairs = [(_node(key, None), _node(item, inner.get(key))) for key, item in value.items()]
        return MappingNode(f"{_TAG}map", pairs, flow_style=_is_flow(sample, MappingNode, not value))
    if isinstance(value, list):
        first = sample.value[0] if isinstance(sample, SequenceNode) and sample.value else None
        short = all(not isinstance(item, dict | list) for item in value)
        items = [_node(item, first) for item in value]
        return SequenceNode(f"{_TAG}seq", items, flow_style=_is_flow(sample, SequenceNode, short))
    kind = {bool: "bool", int: "int", float: "float"}.get(type(value), "null")
    return ScalarNode(f"{_TAG}{kind}", "null" if value is None else str(value).lower())


def _text_style(text: str, like: str | None) -> str | None:
    if _OTHER_BREAKS.search(text) or text.endswith("\n\n"):
        return '"'  # a break that is no line feed, or an end that a block would have to keep: escaped there
    if "\n" in text:
        return "|"
    return like if like in ("'", '"') else None


def _is_flow(sample: Any, kind: type, without: bool) -> bool:
    return bool(sample.flow_style) if isinstance(sample, kind) and sample.value else without  # type: ignore[attr-defined]


def _set_flow(node: Any) -> None:
    if hasattr(node, "flow_style"):
        node.flow_style = True
        for inner in node.value:
            for part in inner if isinstance(inner, tuple) else (inner,):
                _set_flow(part)
    elif node.style == "|":
        node.style = '"'


def _step(cases: Sequence[MappingNode]) -> int:
    """How far a mapping inside a case is indented."""
    from yaml import MappingNode

    for case in reversed(cases):
        for key, value in case.value:
            if isinstance(value, MappingNode) and not value.flow_style:
                step: int = value.start_mark.column - key.start_mark.column
                return step
    return _STEP


def _lists_stand_in(cases: Sequence[MappingNode]) -> bool:
    """Whether a list inside a case is indented under its key, rather than level with it."""
    from yaml import SequenceNode

    for case in reversed(cases):
        for key, value in case.value:
            if isinstance(value, SequenceNode) and not value.flow_style:
                return bool(value.start_mark.column > key.start_mark.column)
    return True


@cache
def _dumper(lists_stand_in: bool) -> type[SafeDumper]:
    """Quotes whatever YAML 1.1 or 1.2 would take for something else than text, so that every reader reads the same."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, indentless and not lists_stand_in)

    number = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$")
    Dumper.add_implicit_resolver(f"{_TAG}float", number, list("-0123456789"))
    return Dumper
