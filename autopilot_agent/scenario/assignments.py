"""Short forms of assignments that people write: ``[all devices]``, ``[Sales laptops]``, ``[{group: Sales, ...}]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.problems import suggestion
from autopilot_agent.tenant.graph import Builder, Source, TenantData
from autopilot_agent.tenant.graph.base import Assignable
from autopilot_agent.tenant.graph.directory import Group, User
from autopilot_agent.tenant.graph.kinds import Kind
from autopilot_agent.tenant.graph.source import JsonPath

EVERYBODY = {"all devices": "allDevices", "all users": "allLicensedUsers", "all licensed users": "allLicensedUsers"}
KEYS = ("group", "intent", "exclude")


class ShorthandBuilder(Builder):
    """A builder that takes short forms too, refuses groups that a person misspelt, and can be branched."""

    def add(self, kind: Kind, raw: Mapping[str, object], source: Source, path: JsonPath) -> None:
        """Read one resource, short forms of its assignments written out before."""
        super().add(kind, expanded(raw, source, path), source, path)

    def branch(self) -> ShorthandBuilder:
        """A builder that has read the same and can go on without changing this one."""
        twin = ShorthandBuilder()
        sources = {id(one): _twin(one) for one in self._sources}
        for name, value in vars(self).items():
            setattr(twin, name, type(value)(value) if isinstance(value, list | set | dict) else value)
        twin._sources = list(sources.values())
        twin.pending = [msgspec.structs.replace(one, source=sources.get(id(one.source), one.source)) for one in self.pending]
        twin.parts = [msgspec.structs.replace(one, source=sources.get(id(one.source), one.source)) for one in self.parts]
        return twin

    def finish(self) -> TenantData:
        """Put everything together. Raises ``InputError``, also for a group that nothing in the tenant knows."""
        data = super().finish()
        known = [one.entity.display_name for one in self.pending if isinstance(one.entity, Group)]
        mentioned = {name.casefold() for one in self.pending if isinstance(one.entity, User) for name in one.entity.member_of}
        for one in self.pending:
            if not (one.source.inline or "assignments" in one.amended) or not isinstance(one.entity, Assignable):
                continue
            for index, line in enumerate(one.entity.assignments):
                name = line.target.group_name
                if name and not line.target.group_id and name.casefold() not in mentioned:
                    place = one.source.place((*one.path, "assignments", index))
                    raise InputError(f"no group of the tenant is called {name!r}; {suggestion(name, known)}", place)
        return data


def expanded(raw: Mapping[str, object], source: Source, path: JsonPath) -> Mapping[str, object]:
    """A resource with Graph's form of its assignments; what has that form already stays as it is."""
    written = raw.get("assignments")
    if isinstance(written, str):
        return {**raw, "assignments": [_assignment(written, source, (*path, "assignments"))]}
    if not isinstance(written, list) or all(isinstance(one, dict) and "group" not in one for one in written):
        return raw
    return {**raw, "assignments": [_assignment(one, source, (*path, "assignments", i)) for i, one in enumerate(written)]}


def _assignment(written: Any, source: Source, path: JsonPath) -> Any:
    if isinstance(written, str):
        return {"target": _target(written, False, source, path)}
    if not isinstance(written, dict) or "group" not in written:
        return written
    for name in written:
        if name not in KEYS:
            source.fail((*path, name), f"{name!r} is not a key of a short assignment; {suggestion(str(name), KEYS)}")
    group, exclude = written["group"], written.get("exclude", False)
    if not isinstance(group, str):
        source.fail((*path, "group"), "the group is named by text, such as 'Sales laptops'.")
    if not isinstance(exclude, bool):
        source.fail((*path, "exclude"), "expected true or false.")
    found: dict[str, object] = {"target": _target(group, exclude, source, path)}
    if "intent" in written:
        found["intent"] = written["intent"]
    return found


def _target(name: str, exclude: bool, source: Source, path: JsonPath) -> dict[str, object]:
    everybody = EVERYBODY.get(" ".join(name.lower().split()))
    if everybody is not None:
        if exclude:
            _refuse(name, source, path)
        return {"@odata.type": f"#microsoft.graph.{everybody}AssignmentTarget"}
    if not name.strip():
        source.fail(path, "the name of the group is empty.")
    kind = "exclusionGroup" if exclude else "group"
    return {"@odata.type": f"#microsoft.graph.{kind}AssignmentTarget", "groupName": name}


def _refuse(name: str, source: Source, path: JsonPath) -> NoReturn:
    source.fail(path, f"{name!r} cannot be excluded; only groups can.")


def _twin(source: Source) -> Source:
    twin = Source(source.file, source.place, inline=source.inline)
    twin.notices = list(source.notices)
    return twin
