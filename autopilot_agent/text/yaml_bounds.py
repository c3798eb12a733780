"""What a YAML text may cost: its depth and its size are known before anything is built from it."""

from __future__ import annotations

import yaml
from yaml.nodes import Node, ScalarNode

from autopilot_agent.errors import InputError
from autopilot_agent.text.yaml_places import marked, place_of_node
from autopilot_agent.text.yaml_reader import Reader

MAX_VALUES = 100_000
MAX_DEPTH = 60
SAFE_DEPTH = 300
"""Brackets, or columns, up to which a text cannot nest deep enough to exhaust the C stack in libyaml's binding."""


def too_deep() -> str:
    """The sentence about values that are nested too deep."""
    return f"values are nested deeper than {MAX_DEPTH} levels; no file needs that, flatten it."


def may_nest_deep(text: str) -> bool:
    """Whether the depth has to be looked at before libyaml composes the text."""
    return text.count("[") + text.count("{") > SAFE_DEPTH or max(map(len, text.splitlines())) > SAFE_DEPTH


def check_depth(text: str, name: str) -> None:
    """Read the events only, and stop at the first value that is nested too deep; libyaml's own composer would crash."""
    reader = Reader(text)
    depth = 0
    try:
        while (event := reader.get_event()) is not None:
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    raise InputError(too_deep(), marked(name, event.start_mark))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    finally:
        reader.dispose()


def check_size(roots: list[Node], name: str) -> None:
    """Count the values that expanding every alias would make, without expanding any."""
    sizes: dict[int, int] = {}

    def size(node: Node, depth: int) -> int:
        if isinstance(node, ScalarNode):
            return 1
        known = sizes.get(id(node))
        if known is not None:
            if known == 0:
                sentence = "an alias here refers to a value that contains it; write the value out."
                raise InputError(sentence, place_of_node(name, node))
            return known
        if depth >= MAX_DEPTH:
            raise InputError(too_deep(), place_of_node(name, node))
        sizes[id(node)] = 0
        total = 1
        for item in node.value:
            if isinstance(item, tuple):
                total += size(item[0], depth + 1) + size(item[1], depth + 1)
            else:
                total += size(item, depth + 1)
        if total > MAX_VALUES:
            raise InputError(
                f"the file stands for more than {MAX_VALUES:,} values once its aliases are expanded; write less.",
                place_of_node(name, node),
            )
        sizes[id(node)] = total
        return total

    total = 0
    for root in roots:
        total += size(root, 0)
        if total > MAX_VALUES:
            sentence = f"the documents of the file stand for more than {MAX_VALUES:,} values together; split the file."
            raise InputError(sentence, place_of_node(name, root))
