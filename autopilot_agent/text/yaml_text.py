"""YAML files as plain values that still know where in the file they stand.

Only plain data comes out: mappings with text keys, lists, text, numbers, true/false and null, by YAML 1.2's rules (``yes``,
``on`` and dates stay text). Everything a stranger could put into a file is bounded before it costs anything.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from autopilot_agent.errors import InputError, Place
from autopilot_agent.text.text_file import MAX_BYTES, read_text
from autopilot_agent.text.yaml_bounds import MAX_DEPTH, MAX_VALUES, SAFE_DEPTH, check_depth, check_size, may_nest_deep, too_deep
from autopilot_agent.text.yaml_places import MERGE, STR, Path_, child, marked, place_of_character, place_of_node
from autopilot_agent.text.yaml_reader import NULL, Reader, yaml_sentence

_MAP = "tag:yaml.org,2002:map"
_SEQ = "tag:yaml.org,2002:seq"
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class Document(msgspec.Struct):
    """A file's value, and where each part of it stands."""

    name: str
    value: Any
    root: Node | None = None

    def place(self, path: Path_ = (), key: bool = False) -> Place:
        """Where the value at ``path`` stands, or its key; of the nearest existing ancestor when there is no such value."""
        node, key_node = self.root, None
        for step in path:
            found = child(node, step)
            if found is None:
                key_node = None
                break
            key_node, node = found
        return place_of_node(self.name, key_node if key and key_node is not None else node)

    def written(self, path: Path_) -> str | None:
        """The text of an unquoted scalar as it stands in the file; None for anything else or nothing."""
        node = self.root
        for step in path:
            found = child(node, step)
            if found is None:
                return None
            node = found[1]
        return node.value if isinstance(node, ScalarNode) and not node.style else None


def load_yaml(path: Path, limit: int = MAX_BYTES) -> Document:
    """Read a YAML file of at most ``limit`` bytes; raises ``InputError`` for whatever is wrong with it."""
    return load_yaml_text(read_text(path, limit), str(path))


def load_yaml_text(text: str, name: str) -> Document:
    """Read YAML text; ``name`` is what places call the file. Raises ``InputError``."""
    root = _roots(text, name, several=False)[0]
    if isinstance(root, ScalarNode):
        raise InputError(_NO_KEYS, place_of_node(name, root))
    return Document(name, _Converter(name, "*" in text).value(root, 0), root)


def load_yaml_documents(text: str, name: str) -> list[Document]:
    """Every document of a YAML text (``---`` stands between two), in their order. Raises ``InputError``."""
    found: list[Document] = []
    for root in _roots(text, name, several=True):
        if isinstance(root, ScalarNode):
            empty = root.value == "" and not root.style
            sentence = "nothing is written after this '---'; remove the line." if empty else _NO_KEYS
            raise InputError(sentence, place_of_node(name, root))
        found.append(Document(name, _Converter(name, "*" in text).value(root, 0), root))
    return found


def load_yaml_value(text: str, name: str) -> Any:
    """The value of a short YAML text, which may be a single word; nothing is null. Raises ``InputError``."""
    roots = _roots(text, name, several=False) if text.strip() else []
    return _Converter(name, "*" in text).value(roots[0], 0) if roots else None


_NO_KEYS = "expected keys and values such as 'mode: user-driven', found one piece of text."


def _roots(text: str, name: str, *, several: bool) -> list[Node]:
    """The trees of a text, bounded in depth and in the values that they stand for; at least one."""
    reader = None
    roots: list[Node] = []
    try:
        if len(text) > SAFE_DEPTH and may_nest_deep(text):
            check_depth(text, name)
        reader = Reader(text)
        if several:
            while reader.check_node():
                roots.append(reader.get_node())
        elif (root := reader.get_single_node()) is not None:
            roots.append(root)
    except RecursionError:
        raise InputError(too_deep(), Place(name)) from None
    except yaml.YAMLError as error:
        sentence, mark = yaml_sentence(error)
        if "nesting depth" in sentence:  # newer versions of libyaml stop by themselves
            sentence = too_deep()
        place = marked(name, mark) if mark is not None else place_of_character(text, name, getattr(error, "character", None))
        raise InputError(sentence, place) from None
    except ValueError as error:  # a lone surrogate, or a version directive out of range
        raise InputError(f"the text cannot be read as YAML ({error}); save the file as UTF-8.", Place(name)) from None
    finally:
        if reader is not None:
            reader.dispose()
    if not roots:
        raise InputError("the file is empty; expected YAML, for example 'scenario: My first scenario'.", Place(name))
    if "*" in text or len(text) > MAX_VALUES:
        check_size(roots, name)
    return roots


