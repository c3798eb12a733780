"""Take a decoded document apart into resources: envelopes, lists, single resources, maps of collections (formats.md 1.0)."""

from __future__ import annotations

from collections.abc import Mapping

from .builder import Builder
from .forms import type_name
from .hints import Context, read_context
from .kinds import COLLECTIONS, KINDS, collection_named, kind_by_shape, kind_of_type
from .source import JsonPath, Source
from .spelling import closest, suggestion
from .values import ignored, plan_of, refuse_cut_off, shown

_BASE_TYPES = frozenset({"", "mobileapp", "mobilelobapp", "deviceenrollmentconfiguration", "directoryobject"})
_NAMELESS = frozenset({"id", "displayName", "name", "@odata.type", "userPrincipalName"})


def read_document(value: object, source: Source, hint: str | None, into: Builder, *, written: bool = False) -> None:
    """Read what one file holds.

    ``hint`` is the collection that the file's name announces; what the document says itself is stronger. ``written``
    means that the file is of a kind that people write, so that a map of collections in it is read as strictly as one in
    a scenario. Raises InputError.
    """
    into.source(source)
    value = _plain(value)
    if isinstance(value, dict) and not _NAMELESS & value.keys() and _maps_collections(value, hint, written):
        source.inline = written
        read_collections(value, source, (), into)
    else:
        _read_items(value, source, (), None, hint, into)


def _maps_collections(value: Mapping[str, object], hint: str | None, written: bool) -> bool:
    """Whether a mapping without any name of its own is one of collections, as far as a person may have misspelt it."""
    items = [(key, item) for key, item in value.items() if not ignored(key)]
    if any(collection_named(key) and isinstance(item, list | dict) for key, item in items):
        return True
    if not written or not items or "value" in value or any(key.startswith("@odata.") for key in value):
        return False
    return hint is None or any(collection_named(key) or isinstance(item, list | dict) for key, item in items)


def read_collections(mapping: Mapping[str, object], source: Source, path: JsonPath, into: Builder) -> None:
    """Read a map of collections. Raises InputError for a name that is no collection."""
    for key, value in mapping.items():
        if ignored(key):
            continue
        collection = collection_named(key)
        if collection is None:
            source.fail((*path, key), f'"{key}" is not a collection that is read here{suggestion(key, COLLECTIONS)}')
        into.collections.add(collection)
        if value is not None:
            _read_items(value, source, (*path, key), collection, None, into)


def _read_items(value: object, source: Source, path: JsonPath, collection: str | None, hint: str | None, into: Builder) -> None:
    context = Context(collection)
    value = _plain(value)
    if isinstance(value, dict):
        if refusal := _refusal(value):
            text = f"Graph refused this request ({refusal}): nothing is in it; export it again with the rights that it needs"
            source.note(path, text)
            return
        told = read_context(value.get("@odata.context"))
        context = told if told.collection else context
        if value.get("@odata.nextLink"):
            text = "the export is incomplete: it is one page, and @odata.nextLink names the next"
            source.note((*path, "@odata.nextLink"), text)
        if "value" in value and not _NAMELESS & value.keys():
            path = (*path, "value")
            value = value["value"]
    items = value if isinstance(value, list) else [] if value in (None, "") else [value]
    if context.part is not None:
        into.add_part(context, items, source, path)
        return
    if context.collection is not None or hint is not None:
        into.collections.add(context.collection or hint or "")
    for i, item in enumerate(items):
        if item is not None:
            _read_item(item, source, (*path, i) if isinstance(value, list) else path, context.collection, hint, into)


def _refusal(value: Mapping[str, object]) -> str:
    """The code of an error that Graph answered with, as a tool saves it where resources should be; else ""."""
    error = value.get("error")
    if not isinstance(error, dict) or "id" in value or "value" in value:
        return ""
    code, message = error.get("code"), error.get("message")
    return (code[:80] or "without a code") if isinstance(code, str) and isinstance(message, str) else ""


def _read_item(item: object, source: Source, path: JsonPath, collection: str | None, hint: str | None, into: Builder) -> None:
    item = _plain(item)
    if not isinstance(item, dict):
        refuse_cut_off(item, source, path)
        source.fail(path, f"expected a resource (an object), got {shown(item)}")
    own = read_context(item.get("@odata.context"))
    collection = own.collection or collection
    name = type_name(item)
    kind = kind_of_type(name, collection or hint) if name else None
    if kind is None and name.lower() in _BASE_TYPES:
        kind = kind_by_shape(item, collection)
        if kind is None and collection is None and hint is not None:
            kind = kind_by_shape(item, hint)
    if kind is None:
        _skip(item, name, source, path, collection or hint)
    elif source.inline and collection is not None and kind.collection != collection:
        source.fail((*path, "@odata.type"), f'a resource of type "{name}" does not belong into this collection')
    else:
        into.add(kind, item, source, path)  # finds a misspelt property
        if source.inline and plan_of(kind.struct).keys().isdisjoint(item):
            unknown = next((key for key in item if not ignored(key)), None)
            said = f'"{unknown}" is no property of it' if unknown is not None else "it is empty"
            source.fail((*path, unknown) if unknown is not None else path, f"nothing of this {kind.name} can be read: {said}")


def _skip(item: Mapping[str, object], name: str, source: Source, path: JsonPath, collection: str | None) -> None:
    graph_name = next((graph for graph, field in COLLECTIONS.items() if field == collection), "resources")
    if source.inline:
        types = [kind.name for kind in KINDS.values() if collection in (None, kind.collection)]
        meant = closest(name, types)
        hint = f'did you mean "{meant}"?' if meant else f"one of {', '.join(types)}"
        if not name:
            source.fail(path, f'a resource of {graph_name} needs an "@odata.type": {hint}')
        source.fail((*path, "@odata.type"), f'unknown type "{name}"; {hint}')
    if name:
        source.note(path, f"{graph_name} of type {name} are not read")
    else:
        source.note(path, f"{graph_name} that do not say their @odata.type, and do not look like a known one, are not read")


def _plain(value: object) -> object:
    """Undo what the Graph PowerShell SDK does: capital first letters, derived properties under AdditionalProperties."""
    if isinstance(value, dict) and ("AdditionalProperties" in value or ("Id" in value and "id" not in value)):
        return _lowered(value)
    return value


def _lowered(value: object) -> object:
    if isinstance(value, list):
        return [_lowered(item) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[object, object] = {}
    for key, item in value.items():
        if key == "AdditionalProperties" and isinstance(item, dict):
            found.update({inner: _lowered(one) for inner, one in item.items()})
        elif isinstance(key, str) and not ignored(key):
            found.setdefault(key[:1].lower() + key[1:], _lowered(item))
        else:
            found[key] = item
    return found
