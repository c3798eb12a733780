"""Where nodes of a YAML tree stand."""

from __future__ import annotations

from typing import Any, TypeAlias

from yaml.nodes import MappingNode, Node, SequenceNode

from autopilot_agent.errors import Place

Path_: TypeAlias = tuple[str | int, ...]

STR = "tag:yaml.org,2002:str"
MERGE = "tag:yaml.org,2002:merge"


def child(node: Node | None, step: str | int) -> tuple[Node | None, Node] | None:
    """Key node and value node below a node; merged mappings are looked into last."""
    if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        return None, node.value[step]
    if not isinstance(node, MappingNode):
        return None
    for key, value in node.value:
        if key.value == step and key.tag == STR:
            return key, value
    for key, value in node.value:
        if key.tag == MERGE:
            for other in value.value if isinstance(value, SequenceNode) else [value]:
                found = child(other, step)
                if found is not None:
                    return found
    return None


def place_of_node(name: str, node: Node | None) -> Place:
    """Where a node begins; the file alone when there is no node."""
    return marked(name, node.start_mark if node is not None else None)


def marked(name: str, mark: Any) -> Place:
    """A mark of PyYAML as a place."""
    return Place(name, mark.line + 1, mark.column + 1) if mark is not None else Place(name)


def place_of_character(text: str, name: str, character: object) -> Place:
    """Where the first of a character, given by its number, stands in a text."""
    at = text.find(chr(character)) if isinstance(character, int) else -1
    return Place(name, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)) if at >= 0 else Place(name)
