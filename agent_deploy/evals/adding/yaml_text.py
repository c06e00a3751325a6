"""A case more in YAML, laid out and quoted like the cases before it. What was there stays byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_deploy.evals.adding.json_text import newline_of
from agent_deploy.evals.adding.yaml_style import dumped, flow
from agent_deploy.evals.reading.rows import CASES_KEYS

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node, SequenceNode

NEW_YAML = "# yaml-language-server: $schema={schema}\ncases:\n"


def append_yaml(text: str, row: dict[str, Any]) -> str:
    """The text of a YAML file with the case as the last of its list."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    cases = _cases(yaml.compose(text, Loader=loader))
    return _into_flow(text, cases, row) if cases.flow_style else _into_block(text, cases, row)


def new_yaml(row: dict[str, Any], schema: str) -> str:
    """The text of a YAML file with this case alone."""
    return NEW_YAML.format(schema=schema) + _item(dumped(row, []), column=2, offset=2)


def _cases(root: Any) -> SequenceNode:
    from yaml.nodes import MappingNode

    found: SequenceNode = root
    if isinstance(root, MappingNode):
        found = next(value for key, value in root.value if key.value in CASES_KEYS)
    return found


def _into_block(text: str, cases: SequenceNode, row: dict[str, Any]) -> str:
    lines = text.splitlines(keepends=True)
    last: MappingNode = cases.value[-1]
    column = cases.start_mark.column
    if last.flow_style:
        lead = lines[last.start_mark.line][column + 1 : last.start_mark.column]
        added = f"{' ' * column}-{lead if lead.isspace() else ' '}{flow(row)}\n"
    else:
        added = _item(dumped(row, cases.value), column, last.start_mark.column - column)
    newline = newline_of(text)
    at = _last_line(last, lines) + 1
    before = [*lines[:at]]
    if not before[-1].endswith(("\n", "\r")):
        before[-1] += newline
    gap = newline if _spaced(cases, lines) else ""
    return "".join(before) + gap + added.replace("\n", newline) + "".join(lines[at:])


def _item(body: str, column: int, offset: int) -> str:
    """A block mapping as an item of a list whose dashes stand in this column."""
    first, *rest = body.removesuffix("\n").split("\n")
    lead = " " * (column + offset)
    lines = [f"{' ' * column}-{' ' * (offset - 1)}{first}", *(lead + line if line else line for line in rest)]
    return "\n".join(lines) + "\n"


def _into_flow(text: str, cases: SequenceNode, row: dict[str, Any]) -> str:
    lines = text.splitlines(keepends=True)
    last: Node = cases.value[-1]
    end = sum(map(len, lines[: last.end_mark.line])) + last.end_mark.column
    lead = lines[last.start_mark.line][: last.start_mark.column]
    between = ", " if lead.strip() else f",{newline_of(text)}{lead}"
    return f"{text[:end]}{between}{flow(row)}{text[end:]}"


def _spaced(cases: SequenceNode, lines: list[str]) -> bool:
    """Whether an empty line stands between the last case and the one before."""
    if len(cases.value) < 2:
        return False
    above = cases.value[-1].start_mark.line - 1
    while above > 0 and lines[above].lstrip().startswith("#"):
        above -= 1
    return not lines[above].strip()


def _last_line(node: Any, lines: list[str]) -> int:
    """The line that a block ends in, with the comments and empty lines after it left out."""
    from yaml.nodes import MappingNode, ScalarNode, SequenceNode

    if isinstance(node, MappingNode) and not node.flow_style:
        return _last_line(node.value[-1][1], lines)
    if isinstance(node, SequenceNode) and not node.flow_style:
        return _last_line(node.value[-1], lines)
    end: int = node.end_mark.line
    if not isinstance(node, ScalarNode) or node.style not in ("|", ">"):
        return end
    end -= node.end_mark.column == 0
    keeps = "+" in lines[node.start_mark.line][node.start_mark.column :].split("#")[0]
    while not keeps and end > node.start_mark.line and not lines[end].strip():
        end -= 1
    return end
