"""The YAML parser behind ``yaml_text``: libyaml where it is there, with YAML 1.2's meaning of unquoted words."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.nodes import ScalarNode, SequenceNode

NULL = ("", "~", "null", "Null", "NULL")
_NAMES = {name: "null" for name in NULL} | {"<<": "merge"}
_NAMES |= {name: "bool" for name in ("true", "True", "TRUE", "false", "False", "FALSE")}
_TAGS = {name: f"tag:yaml.org,2002:{kind}" for name, kind in _NAMES.items()}
_NUMBER = re.compile(
    r"(?P<int>[-+]?[0-9]+|0[xX][0-9a-fA-F]+|0[oO][0-7]+)|"
    r"(?P<float>[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))"
)
_STARTS = frozenset("0123456789+-.")

_HINTS = (
    ("mapping values are not allowed", "text that contains ': ' must be in quotes, and keys of one mapping must line up"),
    ("cannot start any token", "put text that begins with a special character in quotes, and indent with spaces, not tabs"),
    ("could not find expected ':'", "a key needs a colon and a space after it, as in 'mode: user-driven'"),
    ("did not find expected key", "keys of one mapping must line up; a quoted text must be the whole value"),
    ("did not find expected '-' indicator", "items of one list must line up, each with '- ' in front"),
    ("expected ',' or", "a '[' or '{' is not closed, or a comma is missing"),
    ("found undefined alias", "an alias such as *name needs an anchor &name before it in the same file"),
    ("found unexpected end of stream", "a quote is not closed"),
    ("found unknown escape character", "in double quotes a backslash must be doubled; single quotes need nothing"),
    ("expected a single document", "a file holds one document; remove the '---' line and what follows, or split the file"),
    ("duplicate anchor", "give each anchor a name of its own"),
    ("undefined tag handle", "files hold plain data only; remove the tag"),
)


class _Plain:
    """What an unquoted word means; takes the place of the resolver that PyYAML would use (YAML 1.1, and slower)."""

    def descend_resolver(self, parent: Any, index: Any) -> None:
        """Nothing depends on where a value stands."""

    def ascend_resolver(self) -> None:
        """Nothing depends on where a value stands."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """The tag of a node that has none."""
        if kind is ScalarNode:
            if not implicit[0]:
                return "tag:yaml.org,2002:str"
            tag = _TAGS.get(value)
            if tag is not None:
                return tag
            if value[0] in _STARTS:
                number = _NUMBER.fullmatch(value)
                if number is not None:
                    return "tag:yaml.org,2002:int" if number["int"] is not None else "tag:yaml.org,2002:float"
            return "tag:yaml.org,2002:str"
        return "tag:yaml.org,2002:seq" if kind is SequenceNode else "tag:yaml.org,2002:map"


class SlowReader(_Plain, yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer):
    """PyYAML without libyaml."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)


if yaml.__with_libyaml__:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs hide it

    class FastReader(_Plain, CParser):
        """PyYAML with libyaml, about eight times faster."""

        def dispose(self) -> None:
            """libyaml's parser frees itself."""

    Reader: Any = FastReader
else:
    Reader = SlowReader


def yaml_sentence(error: yaml.YAMLError) -> tuple[str, Any]:
    """A YAML error in our words, and the mark (or None) where it stands."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None)
    if problem is None:
        reason = getattr(error, "reason", None)
        character = getattr(error, "character", None)
        shown = f" (U+{character:04X})" if isinstance(character, int) else ""
        return f"the file holds a character that YAML does not allow{shown}: {reason or 'unreadable'}; remove it.", mark
    context = getattr(error, "context", None)
    said = f"{problem}, {context}" if context else str(problem)
    hint = next((text for sign, text in _HINTS if sign in said), "check the indentation, quotes and brackets just before")
    return f"this is not valid YAML: {said}; {hint}.", mark
