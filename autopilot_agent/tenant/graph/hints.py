"""Where a resource belongs when it does not say so itself: ``@odata.context``, folder and file names (formats.md 1.0, 1.11)."""

from __future__ import annotations

import re
from pathlib import PurePath

import msgspec

from .kinds import collection_named

_SEGMENT = re.compile(r"([A-Za-z.]+)(?:\('([^']*)'\))?(?:\((?:[^()]|\([^()]*\))*\))?")
_PARTS = frozenset({"assignments", "relationships", "settings", "members"})

#: Folder and file names of the export tools, letters and digits only.
_NAMES = {
    "autopilot": "windows_autopilot_deployment_profiles",
    "enrollmentprofiles": "windows_autopilot_deployment_profiles",
    "autopilotprofiles": "windows_autopilot_deployment_profiles",
    "deploymentprofiles": "windows_autopilot_deployment_profiles",
    "autopilotdevices": "windows_autopilot_device_identities",
    "enrollmentstatuspage": "device_enrollment_configurations",
    "esp": "device_enrollment_configurations",
    "enrollmentconfigurations": "device_enrollment_configurations",
    "enrollmentrestrictions": "device_enrollment_configurations",
    "applications": "mobile_apps",
    "apps": "mobile_apps",
    "deviceconfiguration": "device_configurations",
    "settingscatalog": "configuration_policies",
    "powershellscripts": "device_management_scripts",
    "powershell": "device_management_scripts",
    "scripts": "device_management_scripts",
    "filters": "assignment_filters",
    "conditionalaccess": "conditional_access_policies",
}


class Context(msgspec.Struct, frozen=True):
    """What an ``@odata.context`` tells: the collection, and for a part of a resource its id and the part's name."""

    collection: str | None = None
    key: str | None = None
    part: str | None = None


def read_context(text: object) -> Context:
    """Read an ``@odata.context``, for example ``...#deviceAppManagement/mobileApps('id')/assignments``."""
    if not isinstance(text, str) or "#" not in text:
        return Context()
    collection = key = part = None
    path = text.partition("#")[2]
    for found in _SEGMENT.finditer(path):
        name = found[1]
        if name in _PARTS and key is not None:
            part = name
        elif (named := collection_named(name)) is not None or (name == "policies" and "conditionalAccess" in path):
            if named is None:
                named = "conditional_access_policies"
            collection, key, part = named, found[2], None
    return Context(collection, key, part)


def collection_of_file(path: PurePath) -> str | None:
    """The collection that the file's name or one of its folders announces; the nearest name wins."""
    for name in (path.stem, *reversed(path.parts[:-1])):
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        found = collection_named(plain) or _NAMES.get(plain)
        if found is not None:
            return found
    return None
