"""Why a value does not fit the scenario types: every problem with its exact path; asked only after a quick check failed."""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from autopilot_agent.scenario.problems import Problem, Steps, path_text, suggestion
from autopilot_agent.text.yaml_text import Document


def problems_of(document: Document, kind: Any, path: Steps = ()) -> list[Problem]:
    """All the ways in which the value at ``path`` of a document does not fit the type ``kind``."""
    value = document.value
    for step in path:
        value = value[step]
    found: list[Problem] = []
    _Walk(document, found).check(value, inspect.type_info(kind), path)
    return found


class _Walk:
    def __init__(self, document: Document, found: list[Problem]) -> None:
        self.document = document
        self.found = found

    def check(self, value: Any, kind: inspect.Type, path: Steps) -> None:
        if isinstance(kind, inspect.AnyType):
            return
        if isinstance(kind, inspect.UnionType):
            self.union(value, kind, path)
        elif isinstance(kind, inspect.StructType) and isinstance(value, dict):
            self.struct(value, kind, path)
        elif isinstance(kind, inspect.ListType) and isinstance(value, list):
            for index, item in enumerate(value):
                self.check(item, kind.item_type, (*path, index))
        elif isinstance(kind, inspect.DictType) and isinstance(value, dict):
            for name, item in value.items():
                self.check(item, kind.value_type, (*path, name))
        elif isinstance(kind, inspect.LiteralType) and isinstance(value, str):
            if value not in kind.values:
                self.found.append(Problem(path, f"{_shown(value)} is not a choice here; {suggestion(value, kind.values)}"))
        elif not _fits(value, kind):
            self.wrong(value, [kind], path)

    def union(self, value: Any, kind: inspect.UnionType, path: Steps) -> None:
        tagged = [one for one in kind.types if isinstance(one, inspect.StructType) and one.tag_field]
        if tagged and isinstance(value, dict):
            self.tagged(value, tagged, path)
            return
        if any(_fits(value, one) for one in kind.types if not isinstance(one, inspect.LiteralType)):
            return
        for one in kind.types:
            container = isinstance(one, inspect.StructType | inspect.DictType) and isinstance(value, dict)
            if container or (isinstance(one, inspect.ListType) and isinstance(value, list)):
                self.check(value, one, path)
                return
            if isinstance(one, inspect.LiteralType) and isinstance(value, str):
                self.check(value, one, path)
                return
        self.wrong(value, [one for one in kind.types if not isinstance(one, inspect.NoneType)], path)

    def tagged(self, value: dict[str, Any], kinds: list[inspect.StructType], path: Steps) -> None:
        field, tags = str(kinds[0].tag_field), [str(one.tag) for one in kinds]
        name = value.get(field)
        if name is None:
            self.found.append(Problem(path, f"{path_text(path)}: the key {field!r} is missing; add '{field}: ...'."))
        elif name not in tags:
            self.found.append(Problem((*path, field), f"{_shown(str(name))} is not an act; {suggestion(str(name), tags, 40)}"))
        else:
            rest = {key: one for key, one in value.items() if key != field}
            self.struct(rest, next(one for one in kinds if one.tag == name), path)

    def struct(self, value: dict[str, Any], kind: inspect.StructType, path: Steps) -> None:
        fields = {field.encode_name: field for field in kind.fields}
        for name, item in value.items():
            if name not in fields:
                place = path_text(path) or "the top of a scenario"
                sentence = f"{_shown(name)} is not a key of {place}; {suggestion(name, fields, 40)}"
                self.found.append(Problem((*path, name), sentence, key=True))
            else:
                self.check(item, fields[name].type, (*path, name))
        for name, field in fields.items():
            if field.required and name not in value:
                place = path_text(path)
                sentence = f"the key {name!r} is missing{' in ' + place if place else ''}; add '{name}: ...'."
                self.found.append(Problem(path, sentence))

    def wrong(self, value: Any, kinds: list[inspect.Type], path: Steps) -> None:
        expected = " or ".join(dict.fromkeys(_called(kind) for kind in kinds))
        written = self.document.written(path)
        found = "nothing" if value is None else _found(value, written)
        sentence = f"{path_text(path)}: expected {expected}, found {found}{_hint(value, kinds, written)}."
        self.found.append(Problem(path, sentence))


def _bare(kind: inspect.Type) -> inspect.Type:
    """A type without what is said about it."""
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _is_duration(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.Metadata) and bool(kind.extra and kind.extra.get("duration"))


def _fits(value: Any, kind: inspect.Type) -> bool:
    kind = _bare(kind)
    if isinstance(kind, inspect.NoneType):
        return value is None
    if isinstance(kind, inspect.BoolType):
        return isinstance(value, bool)
    if isinstance(kind, inspect.IntType):
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(kind, inspect.FloatType):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return (isinstance(kind, inspect.StrType) and isinstance(value, str)) or isinstance(kind, inspect.AnyType)


def _called(kind: inspect.Type) -> str:
    kind = _bare(kind)
    if isinstance(kind, inspect.LiteralType):
        return "one of " + ", ".join(str(one) for one in kind.values)
    names: tuple[tuple[type[inspect.Type], str], ...] = (
        (inspect.BoolType, "true or false"),
        (inspect.IntType, "a whole number"),
        (inspect.FloatType, "a number"),
        (inspect.StrType, "text"),
        (inspect.ListType, "a list"),
    )
    return next((name for one, name in names if isinstance(kind, one)), "keys and values")


def _found(value: Any, written: str | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"the whole number {written or value}"
    if isinstance(value, float):
        return f"the number {written or value}"
    if isinstance(value, list):
        return "a list"
    return "keys and values" if isinstance(value, dict) else f"text {_shown(value)}"


def _hint(value: Any, kinds: list[inspect.Type], written: str | None) -> str:
    if value is None:
        return "; remove the key or give it a value"
    wants = {type(_bare(kind)) for kind in kinds}
    text = inspect.StrType in wants
    if text and not isinstance(value, str | list | dict):
        if any(_is_duration(kind) for kind in kinds) and not isinstance(value, bool):
            return f"; a duration has a unit: write {written or value}m for minutes or {written or value}s for seconds"
        return f'; put it in quotes: "{written or str(value).lower()}"'
    if isinstance(value, str):
        if inspect.BoolType in wants and value.lower() in ("yes", "on", "no", "off", "true", "false"):
            return f"; write {'true' if value.lower() in ('yes', 'on', 'true') else 'false'}"
        if inspect.IntType in wants and value.strip().lstrip("-").isdecimal():
            return "; remove the quotes"
        if inspect.ListType in wants:
            return f"; write [{value[:40]}]"
    return ""


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:57] + "...")
