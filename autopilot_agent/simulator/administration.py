"""The administrator's API: Graph's paths and shapes below ``/admin/v1.0`` and ``/admin/beta``, with a bearer token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from werkzeug.routing import Map, Rule

from autopilot_agent.simulator import admin_devices as devices
from autopilot_agent.simulator import admin_managed as managed
from autopilot_agent.simulator.admin_resources import configurations, profiles
from autopilot_agent.simulator.graph_answers import Wrong, error, found_in, guarded, listed, refuse, single
from autopilot_agent.simulator.graph_options import check_options
from autopilot_agent.simulator.graph_properties import shape_of
from autopilot_agent.simulator.graph_resources import as_graph
from autopilot_agent.tenant.graph.directory import Group
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.wire.http import ANY, Desk, Handler, Incoming, Records, Response, Route

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
    known = Map([Rule(route.path, methods=[route.method]) for route in found], strict_slashes=False, merge_slashes=False)
    found.append(Route(ANY, f"{ROOT}/<path:rest>", guarded(token, _nothing(known)), refuse, "admin rest", LARGEST))
    return tuple(found)


def _route(token: str, method: str, path: str, handle: Handler) -> Route:
    name = "admin " + path.removeprefix("deviceManagement/").partition("/")[0].strip("<>")
    return Route(method, f"{ROOT}/{path}", guarded(token, _checked(method, path, handle)), refuse, name, LARGEST)


def _checked(method: str, path: str, handle: Handler) -> Handler:
    """A handler that is reached with the query options that its answer can have."""
    one, collection = path.endswith(">"), path.removesuffix("/<id>").rpartition("/")[2]
    if collection == "assignedDevices":
        collection = "windowsAutopilotDeviceIdentities"

    def checked(incoming: Incoming, desk: Desk) -> Response:
        if incoming.query:
            check_options(incoming.query, shape_of(collection) if method == "GET" else None, one=one)
        return handle(incoming, desk)

    return checked


def _alone(work: Work) -> Handler:
    return _with_records(lambda incoming, state, records: work(incoming, state))


def _with_records(work: WorkWithRecords) -> Handler:
    def handle(incoming: Incoming, desk: Desk) -> Response:
        ours = cast("TenantDesk", desk)
        with ours.lock:
            return work(incoming, ours.state, ours.records)

    return handle


def _nothing(known: Map) -> Handler:
    """What is said at every other path, and for every other method: 404, or 405 where ``known`` has the path."""

    def handle(incoming: Incoming, desk: Desk) -> Response:
        allowed = sorted(known.bind("localhost", path_info=incoming.path).allowed_methods())
        if not allowed:
            raise Wrong(404, f"There is nothing at {incoming.path[:200]} here.")
        answer = error(405, f"{incoming.method[:20]} is not possible here; what is: {', '.join(allowed)}.")
        answer.headers["allow"] = ", ".join(allowed)
        return answer

    return handle
