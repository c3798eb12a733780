"""Change properties of resources that were read already: ``tenant: {include: [...], change: {...}}`` of a scenario.

An export stays as its administrator made it; what a scenario wants otherwise is laid over it by the resource's name or id:
keys and values are merged, anything else takes the place of what was there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import msgspec

from autopilot_agent.errors import InputError, Place

from .builder import EXTRA, Builder
from .kinds import COLLECTIONS, SINGLE, collection_named
from .pending import Pending
from .source import JsonPath, Locate, Source
from .spelling import suggestion
from .values import FieldPlan, aliases_of, ignored, plan_of, shown

NAMING = ("display_name", "name", "user_principal_name", "serial_number", "id")
"""Attributes by which a resource is found."""
FIXED = ("id", "@odata.type")
MOST_LISTED = 8
"""Names that an error lists."""


def amend(changes: object, locate: Locate, builder: Builder) -> None:
    """Change what a builder has read; ``changes`` has collection -> name or id -> properties, ``locate`` its places.

    Of the collections with one resource (``organization``) the properties stand at once below the collection. Raises
    ``InputError`` for a name that is not there, and for a property that nothing here reads: the change would be none.
    """
    said = Source(locate(()).file, locate, inline=True)
    for collection, items in _mapping(changes, said, ()).items():
        field = collection_named(collection)
        if field is None:
            meant = suggestion(collection, COLLECTIONS)
            _refuse(said, (collection,), f'"{collection}" is not a collection that is read here{meant}')
        there = [one for one in builder.pending if one.collection == field]
        if field in SINGLE:
            if not there:
                _refuse(said, (collection,), f"the tenant has no {collection} to be changed; write one beside the include")
            _change(there[0], _mapping(items, said, (collection,)), said, (collection,), builder)
            continue
        for name, properties in _mapping(items, said, (collection,)).items():
            path = (collection, name)
            one = _named(name, there, said, path)
            _change(one, _mapping(properties, said, path), said, path, builder)


def _mapping(value: object, said: Source, path: JsonPath) -> Mapping[str, object]:
    if not isinstance(value, dict):
        wanted = ("collections of the tenant", "names of resources", "properties")[min(len(path), 2)]
        _refuse(said, path, f"expected keys and values, {wanted} with what is to change, got {shown(value)}")
    for key in value:
        if not isinstance(key, str):
            _refuse(said, path, f"the key {key!r} is no text; put it in quotes")
    return value


def _named(name: str, there: list[Pending], said: Source, path: JsonPath) -> Pending:
    for spelled in (str, str.casefold):  # as it is written; then in whatever case
        found = [one for one in there if any(spelled(getattr(one.entity, key, "") or "") == spelled(name) for key in NAMING)]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(one.entity.id for one in found[:5])
            _refuse(said, path, f'{len(found)} resources of {path[0]} are called "{name}"; say which by its id: {ids}')
    known = [str(next((value for key in NAMING if (value := getattr(one.entity, key, ""))), "")) for one in there]
    if not known:
        _refuse(said, path, f"the tenant has no {path[0]}, so none can be changed")
    listed = ", ".join(known[:MOST_LISTED]) + (f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else "")
    _refuse(said, path, f'no resource of {path[0]} is called "{name}"{suggestion(name, known) or f"; there are: {listed}"}')


def _refuse(said: Source, path: JsonPath, sentence: str) -> NoReturn:
    raise InputError(sentence, said.place(path))


def _change(one: Pending, change: Mapping[str, object], said: Source, path: JsonPath, builder: Builder) -> None:
    """Read a resource again with its change, in its old place among the others."""
    for key in FIXED:
        if key in change:
            _refuse(said, (*path, key), f'"{key}" says which resource it is and cannot be changed; write another one instead')
    anything = one.collection == "device_configurations"  # their settings are kept as they are written
    _check(one.kind.struct, change, said, path, EXTRA.get(one.collection, frozenset()), anything=anything)
    whole = laid(one.whole, change, one.kind.struct, said, path)
    start = len(one.path)

    def locate(spot: JsonPath) -> Place:
        rest = spot[start:]
        return said.place((*path, *rest)) if _reaches(change, rest) else one.source.place(spot)

    builder.exchange(one, whole, one.source.over(locate), frozenset(change))


def _check(
    struct: type[msgspec.Struct], change: object, said: Source, path: JsonPath, known: frozenset[str], *, anything: bool = False
) -> None:
    """Refuse a property that is not read here, at any depth."""
    if not isinstance(change, dict) or anything:
        return
    plan, aliases = plan_of(struct), aliases_of(struct)
    for key, value in change.items():
        field = plan.get(aliases.get(key, key))
        if field is None:
            if key in known or ignored(key):
                continue
            names = [*plan, *aliases, *known]
            _refuse(said, (*path, key), f'"{key}" is not read here, so changing it changes nothing{suggestion(key, names)}')
        if field.kind == "struct":
            items = value if field.many and isinstance(value, list) else [value]
            for item in items:
                indexed = field.many and isinstance(item, dict) and _indexed(item)
                for part in item.values() if indexed else [item]:
                    _check(field.type, part, said, (*path, key), frozenset({"group", "intent", "exclude", "@odata.type"}))


def laid(old: object, new: object, struct: type[msgspec.Struct] | None, said: Source, path: JsonPath) -> dict[str, object]:
    """A resource, or a part of one, with a change laid over it; a property under its old name gives way to the new one."""
    assert isinstance(new, dict)
    found = dict(old) if isinstance(old, dict) else {}
    plan: Mapping[str, FieldPlan] = plan_of(struct) if struct else {}
    aliases = aliases_of(struct) if struct else {}
    for key, value in new.items():
        name = aliases.get(key, key)
        spellings = [name, *(alias for alias, meant in aliases.items() if meant == name)]
        before = next((found[one] for one in spellings if found.get(one) not in (None, "")), None)
        for one in spellings:
            found.pop(one, None)
        field = plan.get(name)
        inner = field.type if field is not None and field.kind == "struct" else None
        found[name] = _part(before, value, inner, said, (*path, key))
    return found


def _part(old: object, new: object, struct: type[msgspec.Struct] | None, said: Source, path: JsonPath) -> object:
    if not isinstance(new, dict):
        return new
    if isinstance(old, list) and new and _indexed(new):
        items = list(old)
        for key, value in new.items():
            if int(key) >= len(items):
                _refuse(said, (*path, key), f"{path[-1]} has {len(items)} items, counted from 0; there is no [{key}]")
            items[int(key)] = _part(items[int(key)], value, struct, said, (*path, key))
        return items
    return laid(old, new, struct, said, path)


def _indexed(new: Mapping[str, object]) -> bool:
    """Whether keys are places in a list, as ``assignments[0].intent`` has them."""
    return all(isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 7 for key in new)


def _reaches(change: object, path: JsonPath) -> bool:
    """Whether a path below a resource leads into its change."""
    if not path:
        return False
    for step in path:
        if isinstance(change, list) and isinstance(step, int) and step < len(change):
            change = change[step]
        elif isinstance(change, dict) and (step in change or str(step) in change):
            change = change[step] if step in change else change[str(step)]
        else:
            return not isinstance(change, dict)  # below a value that the change brought whole
    return True