class _Converter:
    """Turns nodes into values; the tree is known to be finite and small when anything in it is an alias."""

    def __init__(self, name: str, aliased: bool) -> None:
        self.name = name
        self.done: dict[int, Any] | None = {} if aliased else None

    def value(self, node: Node, depth: int) -> Any:
        if isinstance(node, ScalarNode):
            tag = node.tag
            return node.value if tag == STR else self.scalar(node, tag)
        if self.done is not None and id(node) in self.done:
            return self.done[id(node)]
        if depth >= MAX_DEPTH:
            raise InputError(too_deep(), place_of_node(self.name, node))
        result: Any
        if isinstance(node, MappingNode):
            if node.tag != _MAP:
                raise self.unknown_tag(node)
            result = self.mapping(node, depth + 1)
        else:
            if node.tag != _SEQ:
                raise self.unknown_tag(node)
            result = [self.value(item, depth + 1) for item in node.value]
        if self.done is not None:
            self.done[id(node)] = result
        return result

    def mapping(self, node: MappingNode, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[Node] = []
        for key, value in node.value:
            tag = key.tag
            if tag == MERGE:
                merged.append(value)
                continue
            if tag != STR:
                raise self.bad_key(key)
            if key.value in result:
                raise self.twice(node, key)
            result[key.value] = self.value(value, depth)
        for value in merged:
            for other in self.merge_sources(value):
                for name, inner in self.value(other, depth).items():
                    result.setdefault(name, inner)
        return result

    def merge_sources(self, node: Node) -> list[Node]:
        sources = node.value if isinstance(node, SequenceNode) else [node]
        for one in sources:
            if not isinstance(one, MappingNode):
                raise InputError("'<<' merges mappings; expected an alias such as *defaults, or a list of them.", self.at(node))
        return list(sources)

    def scalar(self, node: ScalarNode, tag: str) -> Any:
        text = node.value
        kind = tag.removeprefix("tag:yaml.org,2002:")
        if kind == "null" and text in NULL:
            return None
        if kind == "bool" and text in _TRUTH:
            return _TRUTH[text]
        if kind == "merge":
            return text
        if kind == "int":
            number = _whole(text)
            if number is None:
                raise InputError(f"'{_short(text)}' is not a whole number that can be read; put it in quotes.", self.at(node))
            return number
        if kind == "float":
            if text.lower() in _INFINITE:
                return _INFINITE[text.lower()]
            if _FLOAT.fullmatch(text):
                return float(text)
        if kind in ("null", "bool", "float"):
            raise InputError(f"'{_short(text)}' is not a value of !!{kind}; remove the tag.", self.at(node))
        raise self.unknown_tag(node)

    def bad_key(self, key: Node) -> InputError:
        if not isinstance(key, ScalarNode):
            return InputError("a key must be text, found a list or a mapping; write 'name: value'.", self.at(key))
        shown = _short(key.value)
        return InputError(f'a key must be text; put {shown or "it"} in quotes: "{shown}".', self.at(key))

    def twice(self, node: MappingNode, key: ScalarNode) -> InputError:
        first = next(one for one, _ in node.value if one.value == key.value and one.tag == STR)
        line = first.start_mark.line + 1
        return InputError(f"the key '{_short(key.value)}' stands here twice, first in line {line}; keep one.", self.at(key))

    def unknown_tag(self, node: Node) -> InputError:
        shown = node.tag.replace("tag:yaml.org,2002:", "!!")
        return InputError(f"the tag {_short(shown)} is not allowed: files hold plain data only; remove it.", self.at(node))

    def at(self, node: Node) -> Place:
        return place_of_node(self.name, node)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _whole(text: str) -> int | None:
    try:
        if _DECIMAL.fullmatch(text):
            return int(text)
        return int(text, 0) if text[:2] in ("0x", "0o", "0X", "0O") else None
    except ValueError:
        return None
