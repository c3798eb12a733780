"""The administrator's routes to registrations: windowsAutopilotDeviceIdentities, and the imports that make them."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import structs

from autopilot_agent.device.hardware_hash import NotBase64, WrongHash, read_hash
from autopilot_agent.scenario.names import wrong_computer_name
from autopilot_agent.simulator.admin_managed import standing
from autopilot_agent.simulator.graph_answers import Wrong, body_of, found_in, listed, single, text_in
from autopilot_agent.simulator.graph_resources import as_graph
from autopilot_agent.tenant import registration
from autopilot_agent.tenant.graph.base import NO_GUID
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeviceIdentity
from autopilot_agent.tenant.hash_csv import LONGEST_TAG, NAMES
from autopilot_agent.tenant.state import EnrolledDevice, Registration, TenantState
from autopilot_agent.wire.http import Incoming, Records, Response, as_json

IMPORTED = "imported"
"""Kind of the records of imports."""
MOST_IMPORTED = 500
"""Devices of one import, as of one file."""

# Registrations: windowsAutopilotDeviceIdentities.


def registration_with(state: TenantState, identity: str) -> Registration:
    """The registration with an id. Raises ``Wrong``."""
    for one in registration.identities(state):
        if one.id.casefold() == identity.casefold():
            found = registration.known_registration(state, one.serial_number or "")
            if found is not None:
                return found
    raise Wrong(404, f"There is no registered device with the id {identity[:100]!r}.")


def list_identities(incoming: Incoming, state: TenantState) -> Response:
    """GET of all registrations."""
    managed = {one.serial_number: one for one in standing(state)}
    return listed(incoming, [_identity(one, managed) for one in registration.identities(state)])


def get_identity(incoming: Incoming, state: TenantState) -> Response:
    """GET of one."""
    managed = {one.serial_number: one for one in standing(state)}
    return single(incoming, _identity(registration_with(state, incoming.parameters["id"]).identity, managed))


def delete_identity(incoming: Incoming, state: TenantState) -> Response:
    """DELETE: the device leaves the service. An enrolled one has to leave Intune before (flows.md 7.4)."""
    found = registration_with(state, incoming.parameters["id"])
    if registration.managed(state, found.identity.serial_number or "") is not None:
        raise Wrong(400, "The device is enrolled in Intune; delete its managed device first.")
    registration.deregister(state, found)
    return Response(204)


def update_properties(incoming: Incoming, state: TenantState) -> Response:
    """POST .../updateDeviceProperties: group tag, user, name."""
    found, body = registration_with(state, incoming.parameters["id"]), body_of(incoming)
    names = {
        "groupTag": "group_tag",
        "userPrincipalName": "user_principal_name",
        "addressableUserName": "addressable_user_name",
        "displayName": "display_name",
    }
    given = {field: text_in(body, name) or None for name, field in names.items() if name in body}
    if len(given.get("group_tag") or "") > LONGEST_TAG:
        raise Wrong(400, f"A group tag has at most {LONGEST_TAG} characters.")
    name = given.get("display_name") or ""
    if name and (wrong := wrong_computer_name(name)):
        raise Wrong(400, f"displayName: {wrong}")
    _check_user(state, given.get("user_principal_name") or "")
    found.identity = structs.replace(found.identity, **given)
    _assigned(state, found)
    return Response(204)


def assign_user(incoming: Incoming, state: TenantState) -> Response:
    """POST .../assignUserToDevice."""
    found, body = registration_with(state, incoming.parameters["id"]), body_of(incoming)
    name = text_in(body, "userPrincipalName")
    if not name:
        raise Wrong(400, "userPrincipalName is missing.")
    _check_user(state, name)
    shown = text_in(body, "addressableUserName") or None
    found.identity = structs.replace(found.identity, user_principal_name=name, addressable_user_name=shown)
    return Response(204)


def unassign_user(incoming: Incoming, state: TenantState) -> Response:
    """POST .../unassignUserFromDevice."""
    found = registration_with(state, incoming.parameters["id"])
    found.identity = structs.replace(found.identity, user_principal_name=None, addressable_user_name=None)
    return Response(204)


def assigned_devices(incoming: Incoming, state: TenantState) -> Response:
    """GET .../windowsAutopilotDeploymentProfiles/{id}/assignedDevices."""
    wanted = incoming.parameters["id"].casefold()
    found = []
    managed = {one.serial_number: one for one in standing(state)}
    for one in registration.identities(state):
        profile, _ = registration.profile_of(state, one, registration.groups_of(state, one))
        if profile is not None and profile.id.casefold() == wanted:
            found.append(_identity(one, managed))
    return listed(incoming, found)


def _identity(one: WindowsAutopilotDeviceIdentity, managed: dict[str, EnrolledDevice]) -> dict[str, Any]:
    device = managed.get(one.serial_number or "")
    shown = as_graph(one)
    shown["managedDeviceId"] = device.enrolment_id if device is not None else one.managed_device_id or NO_GUID
    shown["enrollmentState"] = "enrolled" if device is not None else one.enrollment_state
    return shown


def _check_user(state: TenantState, name: str) -> None:
    if name:
        try:
            registration.check_user(state, name)
        except registration.Refused as refused:
            raise Wrong(400, f"{refused}.") from None


def _assigned(state: TenantState, found: Registration) -> None:
    """The profile reaches the registration at once; the real service takes minutes."""
    profile, _ = registration.profile_of(state, found.identity, registration.groups_of(state, found.identity))
    registration.set_status(found, "assignedInSync" if profile is not None else "notAssigned")


# Imports: importedWindowsAutopilotDeviceIdentities.


def list_imported(incoming: Incoming, state: TenantState, records: Records) -> Response:
    """GET of all imports."""
    return listed(incoming, records.all(IMPORTED))


def get_imported(incoming: Incoming, state: TenantState, records: Records) -> Response:
    """GET of one."""
    return single(incoming, found_in(records.all(IMPORTED), incoming.parameters["id"]))


def delete_imported(incoming: Incoming, state: TenantState, records: Records) -> Response:
    """DELETE of the record of an import; the device stays registered."""
    records.drop(IMPORTED, str(found_in(records.all(IMPORTED), incoming.parameters["id"])["id"]))
    return Response(204)


def import_one(incoming: Incoming, state: TenantState, records: Records) -> Response:
    """POST: register one device by its hash."""
    return single(incoming, _imported(_new_device(body_of(incoming)), incoming.now, state, records), 201)


def import_many(incoming: Incoming, state: TenantState, records: Records) -> Response:
    """POST .../import: register up to 500 devices."""
    items = body_of(incoming).get("importedWindowsAutopilotDeviceIdentities")
    if not isinstance(items, list) or not items or not all(isinstance(one, dict) for one in items):
        raise Wrong(400, "The body has to have a list importedWindowsAutopilotDeviceIdentities.")
    if len(items) > MOST_IMPORTED:
        raise Wrong(400, f"One import takes at most {MOST_IMPORTED} devices.")
    new = [_new_device(one) for one in items]  # before any is registered: one that is no device refuses all of them
    return as_json({"value": [_imported(one, incoming.now, state, records) for one in new]})


class _New(NamedTuple):
    """The device that a body describes, the code of what is wrong with its hash ("" for nothing), and the body's importId."""

    device: registration.NewDevice
    wrong: str
    import_id: str


