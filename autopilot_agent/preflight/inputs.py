"""The tenant of a preflight: a folder or a file of an export, or the tenant of a scenario file with its device and cloud."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario.inclusion import include_root
from autopilot_agent.scenario.loader import LoadedScenario, load_scenario
from autopilot_agent.scenario.model import CloudSpec, DeviceSpec
from autopilot_agent.scenario.tenants import YAML, read_tenant, tenant_of
from autopilot_agent.tenant.graph import TenantData
from autopilot_agent.text.text_file import read_text
from autopilot_agent.text.yaml_text import load_yaml_documents


class Origin(msgspec.Struct, frozen=True):
    """Where a tenant was read: files and folders, as a scenario at ``file`` includes them, and collections written beside them.

    ``root`` is the folder that the includes must not leave.
    """

    file: Path
    includes: tuple[str, ...]
    root: Path
    written: dict[str, Any] = {}


class Subject(msgspec.Struct, frozen=True):
    """What is looked at: the tenant, and the device and cloud that rehearsals start from."""

    name: str
    data: TenantData
    device: DeviceSpec = msgspec.field(default_factory=DeviceSpec)
    cloud: CloudSpec = msgspec.field(default_factory=CloudSpec)
    assumptions: dict[str, str] = {}
    origin: Origin | None = None


def subject_of(path: Path, *, only: Sequence[str] = ()) -> Subject:
    """Read what ``path`` leads to; ``only`` names the case of a scenario file that holds several.

    Raises ``InputError``, also for a tenant that no device can get anything from.
    """
    name = path.as_posix()
    if path.suffix.lower() in YAML and path.is_file() and is_scenario(path):
        loaded = load_scenario(path, only=only)
        scenario = loaded.scenario
        device = msgspec.structs.replace(scenario.device, autopilot_file=None)  # the profile comes from the tenant
        cloud = msgspec.structs.replace(scenario.cloud, registered_elsewhere=False)
        name = f"{name} [{loaded.case}]" if loaded.case else name
        subject = Subject(name, tenant_of(loaded), device, cloud, scenario.assumptions, _of_scenario(loaded))
    elif only:
        raise InputError("--only names a case of a scenario file, and a tenant has none; leave it out.", Place(name))
    else:
        subject = Subject(name, read_tenant(path), origin=_of_export(path))
    if not subject.data.collections:
        raise InputError("no resource of a tenant is here; expected Graph's collections, such as groups.json.", Place(name))
    return subject


def _of_scenario(loaded: LoadedScenario) -> Origin:
    tenant = loaded.scenario.tenant
    items = tenant.get("include", [])
    includes = tuple(items) if isinstance(items, list) else (items,)
    written = {name: value for name, value in tenant.items() if name != "include"}
    return Origin(loaded.path, includes, loaded.root or include_root(loaded.path), written)


def _of_export(path: Path) -> Origin:
    real = path.resolve()
    return Origin(real.parent / "preflight.yaml", (real.name,), include_root(real))


def is_scenario(path: Path) -> bool:
    """Whether a YAML file is scenarios and not a tenant; a scenario says so with its first key."""
    values = [one.value for one in load_yaml_documents(read_text(path), str(path))]
    return any(isinstance(value, dict) and "scenario" in value for value in values)
