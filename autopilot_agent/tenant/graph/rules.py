"""The rule language of dynamic groups and assignment filters, compiled to functions (formats.md 4.3, flows.md 5.1).

    (device.devicePhysicalIDs -any (_ -eq "[OrderID]:Sales")) or device.enrollmentProfileName -startsWith "Kiosk"

Comparisons ignore case, as Entra's and Intune's do. A property that the subject lacks compares as null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

Value: TypeAlias = str | bool | int | tuple[str, ...] | None
Facts: TypeAlias = Mapping[str, Value]
"""What is known of a subject by property name in lower case, without ``device.`` or ``user.``."""
Rule: TypeAlias = Callable[[Facts], bool]

MAX_LENGTH = 3072
_MAX_DEPTH = 50
_WORDS: Mapping[str, Value] = {"true": True, "false": False, "null": None}
_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>[()\[\],])|"(?P<double>(?:[^"`]|`.|"")*)"|'(?P<single>(?:[^']|'')*)'"""
    r"""|(?P<number>-?\d+(?:\.\d+)*)(?![\w.])|(?P<word>-?[A-Za-z_$][\w.]*))""",
    re.DOTALL,
)


class UnreadableRule(ValueError):
    """The rule uses something that is not understood here; the text says what."""


def compile_rule(text: str, subject: str, properties: frozenset[str]) -> Rule:
    """A function that tells whether the subject's facts fulfil the rule.

    ``subject`` is ``device`` or ``user``; ``properties`` are the names (lower case) that facts may have. Raises
    UnreadableRule.
    """
    if len(text) > MAX_LENGTH:
        raise UnreadableRule(f"the rule is longer than {MAX_LENGTH} characters")
    parser = _Parser(_tokens(text), subject, properties)
    rule = parser.either()
    parser.end()
    return rule


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnreadableRule(f'cannot read "{text[position : position + 20].strip()}"')
        kind = match.lastgroup or ""
        value = match[kind]
        if kind == "double":
            kind, value = "text", re.sub(r'`(["`])|""', lambda m: m[1] or '"', value)
        elif kind == "single":
            kind, value = "text", value.replace("''", "'")
        found.append((kind, value))
        position = match.end()
    return found


