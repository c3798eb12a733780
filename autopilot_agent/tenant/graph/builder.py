"""Collect what files and scenarios say about a tenant, piece by piece, and put it together at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from autopilot_agent.errors import InputError, Place

from .base import Assignable, Assignment, Entity, Notice
from .checks import CHECKS
from .data import TenantData
from .enrollment import EnrollmentConfiguration, EspConfiguration
from .hints import Context
from .kinds import SINGLE, Kind
from .pending import Pending, made_up_id
from .policies import ConfigurationPolicy
from .resolving import resolve
from .source import JsonPath, Source
from .values import build, plan_of

_ESP_SETTINGS = frozenset(plan_of(EspConfiguration)) - frozenset(plan_of(EnrollmentConfiguration)) - {
    "allowNonBlockingAppInstallation"
} | {"selectedMobileAppNames"}
_NAMING = ("user_principal_name", "serial_number", "display_name")
_SHARED_NAME = "All users and all devices"
EXTRA: Mapping[str, frozenset[str]] = {
    "mobile_apps": frozenset({"detectionRules", "requirementRules", "minimumSupportedOperatingSystem"}),
    "device_enrollment_configurations": frozenset({"selectedMobileAppNames"}),
}


class Part(msgspec.Struct, frozen=True):
    """A separately exported part of a resource: its assignments, relationships, settings or members."""

    context: Context
    items: tuple[object, ...]
    source: Source
    path: JsonPath


class Builder:
    """Resources in the order of reading; ``finish`` makes the TenantData."""

    def __init__(self) -> None:
        self.collections: set[str] = set()
        self.pending: list[Pending] = []
        self.parts: list[Part] = []
        self.notices: list[Notice] = []
        self._sources: list[Source] = []
        self._made: set[str] = set()

    def source(self, source: Source) -> Source:
        """Register a text, so that its notices are kept."""
        self._sources.append(source)
        return source

    def add(self, kind: Kind, raw: Mapping[str, object], source: Source, path: JsonPath) -> None:
        """Read one resource. Raises InputError with the place of what is wrong in it."""
        self.collections.add(kind.collection)
        whole = raw
        given: dict[str, object] = {}
        fields = kind.struct.__struct_fields__
        if "kind" in fields:
            given["kind"] = kind.name
        if kind.collection == "device_configurations":
            given["settings"] = {key: value for key, value in raw.items() if key not in _BASE_NAMES}
            raw = {key: value for key, value in raw.items() if key in _BASE_NAMES}
        entity = build(kind.struct, raw, source, path, known=EXTRA.get(kind.collection, frozenset()), **given)
        if isinstance(entity, EnrollmentConfiguration):
            entity = _with_enrollment_facts(entity, raw, source)
        entity = self._with_name_and_id(entity, kind, source, path)
        check = CHECKS.get(type(entity))
        if check is not None:
            check(entity, raw, source, path)
        self.pending.append(Pending(entity, kind.collection, raw, source, path, kind, whole))

    def exchange(self, one: Pending, whole: Mapping[str, object], source: Source, amended: frozenset[str]) -> None:
        """Read a resource once more, with changed properties; it keeps its place, and loses the parts that were changed."""
        index = next(index for index, other in enumerate(self.pending) if other is one)
        if not one.entity.id_known:
            self._made.discard(one.entity.id)
        self.add(one.kind, whole, source, one.path)
        self.pending[index] = msgspec.structs.replace(self.pending.pop(), amended=one.amended | amended)
        key = one.entity.id.lower()
        self.parts = [
            part
            for part in self.parts
            if part.context.part not in amended
            or (part.context.collection, (part.context.key or "").lower()) != (one.collection, key)
        ]

    def add_part(self, context: Context, items: list[object], source: Source, path: JsonPath) -> None:
        """Keep a part of a resource that may be read later."""
        self.parts.append(Part(context, tuple(items), source, path))

    def finish(self) -> TenantData:
        """Put everything together. Raises InputError for two resources with one id."""
        self._join_parts()
        self._note_missing_assignments()
        resolve(self.pending)
        fields: dict[str, list[Entity]] = {}
        places: dict[tuple[str, str], Place] = {}
        for one in self.pending:
            key = (one.collection, one.entity.id.casefold())
            place = one.source.place(one.path)
            if key in places or (one.collection in SINGLE and fields.get(one.collection)):
                before = places.get(key) or next(p for k, p in places.items() if k[0] == one.collection)
                what = f"a second {one.collection}" if one.collection in SINGLE else f'id "{one.entity.id}"'
                raise InputError(f"{what} in the same tenant; the first is at {before}", place)
            places[key] = place
            fields.setdefault(one.collection, []).append(one.entity)
        filled: dict[str, Any] = {  # the table in ``kinds`` pairs every field with its Struct
            name: found[0] if name in SINGLE else tuple(found) for name, found in fields.items()
        }
        notices = (*self.notices, *(notice for source in self._sources for notice in source.notices))
        return TenantData(**filled, collections=frozenset(self.collections), notices=notices, places=places)

    def _with_name_and_id(self, entity: Entity, kind: Kind, source: Source, path: JsonPath) -> Entity:
        if isinstance(entity, ConfigurationPolicy):  # one text under two names
            name = entity.name or entity.display_name
            entity = msgspec.structs.replace(entity, name=name, display_name=name)
        if entity.id:
            return entity
        if not source.inline:
            source.note(path, "resources without an id are known by their name")
        words = [str(value) for field in _NAMING if (value := getattr(entity, field, None))]
        made = made_up_id(kind.collection, kind.name, *words)
        while made in self._made and kind.collection != "users":  # two with one name are two all the same
            made = made_up_id(made)
        self._made.add(made)
        return msgspec.structs.replace(entity, id=made, id_known=False)

    def _join_parts(self) -> None:
        by_id = {(one.collection, one.entity.id.lower()): one for one in self.pending}
        for part in self.parts:
            owner = by_id.get((part.context.collection or "", (part.context.key or "").lower()))
            name = part.context.part or ""
            if owner is None:
                part.source.note(part.path, f"{name} of {part.context.key}, which is not in the input")
                continue
            if isinstance(owner.entity, Assignable) and name == "assignments":
                read: Any = tuple(build(Assignment, item, part.source, (*part.path, i)) for i, item in enumerate(part.items))
            else:
                whole = build(type(owner.entity), {name: list(part.items)}, _Shifted(part), ())
                read = getattr(whole, name)
            owner.entity = msgspec.structs.replace(owner.entity, **{name: read})

    def _note_missing_assignments(self) -> None:
        joined = {(part.context.collection, (part.context.key or "").lower()) for part in self.parts}
        for one in self.pending:
            entity = one.entity
            if not isinstance(entity, Assignable) or one.source.inline or "assignments" in one.raw:
                continue
            if (one.collection, entity.id.lower()) in joined or (
                isinstance(entity, EnrollmentConfiguration) and entity.is_default
            ):
                continue
            text = "the export shows no assignments, so nothing here reaches a device; export with $expand=assignments"
            one.source.note(one.path, text)


class _Shifted(Source):
    """A part's source seen as if the part were a property of its owner."""

    def __init__(self, part: Part) -> None:
        super().__init__(part.source.file, lambda path: part.source.place((*part.path, *path[1:])))


_BASE_NAMES = frozenset(plan_of(Assignable))


def _with_enrollment_facts(
    entity: EnrollmentConfiguration, raw: Mapping[str, object], source: Source
) -> EnrollmentConfiguration:
    """The built-in default is known by its id; tools that drop ids leave its shared name or its priority 0."""
    ending = entity.id.rpartition("_")[2]
    default = ending.startswith("Default") or (not entity.id and (entity.priority == 0 or entity.display_name == _SHARED_NAME))
    entity = msgspec.structs.replace(entity, is_default=default)
    if isinstance(entity, EspConfiguration):
        known = source.inline or bool(_ESP_SETTINGS & raw.keys())
        entity = msgspec.structs.replace(entity, settings_known=known)
    return entity
