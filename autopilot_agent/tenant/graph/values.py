"""Turn decoded JSON or YAML into the Structs of this package, saying exactly where a value is wrong.

``msgspec.convert`` knows the types but not the habits of export tools, so the walk is ours and only leaves are converted
by msgspec: null means "absent", one-element lists arrive unwrapped, booleans and numbers arrive quoted, and PowerShell
writes ``@{...}`` where its depth ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from .source import JsonPath, Source
from .spelling import UNREAD, closest, suggestion

S = TypeVar("S", bound=msgspec.Struct)

#: Attributes that are ours and never read from a file.
OURS = frozenset({"id_known", "kind", "purpose", "settings_known", "is_default"})
#: Old names of properties by Struct; see ``forms``.
ALIASES: dict[type[msgspec.Struct], Mapping[str, str]] = {}
#: Attributes that follow from several properties or from ``@odata.type``; see ``forms``.
DERIVED: dict[type[msgspec.Struct], Callable[[Mapping[str, object], Source, JsonPath], dict[str, object]]] = {}

EMPTY_DATE = 1
_DEPTH_SIGNS = ("@{", "System.")


class FieldPlan(msgspec.Struct, frozen=True):
    """How one property of a Struct is read."""

    attribute: str
    kind: Literal["leaf", "text", "date", "choice", "reference", "struct", "raw"]
    type: type
    many: bool = False
    keep_empty: bool = False
    flags: bool = False
    choices: tuple[str, ...] = ()


def _plan_of_type(attribute: str, wanted: object) -> FieldPlan:
    if get_origin(wanted) in (Union, UnionType):
        wanted = next(part for part in get_args(wanted) if part is not NoneType)
    if get_origin(wanted) is tuple:
        inner = _plan_of_type(attribute, get_args(wanted)[0])
        return msgspec.structs.replace(inner, many=True)
    if get_origin(wanted) is Annotated:
        title = get_args(wanted)[1].title
        kind: Literal["reference", "text"] = "reference" if title == "reference" else "text"
        return FieldPlan(attribute, kind, str, keep_empty=title == "kept-empty", flags=title == "flag")
    if get_origin(wanted) is Literal:
        return FieldPlan(attribute, "choice", str, choices=get_args(wanted))
    if wanted is str:
        return FieldPlan(attribute, "text", str)
    if wanted is datetime:
        return FieldPlan(attribute, "date", datetime)
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        return FieldPlan(attribute, "struct", wanted)
    if wanted in (bool, int):
        return FieldPlan(attribute, "leaf", wanted)
    return FieldPlan(attribute, "raw", dict)


@cache
def plan_of(struct: type[msgspec.Struct]) -> Mapping[str, FieldPlan]:
    """The readable properties of a Struct by encoded name."""
    fields = msgspec.structs.fields(struct)
    return {field.encode_name: _plan_of_type(field.name, field.type) for field in fields if field.name not in OURS}


@cache
def aliases_of(struct: type[msgspec.Struct]) -> Mapping[str, str]:
    """Old names of its properties, its bases' included."""
    return {old: new for base in reversed(struct.__mro__) for old, new in ALIASES.get(base, {}).items()}


def build(
    struct: type[S], raw: object, source: Source, path: JsonPath, *, known: frozenset[str] = frozenset(), **given: object
) -> S:
    """Make a ``struct`` from ``raw``, which stands at ``path`` of ``source``.

    ``known`` names further properties that somebody else reads; ``given`` are attributes that are decided already.
    Raises InputError with the place of the wrong value.
    """
    return struct(**{**_attributes(struct, raw, source, path, known), **given})


def _attributes(
    struct: type[msgspec.Struct], raw: object, source: Source, path: JsonPath, known: frozenset[str]
) -> dict[str, object]:
    if not isinstance(raw, dict):
        refuse_cut_off(raw, source, path)
        source.fail(path, f"expected an object for {_last_name(path)}, got {shown(raw)}")
    plan, aliases = plan_of(struct), aliases_of(struct)
    values: dict[str, object] = {}
    for key, value in raw.items():
        field = plan.get(key)
        if field is None:
            if source.inline and key not in known and key not in aliases and not ignored(key):
                refuse_misspelling(key, [*plan, *aliases, *known], source, (*path, key))
        elif value is not None and (value != "" or field.keep_empty):
            values[field.attribute] = _field(field, value, source, (*path, key))
    for old, new in aliases.items():
        if raw.get(old) not in (None, ""):
            _merge_old(plan[new], new, old, raw, values, source, path)
    derive = DERIVED.get(struct)
    if derive is not None:
        values.update(derive(raw, source, path))
    return values


def _merge_old(
    field: FieldPlan, new: str, old: str, raw: Mapping[str, object], values: dict[str, object], source: Source, path: JsonPath
) -> None:
    """Take the value under its old name where the new one is missing; say so where the two differ (the new one wins)."""
    if field.kind == "struct" and not field.many:
        before = _attributes(field.type, raw[old], source, (*path, old), frozenset())
        after = _attributes(field.type, raw.get(new) or {}, source, (*path, new), frozenset())
        differing = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
        values[field.attribute] = field.type(**{**before, **after})
    else:
        value = _field(field, raw[old], source, (*path, old))
        differing = [new] if values.setdefault(field.attribute, value) != value else []
    if differing:
        source.note((*path, old), f"{old} and {new} differ ({', '.join(differing)}): {new} is used")


