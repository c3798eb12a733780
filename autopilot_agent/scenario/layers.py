"""A scenario put together from parts: values laid over each other, and where each of them stands.

One rule holds for folder defaults, fragments, the scenario, its matrix row and ``--set``: keys and values are merged key by
key; anything else (a word, a number, a list, null) takes the place of what was there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from autopilot_agent.errors import Place
from autopilot_agent.scenario.problems import Steps
from autopilot_agent.text.yaml_text import Document

SET = "--set"
"""The option that single values are typed after, where nobody says another."""


class Layer(msgspec.Struct, frozen=True):
    """A value laid over what is at ``path`` of the whole; it stands at ``at`` in ``document``."""

    document: Document
    value: Any
    path: Steps = ()
    at: Steps = ()


class Words(Document):
    """A value from the command line: its only place is its name."""

    def place(self, path: Steps = (), key: bool = False) -> Place:
        """The option that brought the value."""
        return Place(self.name)

    def written(self, path: Steps) -> str | None:
        """Nothing: what was typed went through a shell."""
        return None


class Composed(Document):
    """A document made of layers, the strongest last; places lead into the file that a value came from."""

    layers: list[Layer] = msgspec.field(default_factory=list)

    def place(self, path: Steps = (), key: bool = False) -> Place:
        """Where the value at ``path`` stands, or its key; of the nearest ancestor when there is no such value."""
        layer, spot, _ = self._origin(path)
        return layer.document.place(spot, key)

    def written(self, path: Steps) -> str | None:
        """The text of an unquoted scalar as it stands in its file."""
        layer, spot, whole = self._origin(path)
        return layer.document.written(spot) if whole else None

    def _origin(self, path: Steps) -> tuple[Layer, Steps, bool]:
        """The layer that a value comes from, its path there, and whether it is all there (else the nearest ancestor)."""
        nearest: tuple[int, Layer, Steps] | None = None
        for layer in reversed(self.layers):
            common = _common(layer.path, path)
            if common < len(layer.path):
                if common == len(path) and (nearest is None or nearest[0] < common):
                    nearest = (common, layer, layer.at)  # the layer brings something below the path
                continue
            rest = path[common:]
            depth, value = _descend(layer.value, rest)
            if depth == len(rest):
                return layer, layer.at + rest, True
            if nearest is None or nearest[0] < common + depth:
                nearest = (common + depth, layer, layer.at + rest[:depth])
            if not isinstance(value, dict):
                break  # it takes the place of whatever lies below
        if nearest is None:
            return self.layers[0], self.layers[0].at, False
        return nearest[1], nearest[2], False


def _common(one: Steps, other: Steps) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right or isinstance(left, int) is not isinstance(right, int):
            break
        count += 1
    return count


def _descend(value: Any, path: Steps) -> tuple[int, Any]:
    """How many steps of a path exist in a value, and what is there."""
    for depth, step in enumerate(path):
        inside = isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)
        if not inside and not (isinstance(value, dict) and step in value):
            return depth, value
        value = value[step]
    return len(path), value


def merged_value(old: Any, new: Any) -> Any:
    """Two values laid over each other; neither is changed."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    found = dict(old)
    for name, value in new.items():
        found[name] = merged_value(found[name], value) if name in found else value
    return found


def laid_over(whole: Any, path: Steps, value: Any) -> Any:
    """The whole with a value merged at a path, whose containers exist or are made; the whole is not changed."""
    if not path:
        return merged_value(whole, value)
    step, rest = path[0], path[1:]
    if isinstance(whole, list) and isinstance(step, int):
        return [laid_over(one, rest, value) if index == step else one for index, one in enumerate(whole)]
    base = whole if isinstance(whole, dict) else {}
    inner = base.get(step)
    return {**base, str(step): laid_over(inner, rest, value)}


def compose(layers: list[Layer]) -> Composed:
    """The document of some layers, the strongest last; at least one. Its name is that of the first with an empty path."""
    whole: Any = {}
    for layer in layers:
        whole = laid_over(whole, layer.path, layer.value)
    name = next((layer.document.name for layer in reversed(layers) if not layer.path), layers[-1].document.name)
    return Composed(name, whole, None, layers)
