"""Whom an assignment reaches: include and exclude groups, all devices, all users, filters (formats.md 1.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from .base import Assignable, Assignment, Intent, Notice
from .data import TenantData
from .membership import Memberships
from .rules import Facts, Rule, UnreadableRule, compile_rule

Side: TypeAlias = Literal["device", "user"]

FILTER_PROPERTIES = frozenset(
    {
        "devicename", "manufacturer", "model", "devicecategory", "osversion", "operatingsystemversion", "operatingsystemsku",
        "deviceownership", "enrollmentprofilename", "devicetrusttype", "isrooted", "cpuarchitecture",
    }
)  # fmt: skip

_RANK: dict[str, int] = {
    "required": 0, "apply": 0, "uninstall": 1, "available": 2, "availableWithoutEnrollment": 3, "remove": 4,
}  # fmt: skip


class FilterFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What assignment filters can ask about a device, in Intune's words (``operatingSystemSKU``: for example Enterprise)."""

    os_version: str | None = None
    operating_system_sku: str | None = None
    enrollment_profile_name: str | None = None
    model: str | None = None
    manufacturer: str | None = None
    device_ownership: str | None = "Corporate"
    device_name: str | None = None
    device_category: str | None = None
    device_trust_type: str | None = None

    def by_name(self) -> Facts:
        """The facts by property name in lower case."""
        return {
            "osversion": self.os_version,
            "operatingsystemversion": self.os_version,
            "operatingsystemsku": self.operating_system_sku,
            "enrollmentprofilename": self.enrollment_profile_name,
            "model": self.model,
            "manufacturer": self.manufacturer,
            "deviceownership": self.device_ownership,
            "devicename": self.device_name,
            "devicecategory": self.device_category,
            "devicetrusttype": self.device_trust_type,
        }


class Include(msgspec.Struct, frozen=True):
    """One including assignment, compiled: ``group`` is None for all devices or all users (``side`` says which)."""

    assignment: Assignment
    rank: int
    side: Side | None
    group: str | None
    rule: Rule | None
    wanted: bool
    """What ``rule`` must say: true for an include filter, false for an exclude filter."""
    excluded: frozenset[str]
    """Groups whose members it does not reach, among the assignments of the same intent."""


class Reached(msgspec.Struct, frozen=True):
    """That an assignment reaches the device or the user."""

    assignment: Assignment
    target: Side

    @property
    def intent(self) -> Intent:
        """What the assignment wants."""
        return self.assignment.intent


class Compiler:
    """Turns assignments into ``Include`` lines, each filter compiled once."""

    def __init__(self, data: TenantData, groups: Memberships) -> None:
        self.notices: list[Notice] = []
        self._data = data
        self._groups = groups
        self._filters: dict[str, Rule | None] = {}
        self._filter_ids = {one.display_name.casefold(): one for one in data.assignment_filters}
        self._filter_ids |= {one.id.casefold(): one for one in data.assignment_filters}

    def lines(self, collection: str, resource: Assignable) -> tuple[Include, ...]:
        """The including assignments of a resource, strongest intent first."""
        excluded: dict[str, set[str]] = {}
        for line in resource.assignments:
            if line.kind == "exclusionGroup" and line.group:
                excluded.setdefault(line.intent, set()).add(self._groups.key(line.group))
        found = []
        for line in resource.assignments:
            if line.kind in ("exclusionGroup", "configurationManagerCollection"):
                continue
            rule = self._filter(line, collection, resource)
            side: Side | None = {"allDevices": "device", "allLicensedUsers": "user"}.get(line.kind)  # type: ignore[assignment]
            found.append(
                Include(
                    line,
                    _RANK[line.intent],
                    side,
                    self._groups.key(line.group) if line.group and side is None else None,
                    rule,
                    line.filter_type != "exclude",
                    frozenset(excluded.get(line.intent, ())),
                )
            )
        return tuple(sorted(found, key=lambda include: include.rank))

    def _filter(self, line: Assignment, collection: str, resource: Assignable) -> Rule | None:
        name = line.filter_id
        if name is None:
            return None
        key = name.casefold()
        if key not in self._filters:
            self._filters[key] = self._compile(name, self._data.place(collection, resource.id))
        return self._filters[key]

    def _compile(self, name: str, place: object) -> Rule | None:
        found = self._filter_ids.get(name.casefold())
        if found is None:
            text = f'assignment filter "{name}" is not in the input and is not applied'
            self.notices.append(Notice(place, text))  # type: ignore[arg-type]
            return None
        try:
            return compile_rule(found.rule, "device", FILTER_PROPERTIES)
        except UnreadableRule as wrong:
            text = f'assignment filter "{found.display_name}" matches nothing: {wrong}'
            self.notices.append(Notice(self._data.place("assignment_filters", found.id), text))
            return lambda facts: False


def reach(
    lines: Iterable[Include], device_groups: frozenset[str], user_groups: frozenset[str] | None, facts: Facts | None
) -> Reached | None:
    """The assignment that decides: the strongest intent, and of equal ones that which reaches the device.

    ``user_groups`` is None when there is no user; without ``facts`` filters are not applied.
    """
    best: Include | None = None
    for line in lines:
        if best is not None and line.rank > best.rank:
            break
        if line.rule is not None and facts is not None and line.rule(facts) is not line.wanted:
            continue
        group, side = line.group, line.side
        if (side == "device" or group in device_groups) and line.excluded.isdisjoint(device_groups):
            return Reached(line.assignment, "device")
        if (
            best is None
            and user_groups is not None
            and (side == "user" or group in user_groups)
            and line.excluded.isdisjoint(user_groups)
        ):
            best = line
    return None if best is None else Reached(best.assignment, "user")
