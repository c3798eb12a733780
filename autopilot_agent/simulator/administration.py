"""The administrator's API: Graph's paths and shapes below ``/admin/v1.0`` and ``/admin/beta``, with a bearer token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from autopilot_agent.simulator import admin_devices as devices
from autopilot_agent.simulator import admin_managed as managed
from autopilot_agent.simulator.admin_resources import configurations, profiles
from autopilot_agent.simulator.graph_answers import Wrong, found_in, guarded, listed, refuse, single
from autopilot_agent.simulator.graph_resources import as_graph
from autopilot_agent.tenant.graph.directory import Group
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.wire.http import Desk, Handler, Incoming, Records, Response, Route

if TYPE_CHECKING:
    from autopilot_agent.simulator.desk import TenantDesk

ROOT = '/admin/<any("v1.0","beta"):version>'
LARGEST = 8 * 1024 * 1024
"""Bytes of a body: an import of 500 hashes is a quarter of it."""

Work = Callable[[Incoming, TenantState], Response]
WorkWithRecords = Callable[[Incoming, TenantState, Records], Response]

_PROFILES = "deviceManagement/windowsAutopilotDeploymentProfiles"
_IDENTITIES = "deviceManagement/windowsAutopilotDeviceIdentities"
_IMPORTED = "deviceManagement/importedWindowsAutopilotDeviceIdentities"
_CONFIGURATIONS = "deviceManagement/deviceEnrollmentConfigurations"
_MANAGED = "deviceManagement/managedDevices"


def _users(incoming: Incoming, state: TenantState) -> Response:
    return listed(incoming, [as_graph(one) for one in state.everybody()])


def _user(incoming: Incoming, state: TenantState) -> Response:
    found = state.user(incoming.parameters["id"])
    if found is None:
        raise Wrong(404, f"There is no user {incoming.parameters['id'][:100]!r}.")
    return single(incoming, as_graph(found))


def _groups(incoming: Incoming, state: TenantState) -> Response:
    return listed(incoming, [_group(one) for one in state.data.groups])


def _one_group(incoming: Incoming, state: TenantState) -> Response:
    return single(incoming, found_in([_group(one) for one in state.data.groups], incoming.parameters["id"]))


def _group(one: Group) -> dict[str, object]:
    shown = as_graph(one)
    shown.pop("members", None)  # a relationship, which Graph shows at a path of its own
    return shown


WORK: tuple[tuple[str, str, Work], ...] = (
    *(
        row
        for path, own in ((_PROFILES, profiles), (_CONFIGURATIONS, configurations))
        for row in (
            ("GET", path, own.every),
            ("POST", path, own.create),
            ("GET", f"{path}/<id>", own.get),
            ("PATCH", f"{path}/<id>", own.change),
            ("DELETE", f"{path}/<id>", own.delete),
            ("GET", f"{path}/<id>/assignments", own.assignments),
            ("POST", f"{path}/<id>/assignments", own.add_assignment),
            ("DELETE", f"{path}/<id>/assignments/<assignment>", own.remove_assignment),
            ("POST", f"{path}/<id>/assign", own.assign),
        )
    ),
    ("GET", f"{_PROFILES}/<id>/assignedDevices", devices.assigned_devices),
    ("GET", _IDENTITIES, devices.list_identities),
    ("GET", f"{_IDENTITIES}/<id>", devices.get_identity),
    ("DELETE", f"{_IDENTITIES}/<id>", devices.delete_identity),
    ("POST", f"{_IDENTITIES}/<id>/updateDeviceProperties", devices.update_properties),
    ("POST", f"{_IDENTITIES}/<id>/assignUserToDevice", devices.assign_user),
    ("POST", f"{_IDENTITIES}/<id>/unassignUserFromDevice", devices.unassign_user),
    ("GET", _MANAGED, managed.list_managed),
    ("GET", f"{_MANAGED}/<id>", managed.get_managed),
    ("DELETE", f"{_MANAGED}/<id>", managed.delete_managed),
    ("POST", f"{_MANAGED}/<id>/<action>", managed.order),
    ("GET", "deviceManagement/autopilotEvents", managed.list_events),
    ("GET", "users", _users),
    ("GET", "users/<id>", _user),
    ("GET", "groups", _groups),
    ("GET", "groups/<id>", _one_group),
)
"""Method, path below the root, and who does the work."""

WORK_WITH_RECORDS: tuple[tuple[str, str, WorkWithRecords], ...] = (
    ("GET", _IMPORTED, devices.list_imported),
    ("POST", _IMPORTED, devices.import_one),
    ("POST", f"{_IMPORTED}/import", devices.import_many),
    ("GET", f"{_IMPORTED}/<id>", devices.get_imported),
    ("DELETE", f"{_IMPORTED}/<id>", devices.delete_imported),
)


def routes(token: str) -> tuple[Route, ...]:
    """All routes of the administrator, for the bearer of a token."""
    found = [_route(token, method, path, _alone(work)) for method, path, work in WORK]
    found += [_route(token, method, path, _with_records(work)) for method, path, work in WORK_WITH_RECORDS]
    found += [_route(token, method, "<path:rest>", _nothing) for method in ("GET", "POST", "PATCH", "PUT", "DELETE")]
    return tuple(found)


def _route(token: str, method: str, path: str, handle: Handler) -> Route:
    name = "admin " + path.removeprefix("deviceManagement/").partition("/")[0].strip("<>")
    return Route(method, f"{ROOT}/{path}", guarded(token, handle), refuse, name, LARGEST)


def _alone(work: Work) -> Handler:
    return _with_records(lambda incoming, state, records: work(incoming, state))


def _with_records(work: WorkWithRecords) -> Handler:
    def handle(incoming: Incoming, desk: Desk) -> Response:
        ours = cast("TenantDesk", desk)
        with ours.lock:
            return work(incoming, ours.state, ours.records)

    return handle


def _nothing(incoming: Incoming, desk: Desk) -> Response:
    raise Wrong(404, f"There is nothing at {incoming.path[:200]} here.")
