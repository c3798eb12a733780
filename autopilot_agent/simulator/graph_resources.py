"""Resources of a tenant in Graph's JSON, read from it by the tenant's own readers, and kept in the data file once changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs

from autopilot_agent.errors import Place
from autopilot_agent.scenario.plan import targeting_of
from autopilot_agent.simulator.store import Row
from autopilot_agent.tenant.graph import Builder, read_inline
from autopilot_agent.tenant.graph.base import Assignable, Assignment, AssignmentTarget, Entity
from autopilot_agent.tenant.graph.kinds import COLLECTIONS, KINDS
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile
from autopilot_agent.tenant.graph.values import OURS
from autopilot_agent.tenant.state import TenantState

TYPE = "@odata.type"
GRAPH = "#microsoft.graph."
PROFILES, CONFIGURATIONS = "windowsAutopilotDeploymentProfiles", "deviceEnrollmentConfigurations"
EDITABLE = (PROFILES, CONFIGURATIONS)
"""Collections that an administrator may change, by Graph's names."""
TARGETS = {
    "allDevices": "allDevicesAssignmentTarget",
    "allLicensedUsers": "allLicensedUsersAssignmentTarget",
    "group": "groupAssignmentTarget",
    "exclusionGroup": "exclusionGroupAssignmentTarget",
    "configurationManagerCollection": "configurationManagerCollectionAssignmentTarget",
}
_NAMES = {kind.struct: kind.name for kind in reversed(KINDS.values())}
_STRUCTS: dict[str, type[Entity]] = {kind.struct.__name__: kind.struct for kind in KINDS.values()}
_SKIPPED = OURS | {"hybrid"}


def as_graph(entity: Entity, *, assignments: bool = False) -> dict[str, Any]:
    """A resource as Graph writes it; its assignments only where they are asked for."""
    found = {TYPE: GRAPH + _type_of(entity), **_plain(entity)}
    if not assignments:
        found.pop("assignments", None)
    return found


def _type_of(entity: Entity) -> str:
    if isinstance(entity, WindowsAutopilotDeploymentProfile):
        join = "activeDirectory" if entity.hybrid else "azureAD"
        return f"{join}WindowsAutopilotDeploymentProfile"
    return str(getattr(entity, "kind", "") or _NAMES[type(entity)])


def _plain(value: Any) -> Any:
    if isinstance(value, AssignmentTarget):
        fields = [field for field in structs.fields(value) if field.name != "kind"]
        found = {field.encode_name: _plain(getattr(value, field.name)) for field in fields}
        own = {name: one for name, one in found.items() if one not in (None, "none")}
        return {TYPE: GRAPH + TARGETS[value.kind], **own}
    if isinstance(value, Assignment):  # profiles and configurations have no intent and no settings (formats.md 1.2)
        return {"id": value.id, "source": value.source, "target": _plain(value.target)}
    if isinstance(value, msgspec.Struct):
        fields = [field for field in structs.fields(value) if field.name not in _SKIPPED]
        return {field.encode_name: _plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


def read_resource(collection: str, raw: Mapping[str, Any]) -> Entity:
    """A resource from Graph's JSON, as strictly as one in a scenario. Raises ``InputError``."""
    builder = Builder()
    own = {name: value for name, value in raw.items() if name == TYPE or "@odata" not in name}
    read_inline({collection: [own]}, lambda path: Place(""), builder)
    (found,) = getattr(builder.finish(), COLLECTIONS[collection])
    entity: Entity = found
    return entity


def resources(state: TenantState, collection: str) -> tuple[Any, ...]:
    """The resources of a collection."""
    found: tuple[Any, ...] = getattr(state.data, COLLECTIONS[collection])
    return found


def put_resources(state: TenantState, collection: str, items: tuple[Any, ...]) -> None:
    """Put others in their place; what devices hold already stays as it is."""
    field = COLLECTIONS[collection]
    data = structs.replace(state.data, **{field: items}, collections=state.data.collections | {field})
    state.replace_data(data, targeting_of(data))


def put_resource(state: TenantState, collection: str, new: Assignable) -> None:
    """Add a resource, or put it in the place of the one with its id."""
    items = resources(state, collection)
    known = any(one.id == new.id for one in items)
    kept = tuple(new if one.id == new.id else one for one in items)
    put_resources(state, collection, kept if known else (*items, new))


class Changed:
    """The collections that an administrator changed, a row each. See ``Part`` in parts.py."""

    kind = "resources"

    def __init__(self, state: TenantState) -> None:
        self.state = state
        self._first = state.data, state.targeting
        self._last = {name: resources(state, name) for name in EDITABLE}

    def begin(self, rows: dict[str, bytes] | None) -> None:
        """See ``Part``."""
        if rows is not None:
            self.state.replace_data(*self._first)
            self._last = {name: resources(self.state, name) for name in EDITABLE}
        for name, row in (rows or {}).items():
            items = tuple(
                msgspec.json.decode(value, type=_STRUCTS[struct])
                for struct, value in msgspec.json.decode(row, type=list[tuple[str, msgspec.Raw]])
            )
            put_resources(self.state, name, items)
            self._last[name] = resources(self.state, name)

    def changes(self) -> Iterator[Row]:
        """See ``Part``."""
        for name, last in self._last.items():
            now = resources(self.state, name)
            if now is not last:
                self._last[name] = now
                row = [(type(one).__name__, msgspec.Raw(msgspec.json.encode(one))) for one in now]
                yield self.kind, name, msgspec.json.encode(row)
