"""The tenant of saved rehearsals: a file that points at the export or at a copy of it, and brings the made-up devices."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from autopilot_agent.errors import InputError, Place
from autopilot_agent.preflight.inputs import Origin, Subject
from autopilot_agent.preflight.rehearsal import Stage
from autopilot_agent.preflight.secrets import without_secrets
from autopilot_agent.scenario.inclusion import include_root
from autopilot_agent.scenario.tenants import YAML, files_of
from autopilot_agent.scenario.writing import dump
from autopilot_agent.tenant.graph.directory import Group
from autopilot_agent.tenant.graph.text import MAX_BYTES, JsonText, decode_text, read_bytes
from autopilot_agent.text.yaml_text import load_yaml

NAME = "_tenant.yaml"
COPY = "_tenant"
MEMBERS = "_members"
IDENTITIES = "windowsAutopilotDeviceIdentities"
READ = (".json", *YAML)
_HEAD = """\
# The tenant of the rehearsals in this folder, as "autopilot-agent preflight" read it.
# Devices whose serial number begins with PRE are made up: their groups have no registered device yet.
"""


def tenant_files(stage: Stage, folder: Path) -> dict[str, bytes]:
    """The files by their names in ``folder``, which they are meant for. Raises ``InputError`` where that cannot work."""
    origin = _origin(stage.subject)
    found: dict[str, bytes] = {}
    includes = _includes(origin, folder, found)
    for number, group in enumerate(_joined(stage), 1):
        found[f"{MEMBERS}/{number}.json"] = _members(group)
    if any(name.startswith(f"{MEMBERS}/") for name in found):
        includes.append(f"{MEMBERS}/")
    data: dict[str, Any] = {"include": includes}
    data |= {name: value for name, value in without_secrets(origin.written).items() if value is not None}
    made = _made_up(stage)
    if made:
        data[IDENTITIES] = [*_listed(data.get(IDENTITIES)), *made]
    return {NAME: (_HEAD + dump(data)).encode("utf-8"), **found}


def _origin(subject: Subject) -> Origin:
    if subject.origin is None:
        raise InputError("a tenant that is in no file cannot be saved; write it into one first.", Place(subject.name))
    return subject.origin


def _includes(origin: Origin, folder: Path, found: dict[str, bytes]) -> list[str]:
    """What the tenant's file includes: the export if files in ``folder`` may reach it, else copies put into ``found``."""
    targets = [(origin.file.parent / item).resolve() for item in origin.includes]
    if any(folder.is_relative_to(one) for one in targets):
        said = "this folder is part of the tenant and would be read as such; name one outside of it."
        raise InputError(said, Place(str(folder)))
    files = files_of(origin.file, list(origin.includes), origin.root) if targets else []
    root = include_root(folder / NAME)
    if all(one.is_relative_to(root) for one in (*targets, *files)):
        return [_shown(os.path.relpath(one, folder), one) for one in targets]
    copies = {one: f"{COPY}/{one.relative_to(origin.root).as_posix()}" for one in (*targets, *files)}
    found |= {copies[one]: _copied(one) for one in files if one.suffix.lower() in READ and not _hidden(one, origin.root)}
    return [_shown(copies[one], one) for one in targets]


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _shown(name: str, target: Path) -> str:
    return name.replace(os.sep, "/") + ("/" if target.is_dir() else "")


def _copied(file: Path) -> bytes:
    """The bytes of a file; one that holds secrets is written anew without them."""
    data = read_bytes(file)
    if file.suffix.lower() in YAML:
        value = load_yaml(file, MAX_BYTES).value
        kept = without_secrets(value)
        return data if kept == value else dump(kept).encode("utf-8")
    value = JsonText(decode_text(data, str(file)), str(file)).value
    kept = without_secrets(value)
    return data if kept == value else json.dumps(kept, indent=2).encode("ascii") + b"\n"


def _made_up(stage: Stage) -> list[dict[str, Any]]:
    """Registrations that the export does not have, in Graph's words."""
    known = {one.id for one in stage.subject.data.windows_autopilot_device_identities}
    made = [one for one in stage.fleet.data.windows_autopilot_device_identities if one.id not in known]
    return [{name: value for name, value in _graph(one).items() if value is not None} for one in made]


def _graph(entity: Any) -> dict[str, Any]:
    """The properties of a registration that are not as usual."""
    usual = {field.name: field.default for field in msgspec.structs.fields(entity)}
    names = {field.name: field.encode_name for field in msgspec.structs.fields(entity) if field.name != "id_known"}
    return {names[one]: getattr(entity, one) for one in names if getattr(entity, one) != usual[one]}


def _joined(stage: Stage) -> list[Group]:
    """Groups into which made-up devices were put."""
    before = {one.id: one.members for one in stage.subject.data.groups}
    return [one for one in stage.fleet.data.groups if one.members != before[one.id]]


def _members(group: Group) -> bytes:
    """The members of a group as Graph lists them; its address has no place for a quotation mark."""
    if "'" in group.id:
        raise InputError(f"the group {group.display_name[:60]!r} has an id with a quotation mark; correct it.")
    context = f"https://graph.microsoft.com/v1.0/$metadata#groups('{group.id}')/members"
    value = {"@odata.context": context, "value": [{"id": one} for one in group.members]}
    return json.dumps(value, indent=2).encode("ascii") + b"\n"


def _listed(value: Any) -> list[Any]:
    if isinstance(value, dict) and "value" in value:
        value = value["value"]
    return value if isinstance(value, list) else [] if value is None else [value]
