"""The administrator's routes to deployment profiles and enrollment configurations: read, make, change, assign, delete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from autopilot_agent.simulator.admin_devices import registration_with
from autopilot_agent.simulator.graph_answers import Wrong, body_of, found_in, listed, single
from autopilot_agent.simulator.graph_options import options_of
from autopilot_agent.simulator.graph_resources import (
    CONFIGURATIONS,
    PROFILES,
    TYPE,
    as_graph,
    put_resource,
    put_resources,
    read_resource,
    resources,
)
from autopilot_agent.tenant import registration
from autopilot_agent.tenant.graph.base import Assignable, Assignment
from autopilot_agent.tenant.graph.enrollment import EnrollmentConfiguration
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.wire.http import Incoming, Response

EVERYBODY = {
    "allDevices": "adadadad-808e-44e2-905a-0b7873a8a531",
    "allLicensedUsers": "acacacac-9df4-4c7d-9d50-4ef0226f57a9",
}
"""The virtual groups of Intune, which ids of assignments name."""
OURS = frozenset({"id", "createdDateTime", "lastModifiedDateTime", "assignments", "version"})
"""Properties that the service sets and no body changes."""
LONGEST_NAME, LONGEST_DESCRIPTION = 200, 1500
"""Characters that the service saves (flows.md 4)."""


class Collection:
    """One collection that an administrator may change; its methods are handlers on the tenant's state."""

    def __init__(self, name: str) -> None:
        self.name = name

    def every(self, incoming: Incoming, state: TenantState) -> Response:
        """GET of the collection."""
        return listed(incoming, [self._shown(one, incoming) for one in resources(state, self.name)])

    def get(self, incoming: Incoming, state: TenantState) -> Response:
        """GET of one."""
        return single(incoming, self._shown(self._one(incoming, state), incoming))

    def create(self, incoming: Incoming, state: TenantState) -> Response:
        """POST: a new one, with an id of the service."""
        raw = {name: value for name, value in body_of(incoming).items() if name not in OURS - {"assignments"}}
        new = read_resource(self.name, raw)
        assert isinstance(new, Assignable)
        _check_texts(new, "displayName", *raw)
        made = state.unique(self.name, new.display_name)
        if isinstance(new, EnrollmentConfiguration):
            known = [one.priority or 0 for one in resources(state, self.name) if type(one) is type(new)]
            kind = str(as_graph(new)[TYPE]).rpartition(".")[2]
            made = f"{made}_{kind[:1].upper()}{kind[1:]}"
            new = structs.replace(new, priority=new.priority or max(known, default=0) + 1, version=1)
        now = _moment(incoming)
        new = structs.replace(new, id=made, id_known=True, created_date_time=now, last_modified_date_time=now)
        put_resource(state, self.name, _numbered(new))
        return single(incoming, self._shown(new, incoming), 201)

    def change(self, incoming: Incoming, state: TenantState) -> Response:
        """PATCH: what the body names, the rest as it was."""
        old = self._one(incoming, state)
        body = body_of(incoming)
        before = as_graph(old, assignments=True)
        if TYPE in body and str(body[TYPE]).casefold() != str(before[TYPE]).casefold():
            raise Wrong(400, f"The type of a resource cannot be changed; this one is {before[TYPE]}.")
        raw = _merged(before, {name: value for name, value in body.items() if name not in OURS})
        new = read_resource(self.name, raw)
        assert isinstance(new, Assignable)
        _check_texts(new, *body)
        kept = {"id": old.id, "id_known": old.id_known, "assignments": old.assignments}
        if isinstance(old, EnrollmentConfiguration):
            kept |= {"is_default": old.is_default, "version": (old.version or 0) + 1}
        new = structs.replace(new, **kept, created_date_time=old.created_date_time, last_modified_date_time=_moment(incoming))
        put_resource(state, self.name, new)
        return single(incoming, self._shown(new, incoming))

    def delete(self, incoming: Incoming, state: TenantState) -> Response:
        """DELETE; the built-in default of a kind stays."""
        old = self._one(incoming, state)
        if isinstance(old, EnrollmentConfiguration) and old.is_default:
            raise Wrong(400, "The built-in default cannot be deleted.")
        put_resources(state, self.name, tuple(one for one in resources(state, self.name) if one is not old))
        return Response(204)

    def assignments(self, incoming: Incoming, state: TenantState) -> Response:
        """GET of the assignments."""
        return listed(incoming, as_graph(_numbered(self._one(incoming, state)), assignments=True)["assignments"])

    def add_assignment(self, incoming: Incoming, state: TenantState) -> Response:
        """POST of one more assignment."""
        old = _numbered(self._one(incoming, state))
        new = self._with(old, [*as_graph(old, assignments=True)["assignments"], body_of(incoming)])
        put_resource(state, self.name, new)
        return single(incoming, as_graph(new, assignments=True)["assignments"][-1], 201)

    def remove_assignment(self, incoming: Incoming, state: TenantState) -> Response:
        """DELETE of an assignment."""
        old = _numbered(self._one(incoming, state))
        known = as_graph(old, assignments=True)["assignments"]
        found = found_in(known, incoming.parameters["assignment"])
        put_resource(state, self.name, self._with(old, [one for one in known if one is not found]))
        return Response(204)

    def assign(self, incoming: Incoming, state: TenantState) -> Response:
        """POST of all assignments at once; for a profile also of devices that get it by themselves (``deviceIds``)."""
        old, body = self._one(incoming, state), body_of(incoming)
        devices = body.get("deviceIds")
        if self.name == PROFILES and isinstance(devices, list):
            for found in [registration_with(state, str(device)) for device in devices]:  # all of them, or none
                found.profile_id = old.id
                registration.set_status(found, "assignedInSync")
            return Response(204)
        lines = body.get("enrollmentConfigurationAssignments", body.get("assignments"))
        if not isinstance(lines, list) or not all(isinstance(one, dict) for one in lines):
            raise Wrong(400, "The body has to have a list, enrollmentConfigurationAssignments or assignments.")
        put_resource(state, self.name, self._with(old, lines))
        return Response(204)

    def _with(self, old: Assignable, lines: list[Any]) -> Assignable:
        new = read_resource(self.name, {**as_graph(old), "assignments": lines})
        assert isinstance(new, Assignable)
        return _numbered(structs.replace(old, assignments=new.assignments))

    def _one(self, incoming: Incoming, state: TenantState) -> Assignable:
        wanted = incoming.parameters["id"].casefold()
        for one in resources(state, self.name):
            if one.id.casefold() == wanted:
                found: Assignable = one
                return found
        raise Wrong(404, f"There is no resource with the id {incoming.parameters['id'][:100]!r} in {self.name}.")

    def _shown(self, one: Assignable, incoming: Incoming) -> dict[str, Any]:
        return as_graph(_numbered(one), assignments="assignments" in options_of(incoming.query).expand)