def _new_device(body: dict[str, Any]) -> _New:
    """What a body describes. Raises ``Wrong`` for what is no device."""
    serial, product = text_in(body, "serialNumber") or "", text_in(body, "productKey") or ""
    tag = text_in(body, "groupTag") or text_in(body, "orderIdentifier") or ""
    user, hash_text = text_in(body, "assignedUserPrincipalName") or "", text_in(body, "hardwareIdentifier") or ""
    import_id = text_in(body, "importId") or ""
    if len(tag) > LONGEST_TAG:
        raise Wrong(400, f"A group tag has at most {LONGEST_TAG} characters.")
    maker = model = wrong = ""
    if hash_text:
        try:
            content = read_hash(hash_text)
            serial, maker, model = content.serial_number or serial, content.manufacturer, content.model
            product = product or content.product_key
        except NotBase64 as error:
            raise Wrong(400, f"Cannot convert the literal to the expected type 'Edm.Binary': {error}.") from None
        except WrongHash:
            wrong = "802"
    if not serial:
        wrong = wrong or "803"
    device = registration.NewDevice(serial, product, maker, model, hash_text, group_tag=tag, assigned_user=user)
    return _New(device, wrong, import_id)


def _imported(new: _New, now: int, state: TenantState, records: Records) -> dict[str, Any]:
    device, wrong = new.device, new.wrong
    registered, name = "", ""
    if not wrong:
        try:
            found = registration.register(state, device, now)
            _assigned(state, found)
            registered = found.identity.id
        except registration.Refused as refused:
            wrong = refused.code.partition(" ")[0]
            name = str(refused)
    number = int(wrong) if wrong.isdecimal() else 0
    name = NAMES.get(wrong, name)
    if not registered:
        state.import_errors.append(f"{wrong} {name}".strip())
    made = state.unique("import", device.serial_number)
    record = {
        "@odata.type": "#microsoft.graph.importedWindowsAutopilotDeviceIdentity",
        "id": made,
        "serialNumber": device.serial_number,
        "productKey": device.product_key,
        "groupTag": device.group_tag,
        "hardwareIdentifier": device.hardware_hash or None,
        "assignedUserPrincipalName": device.assigned_user or None,
        "importId": new.import_id,
        "state": {
            "deviceImportStatus": "complete" if registered else "error",
            "deviceRegistrationId": registered,
            "deviceErrorCode": number,
            "deviceErrorName": name,
        },
    }
    records.put(IMPORTED, made, record)
    return record
