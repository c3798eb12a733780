"""Why the cloud decided as it did at an enrolment, in a sentence each, where there was something to decide."""

from __future__ import annotations

from autopilot_agent.tenant.commands import untracked, wants_firmware
from autopilot_agent.tenant.graph.enrollment import EspConfiguration
from autopilot_agent.tenant.state import EnrolledDevice, TenantState

GROUP_RULES = {"[ztdid]": "REG-ZTDID", "[orderid]": "REG-ORDERID", "[purchaseorderid]": "REG-PURCHASEORDER"}
"""What a dynamic membership rule looks for in physicalIds, and the rule of the rulebook that explains it."""


def explain_enrolment(state: TenantState, device: EnrolledDevice) -> None:
    """Say which status page was chosen and why, and which groups and assignments made the difference."""
    _page(state, device)
    _groups(state, device)
    _apps(state, device)
    _technician(state, device)
    if sum(one.serial_number == device.serial_number for one in state.history) > 1:
        state.explain("REG-REPORT", "The new enrolment makes another row in the deployment report.")
    for one in device.policies:
        if not wants_firmware(state, one.policy):
            text = f"{one.policy.display_name} is not sent: an administrator registered the device, not its maker or a partner."
            state.explain("DFCI-REGISTERED", text)


def _page(state: TenantState, device: EnrolledDevice) -> None:
    esp, pages = device.esp, [one for one in state.data.esp_configurations if not one.is_default]
    if len(pages) > 1:
        why = {"device": "it is targeted to the device", "user": "no other is targeted to the device"}
        chosen = why.get(device.esp_target, "no profile reaches the device or its user")
        state.explain("ESP-SELECTION", f"Of {len(pages)} ESP profiles {esp.display_name} applies: {chosen}.")
    if any(_filtered(one) for one in pages):
        state.explain("ESP-FILTERS", f"With the filters of the assignments the device gets {esp.display_name}.")
    if device.esp_target == "user" and esp.selected_mobile_app_ids:
        state.explain("ESP-USER-TARGETED", f"{esp.display_name} is targeted to users: its list does not count for the device.")


def _filtered(esp: EspConfiguration) -> bool:
    return any(line.filter_id is not None for line in esp.assignments)


def _technician(state: TenantState, device: EnrolledDevice) -> None:
    """What the status page means in the technician's part."""
    if not device.technician:
        return
    if device.esp_target != "device":
        state.explain("REQ-ESP", "Pre-provisioning wants an ESP profile that is targeted to the device; none reaches it.")
    if device.esp.selected_mobile_app_ids:
        tried = "all required apps are tried" if device.esp.allow_non_blocking_app_installation else "only those are tried"
        state.explain("ESP-TECHNICIAN-APPS", f"The page blocks for selected apps; in the technician's part {tried}.")


def _groups(state: TenantState, device: EnrolledDevice) -> None:
    for group in state.data.groups:
        if not group.dynamic or group.id.casefold() not in {one.casefold() for one in device.device_groups}:
            continue
        wanted = (group.membership_rule or "").casefold()
        for mark, rule in GROUP_RULES.items():
            if mark in wanted:
                state.explain(rule, f"The device belongs to {group.display_name}, which looks for {mark[1:-1].upper()}.")


def _apps(state: TenantState, device: EnrolledDevice) -> None:
    offered = [one.app for one in device.apps if one.intent == "available"]
    if offered:
        names = ", ".join(app.display_name or app.id for app in offered)
        state.explain("APP-AVAILABLE", f"{names}: available, not required; the status page never waits for it.")
    for one in device.apps:
        if one.intent == "required" and untracked(device, one.app):
            text = f"{one.app.display_name} is assigned to the device and installs for the user: not tracked in hybrid."
            state.explain("APP-HYBRID-USER", text)
    required = {one.app.id for one in device.apps if one.intent == "required"}
    idle = [app for app in device.esp.selected_mobile_app_ids if app not in required]
    if idle:
        text = f"{len(idle)} of the selected apps are not assigned as required: the list installs nothing."
        state.explain("APP-FILTER", text)
