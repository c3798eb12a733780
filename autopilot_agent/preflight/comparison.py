"""Two tenants compared: which resources differ, and what that changes for each device that a preflight plays."""

from __future__ import annotations

import msgspec

from autopilot_agent.preflight.devices import registered
from autopilot_agent.preflight.directory import Directory
from autopilot_agent.preflight.inputs import Subject
from autopilot_agent.preflight.people import representatives
from autopilot_agent.preflight.rehearsal import Rehearsal
from autopilot_agent.preflight.report import rehearse
from autopilot_agent.reports.difference import Difference, compare
from autopilot_agent.reports.recording import recording_of
from autopilot_agent.reports.resources import ResourceChange, compare_tenants
from autopilot_agent.scenario.plan import targeting_of


class DeviceChange(msgspec.Struct, frozen=True):
    """One device whose run is another one, or that only one tenant has (``difference`` is None then, ``only`` says which)."""

    device: str
    difference: Difference | None = None
    only: str = ""


class TenantDifference(msgspec.Struct, kw_only=True):
    """Everything that differs between two tenants; ``same`` counts the runs in which nothing does."""

    a: str
    b: str
    resources: list[ResourceChange]
    devices: list[DeviceChange]
    same: int

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.resources and not self.devices


def compare_subjects(a: Subject, b: Subject) -> TenantDifference:
    """Compare two tenants, the first as what was. Raises ``InputError`` for one that cannot be played."""
    both = cast_of(a) | cast_of(b)
    one = {key(each): each for each in rehearse(a, both).rehearsals}
    other = {key(each): each for each in rehearse(b, both).rehearsals}
    devices: list[DeviceChange] = []
    same = 0
    for name in dict.fromkeys([*one, *other]):
        mine, theirs = one.get(name), other.get(name)
        if mine is None or theirs is None:
            there = mine or theirs
            assert there is not None
            devices.append(DeviceChange(there.label, only="A" if mine is not None else "B"))
            continue
        was, is_now = recording_of(mine.run, f"{a.name}, {mine.label}"), recording_of(theirs.run, f"{b.name}, {theirs.label}")
        found = compare(was, is_now)
        if found.equal:
            same += 1
        else:
            devices.append(DeviceChange(theirs.label, found))
    return TenantDifference(a=a.name, b=b.name, resources=compare_tenants(a.data, b.data), devices=devices, same=same)


def cast_of(subject: Subject) -> frozenset[str]:
    """Names of the users and serial numbers of the devices that a preflight of this tenant plays."""
    data = subject.data
    directory, targeting = Directory(data), targeting_of(data)
    people = {user.user_principal_name for user in representatives(data, targeting, directory)}
    identities = [one.identity for one in registered(data, targeting)]
    return frozenset(people | {one.serial_number for one in identities if one is not None and one.serial_number})


def key(one: Rehearsal) -> tuple[str, str, str]:
    """By what the rehearsals of two tenants belong together: mode, device and user."""
    identity = one.candidate.identity
    device = "" if identity is None else identity.serial_number or ""
    if one.candidate.made_up:
        device = f"{one.candidate.made_for} {identity.group_tag if identity is not None else ''}"
    return one.mode, device, one.user.user_principal_name if one.user is not None else ""
