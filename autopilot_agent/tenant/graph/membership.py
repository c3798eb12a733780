"""Who is in which group: member lists, groups in groups, dynamic rules (formats.md 4.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from .base import Notice
from .data import TenantData
from .directory import EntraDevice, Group, User
from .profiles import WindowsAutopilotDeviceIdentity
from .rules import Facts, Rule, UnreadableRule, Value, compile_rule

NOBODY: frozenset[str] = frozenset()

DEVICE_PROPERTIES = frozenset(
    {
        "devicephysicalids", "displayname", "enrollmentprofilename", "deviceownership", "managementtype",
        "devicemanufacturer", "devicemodel", "deviceostype", "deviceosversion", "devicetrusttype", "accountenabled",
        "deviceid", "objectid", "systemlabels",
    }
)  # fmt: skip
_USER_FIELDS = tuple(
    (field.encode_name.lower(), field.name)
    for field in msgspec.structs.fields(User)
    if field.name not in ("id", "id_known", "assigned_licenses", "assigned_plans", "member_of")
)
USER_PROPERTIES = frozenset({"objectid", *(name for name, _ in _USER_FIELDS)})


class Memberships:
    """The groups of a tenant, indexed once; every answer is a set of group ids."""

    def __init__(self, data: TenantData) -> None:
        self.notices: list[Notice] = []
        self._ids: dict[str, str] = {}
        for group in reversed(data.groups):  # of two groups with one name the first counts
            self._ids[group.display_name.casefold()] = group.id
        for group in data.groups:
            self._ids[group.id.casefold()] = group.id
        self._known = frozenset(group.id for group in data.groups)
        direct: dict[str, set[str]] = {}
        for group in data.groups:
            for member in group.members:
                direct.setdefault(self.key(member), set()).add(group.id)
        self._above = {group.id: _closure(group.id, direct) for group in data.groups}
        self._static = {
            member: frozenset().union(*(self._above[group] for group in groups)) for member, groups in direct.items()
        }
        self._device_rules: list[tuple[frozenset[str], Rule]] = []
        self._user_rules: list[tuple[frozenset[str], Rule]] = []
        for group in data.groups:
            if group.dynamic:
                self._compile(group, data)

    def _compile(self, group: Group, data: TenantData) -> None:
        text = group.membership_rule or ""
        about_device = "device." in text.lower()
        try:
            if group.membership_rule_processing_state == "Paused":
                raise UnreadableRule("its processing is paused")
            rule = compile_rule(
                text, "device" if about_device else "user", DEVICE_PROPERTIES if about_device else USER_PROPERTIES
            )
        except UnreadableRule as wrong:
            text = f'the dynamic group "{group.display_name}" counts as empty: {wrong}'
            self.notices.append(Notice(data.place("groups", group.id), text))
            return
        (self._device_rules if about_device else self._user_rules).append((self._above[group.id], rule))

    def key(self, reference: str) -> str:
        """What stands for a group, user or device in sets: the id of a known group, else the reference in lower case."""
        plain = reference.casefold()
        return self._ids.get(plain, plain)

    def knows(self, group: str) -> bool:
        """Whether the input has this group (given by ``key``)."""
        return group in self._known

    def of(self, references: Iterable[str | None]) -> frozenset[str]:
        """Groups whose member lists name one of the references, directly or through another group."""
        found = [self._static[key] for one in references if one and (key := self.key(one)) in self._static]
        return found[0] if len(found) == 1 else NOBODY.union(*found)

    def of_device(self, identity: WindowsAutopilotDeviceIdentity | None, device: EntraDevice | None) -> frozenset[str]:
        """Groups of a registered device and its Entra object; either may be missing."""
        names: list[str | None] = []
        if identity is not None:
            names += [identity.id, identity.azure_active_directory_device_id]
        if device is not None:
            names += [device.id, device.device_id, device.display_name]
        groups = self.of(names)
        if self._device_rules:
            facts = device_facts(identity, device)
            groups = groups.union(*(above for above, rule in self._device_rules if rule(facts)))
        return groups

    def of_user(self, user: User) -> frozenset[str]:
        """Groups of a user: member lists, the user's own ``memberOf``, dynamic rules."""
        groups = self.of((user.id, user.user_principal_name))
        for name in user.member_of:
            key = self.key(name)
            groups |= self._above.get(key) or {key}
        if self._user_rules:
            facts: Mapping[str, Value] = {name: getattr(user, field) for name, field in _USER_FIELDS} | {"objectid": user.id}
            groups = groups.union(*(above for above, rule in self._user_rules if rule(facts)))
        return groups


def _closure(start: str, direct: Mapping[str, set[str]]) -> frozenset[str]:
    """A group and all groups that contain it."""
    found, open_ = {start}, [start]
    while open_:
        for group in direct.get(open_.pop(), ()):
            if group not in found:
                found.add(group)
                open_.append(group)
    return frozenset(found)


def device_facts(identity: WindowsAutopilotDeviceIdentity | None, device: EntraDevice | None) -> Facts:
    """What dynamic rules can ask about a device; registration data stands in for what Entra does not show."""
    physical = device.physical_ids if device is not None else ()
    facts: dict[str, Value] = {"deviceostype": "Windows"}
    if identity is not None:
        if not any(one[:8].casefold() == "[ztdid]:" for one in physical):
            physical = (*physical, f"[ZTDID]:{identity.id}")
            if identity.group_tag:
                physical += (f"[OrderID]:{identity.group_tag}",)
            if identity.purchase_order_identifier:
                physical += (f"[PurchaseOrderId]:{identity.purchase_order_identifier}",)
        facts["devicemanufacturer"] = identity.manufacturer
        facts["devicemodel"] = identity.model
    if device is not None:
        facts["displayname"] = device.display_name
        facts["enrollmentprofilename"] = device.enrollment_profile_name
        facts["deviceownership"] = device.device_ownership
        facts["managementtype"] = device.management_type
        facts["devicemanufacturer"] = device.manufacturer or facts.get("devicemanufacturer")
        facts["devicemodel"] = device.model or facts.get("devicemodel")
        facts["deviceostype"] = device.operating_system or "Windows"
        facts["deviceosversion"] = device.operating_system_version
        facts["devicetrusttype"] = device.trust_type
        facts["accountenabled"] = device.account_enabled
        facts["deviceid"] = device.device_id
        facts["objectid"] = device.id
        facts["systemlabels"] = device.system_labels
    facts["devicephysicalids"] = physical
    return facts
