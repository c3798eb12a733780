"""Which devices a tenant's configuration is for: each class of registered ones, and one for each group that has none yet."""

from __future__ import annotations

import re

import msgspec

from autopilot_agent.preflight.directory import Directory, about_devices
from autopilot_agent.scenario.plan import targeting_of
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.tenant.graph.directory import EntraDevice, Group
from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile, WindowsAutopilotDeviceIdentity
from autopilot_agent.tenant.targeting import Targeting

MADE_UP = "PRE{:07d}"
"""Serial numbers of devices that nobody registered yet."""
MOST_CLASSES = 200
"""Classes of registered devices that are played; more differ by details only."""
_TAG = re.compile(r"\[\s*order\s*id\s*\]\s*:?\s*([^\"'\])]*)", re.IGNORECASE)
_PURCHASE = re.compile(r"\[\s*purchase\s*order\s*id\s*\]\s*:?\s*([^\"'\])]*)", re.IGNORECASE)
_MAKER = re.compile(r"device\.deviceManufacturer\s+-\w+\s+[\"']([^\"']+)", re.IGNORECASE)
_MODEL = re.compile(r"device\.deviceModel\s+-\w+\s+[\"']([^\"']+)", re.IGNORECASE)
_ASKED = re.compile(r"device\.(\w+)", re.IGNORECASE)
_CAN_BE_MADE = frozenset(("devicephysicalids", "devicemanufacturer", "devicemodel", "deviceostype"))


class Candidate(msgspec.Struct):
    """One device to play: its registration (None: nobody registered it), groups, profile, and how many are like it.

    ``made_for`` is the group that a made-up registration should be in, "" for the tenant's own registrations.
    """

    identity: WindowsAutopilotDeviceIdentity | None
    groups: frozenset[str] = frozenset()
    profile: WindowsAutopilotDeploymentProfile | None = None
    explicit: bool = False
    like: int = 1
    made_up: bool = False
    made_for: str = ""

    @property
    def label(self) -> str:
        """The device in a few words."""
        one = self.identity
        if one is None:
            return "a device that nobody registered"
        marks = [f"group tag {one.group_tag}"] if one.group_tag else []
        marks += [f"purchase order {one.purchase_order_identifier}"] if one.purchase_order_identifier else []
        if self.made_up:
            without = f"in {self.made_for}" if self.made_for else "without group tag"
            return f"a device with {' and '.join(marks)}" if marks else f"a device {without}"
        marks += [f"{self.like - 1} more like it"] if self.like > 1 else []
        return f"{one.serial_number}" + (f" ({', '.join(marks)})" if marks else "")


class Fleet(msgspec.Struct):
    """The devices to play, the tenant that knows them all, and the dynamic groups that no device can be in."""

    candidates: list[Candidate]
    data: TenantData
    targeting: Targeting
    unmatched: list[Group]


def fleet_of(
    data: TenantData, targeting: Targeting, directory: Directory, also: frozenset[str] = frozenset()
) -> Fleet:
    """Every device that is worth playing, and those with the serial numbers ``also``.

    Registrations without a serial number are no devices.
    """
    candidates = registered(data, targeting, also)
    reached = frozenset().union(*(one.groups for one in candidates)) if candidates else frozenset()
    wanted: list[tuple[Group | None, WindowsAutopilotDeviceIdentity]] = []
    unmatched: list[Group] = []
    members: dict[str, tuple[str, ...]] = {}
    for group in data.groups:
        if not _is_for_devices(group, directory):
            continue
        identity = _made_up(group, len(wanted) + 1)
        if about_devices(group):
            if group.id not in targeting.device_groups(identity, None) and group.id not in reached:
                if not _can_be_judged(group):
                    continue
                unmatched.append(group)
            elif group.id in reached:
                continue
        elif group.id in reached or group.dynamic:
            continue
        else:
            members[group.id] = (*group.members, identity.azure_active_directory_device_id or "")
        wanted.append((group, identity))
    if not any(one.identity is not None and not one.explicit and not one.identity.group_tag for one in candidates):
        wanted.append((None, _bare(len(wanted) + 1)))
    if wanted:
        groups = tuple(
            msgspec.structs.replace(one, members=members[one.id]) if one.id in members else one for one in data.groups
        )
        identities = (*data.windows_autopilot_device_identities, *(one for _, one in wanted))
        data = msgspec.structs.replace(data, groups=groups, windows_autopilot_device_identities=identities)
        targeting = targeting_of(data)
    known = {(one.groups, one.profile.id if one.profile else "") for one in candidates}
    for made_for, identity in wanted:
        found = _candidate(identity, targeting, None)
        found.made_up, found.made_for = True, made_for.display_name if made_for is not None else ""
        if (found.groups, found.profile.id if found.profile else "") not in known or made_for in unmatched:
            known.add((found.groups, found.profile.id if found.profile else ""))
            candidates.append(found)
    candidates = [one for one in candidates if not one.made_up or one.profile is not None or one.made_for]
    return Fleet([*candidates, Candidate(None)], data, targeting, unmatched)