def _check_texts(new: Assignable, *given: str) -> None:
    """Look at the texts among the given properties that no portal would save. Raises ``Wrong``."""
    if "displayName" in given and not 1 <= len(new.display_name.strip()) <= LONGEST_NAME:
        raise Wrong(400, f"displayName has to have 1 to {LONGEST_NAME} characters that are not all blanks.")
    if "description" in given and len(new.description or "") > LONGEST_DESCRIPTION:
        raise Wrong(400, f"A description has at most {LONGEST_DESCRIPTION} characters.")


def _numbered(one: Assignable) -> Assignable:
    """The resource with an id for every assignment, as Graph makes them: resource, group, and 0 for a direct source."""
    lines: list[Assignment] = []
    taken = {line.id for line in one.assignments}
    for number, line in enumerate(one.assignments):
        made = f"{one.id}_{line.target.group_id or EVERYBODY.get(line.kind, line.kind)}"
        name = line.id or (f"{made}_0" if f"{made}_0" not in taken else f"{made}_0_{number}")
        taken.add(name)
        lines.append(structs.replace(line, id=name, source=line.source or "direct"))
    return structs.replace(one, assignments=tuple(lines))


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Objects are merged, everything else takes the place of what was there."""
    found = dict(old)
    for name, value in new.items():
        before = found.get(name)
        found[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return found


def _moment(incoming: Incoming) -> datetime:
    return datetime.fromtimestamp(min(incoming.epoch, 253_000_000_000), UTC)


profiles = Collection(PROFILES)
configurations = Collection(CONFIGURATIONS)
