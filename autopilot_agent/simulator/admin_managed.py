"""The administrator's routes to enrolled devices: managedDevices with their remote actions, and autopilotEvents."""

from __future__ import annotations

from typing import Any

from autopilot_agent.service.management import RemoteAction
from autopilot_agent.simulator.graph_answers import Wrong, body_of, listed, single
from autopilot_agent.tenant import registration, remote_actions
from autopilot_agent.tenant.graph.base import NO_GUID
from autopilot_agent.tenant.state import EnrolledDevice, TenantState, deployment_state, enrollment_profile_name, enrollment_type
from autopilot_agent.wire.http import Incoming, Response

ACTIONS = {
    "wipe": RemoteAction.WIPE,
    "retire": RemoteAction.RETIRE,
    "cleanWindowsDevice": RemoteAction.FRESH_START,
}
"""Graph's actions on a managed device; ``keepUserData`` in the body of the first and the last keeps the people's files."""
KEEPING = {RemoteAction.WIPE: RemoteAction.WIPE_KEEP, RemoteAction.FRESH_START: RemoteAction.FRESH_START_KEEP}


def standing(state: TenantState) -> list[EnrolledDevice]:
    """The enrolments that stand, in their order; only to be read."""
    return [one for one in state.history if one.enrolment_id in state.enrolled]


def list_managed(incoming: Incoming, state: TenantState) -> Response:
    """GET of all enrolled devices."""
    return listed(incoming, [_managed(state, one) for one in standing(state)])


def get_managed(incoming: Incoming, state: TenantState) -> Response:
    """GET of one."""
    return single(incoming, _managed(state, _device(incoming, state)))


def delete_managed(incoming: Incoming, state: TenantState) -> Response:
    """DELETE: Intune forgets the enrolment; the device learns it at its next session."""
    registration.delete_managed_device(state, _device(incoming, state))
    return Response(204)


def order(incoming: Incoming, state: TenantState) -> Response:
    """POST of a remote action, which waits for the device's next session."""
    device, body = _device(incoming, state), body_of(incoming)
    name = incoming.parameters["action"]
    wanted = {one.casefold(): action for one, action in ACTIONS.items()}.get(name.casefold())
    if name.casefold() == "wipe" and body.get("keepEnrollmentData") is True:
        wanted = RemoteAction.AUTOPILOT_RESET
    if wanted is None:
        raise Wrong(400, f"The action {name[:60]!r} is not played here; those that are: {', '.join(ACTIONS)}.")
    if body.get("keepUserData") is True:
        wanted = KEEPING.get(wanted, wanted)
    remote_actions.order(state, device.enrolment_id, wanted)
    return Response(204)


def list_events(incoming: Incoming, state: TenantState) -> Response:
    """GET of the Autopilot deployments, in their order."""
    return listed(incoming, [_event(state, one) for one in state.history if one.profile is not None or one.offline_correlation])


def _device(incoming: Incoming, state: TenantState) -> EnrolledDevice:
    wanted = incoming.parameters["id"].casefold()
    found = next((one for one in state.enrolled if one.casefold() == wanted), None)
    if found is None:
        raise Wrong(404, f"There is no managed device with the id {incoming.parameters['id'][:100]!r}.")
    return state.enrolled[found]


def _name_of(state: TenantState, user_id: str) -> str:
    user = state.user(user_id) if user_id else None
    return user.user_principal_name if user is not None else ""


def _managed(state: TenantState, one: EnrolledDevice) -> dict[str, Any]:
    facts = one.facts_for_filters
    owner = facts.device_ownership if facts is not None else "Corporate"
    return {
        "@odata.type": "#microsoft.graph.managedDevice",
        "id": one.enrolment_id,
        "deviceName": one.device_name,
        "serialNumber": one.serial_number,
        "azureADDeviceId": one.device_id or NO_GUID,
        "userId": one.primary_user,
        "userPrincipalName": _name_of(state, one.primary_user),
        "managedDeviceOwnerType": "personal" if owner == "Personal" else "company",
        "operatingSystem": "Windows",
        "osVersion": f"10.0.{one.os_build}",
        "manufacturer": (facts.manufacturer if facts is not None else None) or "",
        "model": (facts.model if facts is not None else None) or "",
        "managementAgent": "mdm",
        "deviceEnrollmentType": "windowsAzureADJoinUsingDeviceAuth" if one.userless else "windowsAzureADJoin",
        "joinType": "hybridAzureADJoined" if one.domain_join else "azureADJoined",
        "autopilotEnrolled": one.profile is not None or bool(one.offline_correlation),
        "enrollmentProfileName": enrollment_profile_name(one.profile, one.offline_correlation) or "",
        "complianceState": one.compliance,
        "deviceActionResults": [{"actionName": name, "actionState": done} for name, done in one.actions.items()],
    }


def _event(state: TenantState, one: EnrolledDevice) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.deviceManagementAutopilotEvent",
        "id": one.enrolment_id,
        "deviceId": one.enrolment_id,
        "deviceSerialNumber": one.serial_number,
        "managedDeviceName": one.device_name,
        "userId": one.primary_user,
        "userPrincipalName": _name_of(state, one.primary_user),
        "osVersion": f"10.0.{one.os_build}",
        "enrollmentState": "enrolled" if one.enrolment_id in state.enrolled else "notContacted",
        "enrollmentType": enrollment_type(one),
        "windowsAutopilotDeploymentProfileDisplayName": one.profile.display_name if one.profile is not None else "",
        "windows10EnrollmentCompletionPageConfigurationDisplayName": one.esp.display_name,
        "deploymentState": deployment_state(one),
        "deviceSetupStatus": one.device_setup,
        "accountSetupStatus": one.account_setup,
        "policyStatusDetails": [],
    }