def registered(data: TenantData, targeting: Targeting, also: frozenset[str] = frozenset()) -> list[Candidate]:
    """One registered device of each class, in the order of the export; the others are counted."""
    found: dict[tuple[object, ...], Candidate] = {}
    objects = _objects(data)
    for identity in data.windows_autopilot_device_identities:
        if not identity.serial_number:
            continue
        entra = _object_of(identity, objects)
        one = _candidate(identity, targeting, entra)
        key: tuple[object, ...] = (
            one.groups,
            one.profile.id if one.profile else "",
            identity.user_principal_name or "",
            identity.remediation_state,
            identity.userless_enrollment_status,
            identity.deployment_profile_assignment_status == "pending",
            bool(identity.display_name),
            bool(identity.group_tag),
            (identity.manufacturer, identity.model) if data.assignment_filters else (),
            bool(data.devices and identity.azure_active_directory_device_id) and entra is None,
        )
        if key in found and identity.serial_number in also:
            key = (*key, identity.serial_number)
        if key in found:
            found[key].like += 1
        elif len(found) < MOST_CLASSES:
            found[key] = one
    return list(found.values())


def _objects(data: TenantData) -> dict[str, EntraDevice]:
    """The device objects of the directory by both their ids."""
    return {name: one for one in reversed(data.devices) for name in (one.id, one.device_id) if name}


def _object_of(identity: WindowsAutopilotDeviceIdentity, objects: dict[str, EntraDevice]) -> EntraDevice | None:
    return objects.get(identity.azure_active_directory_device_id or "")


def _candidate(identity: WindowsAutopilotDeviceIdentity, targeting: Targeting, entra: EntraDevice | None) -> Candidate:
    groups = targeting.device_groups(identity, entra)
    profile, explicit = targeting.deployment_profile(identity, groups)
    return Candidate(identity, groups, profile, explicit)


def _is_for_devices(group: Group, directory: Directory) -> bool:
    """Whether something assigned to the group could reach a device that does not exist yet."""
    uses = [use for use in directory.uses.get(group.id, ()) if not use.excluded]
    if about_devices(group):
        return bool(uses)
    of_profiles = any(use.collection == "windows_autopilot_deployment_profiles" for use in uses)
    return of_profiles and not group.dynamic and not of_users_alone(group, directory.data)


def of_users_alone(group: Group, data: TenantData) -> bool:
    """Whether every member is a user of the export, and there is one; or a rule asks about users."""
    if group.dynamic:
        return not about_devices(group)
    names = {name.casefold() for user in data.users for name in (user.id, user.user_principal_name)}
    listed = [one.casefold() for one in group.members]
    reference = {group.id.casefold(), group.display_name.casefold()}
    joined = any(one.casefold() in reference for user in data.users for one in user.member_of)
    return all(one in names for one in listed) and bool(listed or joined)


def _can_be_judged(group: Group) -> bool:
    """Whether the rule asks only for what a registration can have."""
    return {one.casefold() for one in _ASKED.findall(group.membership_rule or "")} <= _CAN_BE_MADE


def _made_up(group: Group, number: int) -> WindowsAutopilotDeviceIdentity:
    """A registration that the group's rule might take."""
    rule = group.membership_rule or ""
    return msgspec.structs.replace(
        _bare(number),
        group_tag=_first(_TAG, rule),
        purchase_order_identifier=_first(_PURCHASE, rule),
        manufacturer=_first(_MAKER, rule) or "Contoso",
        model=_first(_MODEL, rule) or "Notebook 14",
    )


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    return next((one.strip() for one in pattern.findall(text) if one.strip()), None)


def _bare(number: int) -> WindowsAutopilotDeviceIdentity:
    serial = MADE_UP.format(number)
    return WindowsAutopilotDeviceIdentity(
        id=f"00000000-0000-4000-8000-{number:012d}",
        serial_number=serial,
        manufacturer="Contoso",
        model="Notebook 14",
        azure_active_directory_device_id=f"00000000-0000-4000-8001-{number:012d}",
    )
