"""What differs between two tenants, by Graph's names: resources that one has alone, and settings that are not the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from autopilot_agent.errors import Place
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.tenant.graph.base import Assignable, Assignment, Entity
from autopilot_agent.tenant.graph.kinds import COLLECTIONS, SINGLE

NOT_COMPARED = frozenset(("id", "idKnown", "lastModifiedDateTime", "roleScopeTagIds", "version", "createdDateTime@odata.type"))
"""Properties that differ between exports of the same configuration."""
UNORDERED = frozenset(("assignments", "members", "memberOf", "relationships"))
"""Lists whose order means nothing."""


Change = Literal["added", "removed", "changed"]


class Setting(msgspec.Struct, frozen=True):
    """One property as both tenants have it; None where a tenant does not."""

    path: str
    a: object
    b: object


class ResourceChange(msgspec.Struct, frozen=True, kw_only=True):
    """One resource that differs. The places are where it stands in each tenant."""

    collection: str
    name: str
    change: Change
    place_a: Place | None = None
    place_b: Place | None = None
    settings: list[Setting] = []


def compare_tenants(a: TenantData, b: TenantData) -> list[ResourceChange]:
    """Everything that differs, collection by collection, in the order of the first tenant."""
    found: list[ResourceChange] = []
    names_a, names_b = _names(a), _names(b)
    graph = {field: name for name, field in reversed(COLLECTIONS.items())}
    for field in dict.fromkeys(COLLECTIONS.values()):
        for one, other in _pairs(a, b, field):
            place_a = a.place(field, one.id) if one is not None else None
            place_b = b.place(field, other.id) if other is not None else None
            change: Change = "added" if one is None else "removed" if other is None else "changed"
            settings: list[Setting] = []
            if one is not None and other is not None:
                settings = list(_settings(_plain(one, names_a), _plain(other, names_b), ""))
                if not settings:
                    continue
            name = _name(one if one is not None else other)
            found.append(
                ResourceChange(
                    collection=graph[field], name=name, change=change, place_a=place_a, place_b=place_b, settings=settings
                )
            )
    return found


def _entities(data: TenantData, field: str) -> list[Entity]:
    value = getattr(data, field)
    if field in SINGLE:
        return [value] if value is not None else []
    return list(value)


def _pairs(a: TenantData, b: TenantData, field: str) -> Iterator[tuple[Entity | None, Entity | None]]:
    """Resources of a collection that belong together: by id, else by kind and name."""
    mine, theirs = _entities(a, field), _entities(b, field)
    if field in SINGLE:
        yield from [(mine[0] if mine else None, theirs[0] if theirs else None)] if mine or theirs else []
        return
    by_id = {one.id.casefold(): one for one in theirs}
    by_name: dict[tuple[str, str], list[Entity]] = {}
    known = {one.id.casefold() for one in mine}
    for one in theirs:
        if one.id.casefold() not in known:
            by_name.setdefault((type(one).__name__, _name(one)), []).append(one)
    met: set[int] = set()
    for one in mine:
        other = by_id.get(one.id.casefold())
        if other is None and (same := by_name.get((type(one).__name__, _name(one)))):
            other = same.pop(0)
        if other is not None:
            met.add(id(other))
        yield one, other
    for other in theirs:
        if id(other) not in met:
            yield None, other


def _name(entity: Entity | None) -> str:
    names = ("serial_number", "user_principal_name", "display_name", "name")
    return next((str(one) for name in names if (one := getattr(entity, name, None))), entity.id if entity is not None else "")


def _names(data: TenantData) -> dict[str, str]:
    """What every id of a tenant stands for, so that two tenants compare by names."""
    return {one.id.casefold(): _name(one) for field in dict.fromkeys(COLLECTIONS.values()) for one in _entities(data, field)}


def _plain(entity: Entity, names: dict[str, str]) -> Any:
    found = _named(msgspec.to_builtins(entity), names)
    if isinstance(entity, Assignable):
        found["assignments"] = sorted(_assignment(one, names) for one in entity.assignments)
    return found


def _assignment(one: Assignment, names: dict[str, str]) -> str:
    """An assignment in words: ``required: Sales laptops``, ``not: Kiosks``, ``available: all users``."""
    everybody = {"allDevices": "all devices", "allLicensedUsers": "all users"}
    target = everybody.get(one.kind) or names.get((one.group or "").casefold(), one.group or one.kind)
    condition = f" ({one.filter_type} {names.get((one.filter_id or '').casefold(), one.filter_id)})" if one.filter_id else ""
    context = one.settings.use_device_context if one.settings is not None else None
    return f"{'not' if one.kind == 'exclusionGroup' else one.intent}: {target}{condition}" + (
        "" if context is None else f", {'device' if context else 'user'} context"
    )


def _named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: sorted((_named(one, names) for one in item), key=repr)
            if key in UNORDERED and isinstance(item, list | tuple)
            else _named(item, names)
            for key, item in value.items()
            if key not in NOT_COMPARED
        }
    if isinstance(value, list | tuple):
        return [_named(one, names) for one in value]
    return names.get(value.casefold(), value) if isinstance(value, str) else value


def _settings(a: Any, b: Any, path: str) -> Iterator[Setting]:
    """Every property that differs, by its path."""
    if a == b:
        return
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            yield from _settings(a.get(key), b.get(key), f"{path}.{key}" if path else key)
    elif path.rpartition(".")[2] in UNORDERED and isinstance(a, list) and isinstance(b, list):
        yield Setting(path, [one for one in a if one not in b], [one for one in b if one not in a])
    else:
        yield Setting(path, a, b)
