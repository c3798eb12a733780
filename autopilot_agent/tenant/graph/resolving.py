"""Find what exports name instead of identifying: groups of assignments and blocking apps (IntuneCD, formats.md 1.11)."""

from __future__ import annotations

import msgspec

from .apps import MobileApp
from .base import Assignable, Assignment
from .directory import Group, User
from .enrollment import EspConfiguration
from .kinds import KINDS
from .pending import Pending, made_up_id


def resolve(pending: list[Pending]) -> None:
    """Replace names by ids in place; leave notices about what stays unknown."""
    _name_groups(pending)
    _note_members(pending)
    _name_apps(pending)


def _name_groups(pending: list[Pending]) -> None:
    known: dict[str, str] = {}
    for one in pending:
        if isinstance(one.entity, Group):
            known.setdefault(one.entity.display_name.casefold(), one.entity.id)
            known[one.entity.id.casefold()] = one.entity.id
    mentioned = {name.casefold() for one in pending if isinstance(one.entity, User) for name in one.entity.member_of}
    for one in list(pending):
        if not isinstance(one.entity, Assignable) or not any(line.group for line in one.entity.assignments):
            continue
        lines = tuple(_line(line, one, known, mentioned, pending) for line in one.entity.assignments)
        if lines != one.entity.assignments:
            one.entity = msgspec.structs.replace(one.entity, assignments=lines)


def _note_members(pending: list[Pending]) -> None:
    """Members that are no user, device or group: a slip in what a person writes, and in an export that has everybody."""
    collections = {one.collection for one in pending}
    whole = {"users", "devices"} <= collections
    known: set[str] | None = None
    for one in pending:
        if not isinstance(one.entity, Group) or not one.entity.members or not (whole or one.source.inline):
            continue
        known = known if known is not None else _names(pending)
        unknown = [name for name in one.entity.members if name.casefold() not in known]
        if unknown:
            more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
            text = f'group "{one.entity.display_name}": no user, device or group is called "{unknown[0]}"{more}'
            one.source.note((*one.path, "members"), text)


def _names(pending: list[Pending]) -> set[str]:
    """Everything by which a member list can name somebody."""
    fields = (
        "id", "display_name", "user_principal_name", "device_id", "azure_active_directory_device_id", "serial_number",
    )  # fmt: skip
    found = {getattr(one.entity, field, None) for one in pending for field in fields if one.collection in _MEMBERS}
    return {name.casefold() for name in found if name}


_MEMBERS = frozenset(("users", "devices", "groups", "windows_autopilot_device_identities"))


def _line(line: Assignment, owner: Pending, known: dict[str, str], mentioned: set[str], pending: list[Pending]) -> Assignment:
    name = line.group
    if name is None:
        return line
    found = known.get(name.casefold())
    if found is None and line.target.group_name is not None:
        found = known.get(line.target.group_name.casefold())
    if found is None and line.target.membership_rule:
        found = _add_group(line, owner, pending)
        known[name.casefold()] = found
    if found is None:
        if name.casefold() not in mentioned:
            owner.source.note(
                owner.path, f'group "{name}" is not in the input: nothing that is assigned to it reaches a device or a user'
            )
        return line
    return msgspec.structs.replace(line, target=msgspec.structs.replace(line.target, group_id=found))


def _add_group(line: Assignment, owner: Pending, pending: list[Pending]) -> str:
    """A dynamic group that the input knows only from an assignment to it."""
    name, rule = line.group or "", line.target.membership_rule
    group = Group(
        id=line.target.group_id or made_up_id("groups", name),
        id_known=line.target.group_id is not None,
        display_name=line.target.group_name or name,
        group_types=("DynamicMembership",),
        membership_rule=rule,
    )
    pending.append(Pending(group, KINDS["group"].collection, {}, owner.source, owner.path, KINDS["group"], {}))
    return group.id


def _name_apps(pending: list[Pending]) -> None:
    apps: dict[str, list[MobileApp]] = {}
    for one in pending:
        if isinstance(one.entity, MobileApp):
            apps.setdefault(one.entity.display_name.casefold(), []).append(one.entity)
    for one in pending:
        named = one.raw.get("selectedMobileAppNames")
        if not isinstance(one.entity, EspConfiguration) or not named:
            continue
        found = list(one.entity.selected_mobile_app_ids)
        for i, item in enumerate(named if isinstance(named, list) else [named]):
            name = item.get("name") if isinstance(item, dict) else item
            kind = item.get("type") if isinstance(item, dict) else None
            path = (*one.path, "selectedMobileAppNames", i)
            if not isinstance(name, str):
                one.source.fail(path, "expected the name of an app")
            fitting = [app for app in apps.get(name.casefold(), []) if _is(app, kind)]
            if len(fitting) != 1:
                what = "no app" if not fitting else f"{len(fitting)} apps"
                one.source.note(path, f'blocking app "{name}": {what} of that name in the input')
            found += [app.id for app in fitting] or [f"unknown app {name}"]
        one.entity = msgspec.structs.replace(one.entity, selected_mobile_app_ids=tuple(found))


def _is(app: MobileApp, kind: object) -> bool:
    return not isinstance(kind, str) or kind.rpartition(".")[2].lower() in ("", app.kind.lower())
