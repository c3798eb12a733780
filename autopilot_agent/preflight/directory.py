"""The groups of a tenant by everything that names them, and who uses which group for what."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from autopilot_agent.preflight.findings import Resource
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.tenant.graph.base import Assignable, Entity
from autopilot_agent.tenant.graph.directory import Group

KINDS = {
    "windows_autopilot_deployment_profiles": "deployment profile",
    "windows_autopilot_device_identities": "registration",
    "device_enrollment_configurations": "enrolment configuration",
    "mobile_apps": "app",
    "device_configurations": "policy",
    "configuration_policies": "policy",
    "device_management_scripts": "script",
    "groups": "group",
    "users": "user",
    "conditional_access_policies": "Conditional Access policy",
    "mobility_management_policies": "MDM scope",
    "devices": "device object",
}
"""What a resource of each collection is called."""
_NAMED_BY = {"users": "user_principal_name", "windows_autopilot_device_identities": "serial_number"}
ASSIGNED = tuple(KINDS)[:1] + tuple(KINDS)[2:7]
"""Collections whose resources are assigned to groups."""


class Use(msgspec.Struct, frozen=True):
    """One resource that is assigned to a group."""

    collection: str
    resource: Assignable
    excluded: bool


class Directory:
    """Groups by id and name, with the resources assigned to them."""

    def __init__(self, data: TenantData) -> None:
        self.data = data
        self._groups: dict[str, Group] = {}
        for group in reversed(data.groups):
            self._groups[group.display_name.casefold()] = group
        self._groups |= {group.id.casefold(): group for group in data.groups}
        self.uses: dict[str, list[Use]] = {}
        for collection, resource in assigned(data):
            for line in resource.assignments:
                found = self.group(line.group) if line.group else None
                if found is not None:
                    use = Use(collection, resource, line.kind == "exclusionGroup")
                    self.uses.setdefault(found.id, []).append(use)

    def group(self, reference: str) -> Group | None:
        """A group by id or display name; None where the export does not have it."""
        return self._groups.get(reference.casefold())

    def resource(self, collection: str, entity: Entity, kind: str = "") -> Resource:
        """A resource as a finding names it."""
        name = str(getattr(entity, _NAMED_BY.get(collection, "display_name"), None) or entity.id)
        return Resource(kind or KINDS.get(collection, "resource"), name, self.data.place(collection, entity.id))


def assigned(data: TenantData) -> Iterator[tuple[str, Assignable]]:
    """Every resource that can be assigned, with its collection."""
    for collection in ASSIGNED:
        for one in getattr(data, collection):
            yield collection, one


def about_devices(group: Group) -> bool:
    """Whether a dynamic group asks about devices."""
    return group.dynamic and "device." in (group.membership_rule or "").casefold()