def ignored(key: object) -> bool:
    """Whether a property is OData's own and not the resource's."""
    return not isinstance(key, str) or "@odata" in key or key.startswith("#")


def refuse_misspelling(key: str, names: list[str], source: Source, path: JsonPath) -> None:
    """Raise InputError when ``key`` is nearly one of ``names`` and not a real Graph property that we do not read."""
    if key in UNREAD:
        return
    meant = closest(key, names, 0.8)
    if meant is not None:
        source.fail(path, f'unknown property "{key}"; did you mean "{meant}"?')


def _field(field: FieldPlan, value: object, source: Source, path: JsonPath) -> object:
    if field.kind == "raw" and not field.many:
        if not isinstance(value, dict):
            refuse_cut_off(value, source, path)
            source.fail(path, f"expected an object for {_last_name(path)}, got {shown(value)}")
        return value
    if not field.many:
        return _one(field, value, source, path)
    if isinstance(value, str) and field.kind != "reference" and value.startswith("System.Object[]"):
        refuse_cut_off(value, source, path)
    if not isinstance(value, list | tuple):
        if field.flags and isinstance(value, str):  # Graph writes flag enums as one string
            return tuple(part.strip() for part in value.split(",") if part.strip() != "none")
        return (_one(field, value, source, path),)  # Windows PowerShell unwraps one-element lists
    return tuple(_one(field, item, source, (*path, i)) for i, item in enumerate(value) if item is not None)


def _one(field: FieldPlan, value: object, source: Source, path: JsonPath) -> object:
    match field.kind:
        case "text":
            if isinstance(value, str):
                return value
        case "choice":
            return _choice(field.choices, value, source, path)
        case "struct":
            return build(field.type, value, source, path)
        case "date":
            return _date(value, source, path)
        case "reference":
            return _reference(value, source, path)
        case "raw":
            if isinstance(value, dict):
                return value
            refuse_cut_off(value, source, path)
        case "leaf":
            try:
                return msgspec.convert(value.strip() if isinstance(value, str) else value, field.type, strict=False)
            except msgspec.ValidationError:
                pass
    name = {str: "text (in quotes)", bool: "true or false", int: "a whole number"}.get(field.type, "an object")
    source.fail(path, f"expected {name} for {_last_name(path)}, got {shown(value)}")


def _choice(choices: tuple[str, ...], value: object, source: Source, path: JsonPath) -> str:
    if isinstance(value, str):
        for choice in choices:
            if choice == value or choice.casefold() == value.casefold():
                return choice
        listed = ", ".join(choices)
        source.fail(path, f'"{value}" is not a value of {_last_name(path)} ({listed}){suggestion(value, choices)}')
    source.fail(path, f"expected one of {', '.join(choices)} for {_last_name(path)}, got {shown(value)}")


def _date(value: object, source: Source, path: JsonPath) -> datetime | None:
    if isinstance(value, str) and value.startswith("/Date(") and value.endswith(")/"):
        try:  # Windows PowerShell's form: milliseconds since 1970
            milliseconds = int(value[6:-2].split("+")[0])
            return datetime.fromtimestamp(milliseconds / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            source.fail(path, f"cannot read the date {shown(value)}")
    try:
        found = msgspec.convert(value, datetime, strict=False) if isinstance(value, str) else value
    except msgspec.ValidationError:
        found = None
    if not isinstance(found, datetime):
        source.fail(path, f"expected a date and time like 2024-05-31T08:00:00Z for {_last_name(path)}, got {shown(value)}")
    if found.year == EMPTY_DATE:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _reference(value: object, source: Source, path: JsonPath) -> str:
    if isinstance(value, dict):
        for key in ("id", "userPrincipalName", "displayName"):
            if isinstance(value.get(key), str) and value[key]:
                return str(value[key])
        link = value.get("@odata.id")
        if isinstance(link, str):  # .../directoryObjects/<id>/Microsoft.DirectoryServices.User
            parts = [part for part in link.split("/") if part and not part.startswith("Microsoft.")]
            return parts[-1].removesuffix("')").split("('")[-1]
        source.fail(path, f"expected an object with an id for {_last_name(path)}")
    if isinstance(value, str):
        refuse_cut_off(value, source, path)
        return value
    source.fail(path, f"expected an id, a name or an object with an id for {_last_name(path)}, got {shown(value)}")


def refuse_cut_off(value: object, source: Source, path: JsonPath) -> None:
    if isinstance(value, str) and value.startswith(_DEPTH_SIGNS):
        source.fail(
            path,
            f"{_last_name(path)} was cut off when it was exported (it reads {shown(value)}): "
            "export again with a larger depth, ConvertTo-Json -Depth 20",
        )


def _last_name(path: JsonPath) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "the entry")


def shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else "null" if value is None else str(value)
    if isinstance(value, bool):
        text = text.lower()
    elif isinstance(value, dict):
        text = "an object"
    elif isinstance(value, list):
        text = "a list"
    return text if len(text) <= 60 else f"{text[:57]}..."