class _Parser:
    """Recursive descent; ``or`` binds weaker than ``and``, ``not`` strongest."""

    def __init__(self, tokens: list[tuple[str, str]], subject: str, properties: frozenset[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._prefix = f"{subject}."
        self._properties = properties
        self._inner = False

    def either(self) -> Rule:
        parts = [self._both()]
        while self._take_word("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda facts: any(part(facts) for part in parts)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise UnreadableRule(f'unexpected "{self._tokens[self._at][1]}"')

    def _both(self) -> Rule:
        parts = [self._negated()]
        while self._take_word("and"):
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else lambda facts: all(part(facts) for part in parts)

    def _negated(self) -> Rule:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise UnreadableRule("the rule is nested too deeply")
        try:
            if self._take_word("not"):
                rule = self._negated()
                return lambda facts: not rule(facts)
            if self._take_mark("("):
                rule = self.either()
                self._expect(")")
                return rule
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Rule:
        name = self._property()
        operator = self._word("an operator")
        if operator in ("any", "all"):
            return self._quantified(name, whole=operator == "all")
        check = _check(operator, self._value(operator))
        return lambda facts: check(facts.get(name))

    def _quantified(self, name: str, *, whole: bool) -> Rule:
        if self._inner:
            raise UnreadableRule("-any and -all cannot be nested")
        self._inner = True
        if self._take_mark("("):
            inner = self.either()
            self._expect(")")
        else:
            inner = self._comparison()
        self._inner = False
        combine = all if whole else any

        def quantified(facts: Facts) -> bool:
            items = facts.get(name)
            return isinstance(items, tuple) and combine(inner({"_": item}) for item in items)

        return quantified

    def _property(self) -> str:
        kind, text = self._next("a property")
        name = text.lower()
        if kind == "word" and self._inner and name == "_":
            return name
        if kind != "word" or not name.startswith(self._prefix):
            raise UnreadableRule(f'expected a property like {self._prefix}displayName, got "{text}"')
        name = name[len(self._prefix) :]
        if name not in self._properties:
            raise UnreadableRule(f'the property "{text}" is not known here')
        return name

    def _value(self, operator: str) -> Value:
        if operator in ("in", "notin") and self._take_mark("["):
            items: list[str] = []
            while not self._take_mark("]"):
                if items:
                    self._expect(",")
                items.append(str(self._scalar()))
            return tuple(items)
        return self._scalar()

    def _scalar(self) -> Value:
        kind, text = self._next("a value")
        if kind == "word":
            word = text.lower().removeprefix("$")
            if word not in _WORDS:
                raise UnreadableRule(f'expected a value in quotes, got "{text}"')
            return _WORDS[word]
        if kind == "mark":
            raise UnreadableRule(f'expected a value, got "{text}"')
        return text

    def _next(self, wanted: str) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise UnreadableRule(f"the rule ends where {wanted} should be")
        self._at += 1
        return self._tokens[self._at - 1]

    def _word(self, wanted: str) -> str:
        kind, text = self._next(wanted)
        if kind != "word":
            raise UnreadableRule(f'expected {wanted}, got "{text}"')
        return text.lower().removeprefix("-")

    def _take_word(self, word: str) -> bool:
        if self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if kind == "word" and text.lower().removeprefix("-") == word:
                self._at += 1
                return True
        return False

    def _take_mark(self, mark: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("mark", mark):
            self._at += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._take_mark(mark):
            got = self._tokens[self._at][1] if self._at < len(self._tokens) else "the end"
            raise UnreadableRule(f'expected "{mark}", got "{got}"')


def _check(operator: str, wanted: Value) -> Callable[[Value], bool]:
    """The comparison as a function of the subject's value."""
    if operator.startswith("not") and operator != "not":
        positive = _check(operator[3:], wanted)
        return lambda value: not positive(value)
    if operator == "ne":
        equal = _check("eq", wanted)
        return lambda value: not equal(value)
    if operator == "in":
        allowed = {one.casefold() for one in wanted} if isinstance(wanted, tuple) else {_plain(wanted)}
        return lambda value: _plain(value) in allowed
    text = _plain(wanted)
    if operator == "eq":
        return lambda value: _plain(value) == text
    if operator in ("gt", "ge", "lt", "le"):
        return _ordered(operator, _version(text))
    if wanted is None:
        raise UnreadableRule(f"-{operator} cannot be used with null")
    if operator == "contains":
        return lambda value: value is not None and text in _plain(value)
    if operator == "startswith":
        return lambda value: value is not None and _plain(value).startswith(text)
    if operator == "endswith":
        return lambda value: value is not None and _plain(value).endswith(text)
    if operator == "match":
        try:
            pattern = re.compile(str(wanted), re.IGNORECASE)
        except (re.error, OverflowError, RecursionError) as wrong:
            raise UnreadableRule(f"the pattern of -match cannot be read: {wrong}") from None
        return lambda value: isinstance(value, str) and pattern.search(value) is not None
    raise UnreadableRule(f'the operator "-{operator}" is not known here')


def _ordered(operator: str, wanted: tuple[int, ...]) -> Callable[[Value], bool]:
    signs: dict[str, tuple[int, ...]] = {"gt": (1,), "ge": (0, 1), "lt": (-1,), "le": (-1, 0)}
    fitting = signs[operator]

    def ordered(value: Value) -> bool:
        if value is None:
            return False
        found = _version(_plain(value))
        return (found > wanted) - (found < wanted) in fitting

    return ordered


def _version(text: str) -> tuple[int, ...]:
    """Version numbers compare part by part: 10.0.9 is before 10.0.22631."""
    return tuple(int(part) if part.isdecimal() else -1 for part in text.split("."))


def _plain(value: Value) -> str:
    return value.casefold() if isinstance(value, str) else "" if value is None else str(value).casefold()
