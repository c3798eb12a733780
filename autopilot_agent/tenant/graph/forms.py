"""The several forms one resource has: old property names, derived types of nested objects, rules of Win32 apps."""

from __future__ import annotations

from collections.abc import Mapping

from .apps import DEFAULT_RETURN_CODES, AppRule, MobileAppRelationship, Win32CatalogApp, Win32LobApp
from .base import ALL_DEVICES, ALL_USERS, NO_GUID, AssignmentTarget
from .directory import JoinMembership
from .profiles import (
    ImportedWindowsAutopilotDeviceIdentity,
    OutOfBoxExperienceSetting,
    WindowsAutopilotDeploymentProfile,
    WindowsAutopilotDeviceIdentity,
)
from .source import JsonPath, Source
from .values import ALIASES, DERIVED, build, shown

_TARGETS = {
    "alldevicesassignmenttarget": "allDevices",
    "alllicensedusersassignmenttarget": "allLicensedUsers",
    "groupassignmenttarget": "group",
    "deviceandappmanagementassignmenttarget": "group",  # settings catalog exports write the base type
    "exclusiongroupassignmenttarget": "exclusionGroup",
    "configurationmanagercollectionassignmenttarget": "configurationManagerCollection",
}
_RULE_KINDS = {"filesystem": "file_system", "registry": "registry", "productcode": "product_code", "powershellscript": "script"}
_MEMBERSHIPS = {
    "alldeviceregistrationmembership": "all",
    "nodeviceregistrationmembership": "none",
    "enumerateddeviceregistrationmembership": "enumerated",
}

ALIASES[OutOfBoxExperienceSetting] = {
    "hidePrivacySettings": "privacySettingsHidden",
    "hideEULA": "eulaHidden",
    "skipKeyboardSelectionPage": "keyboardSelectionPageSkipped",
    "hideEscapeLink": "escapeLinkHidden",
}
ALIASES[WindowsAutopilotDeploymentProfile] = {
    "outOfBoxExperienceSettings": "outOfBoxExperienceSetting",
    "language": "locale",
    "extractHardwareHash": "hardwareHashExtractionEnabled",
    "enableWhiteGlove": "preprovisioningAllowed",
}
ALIASES[WindowsAutopilotDeviceIdentity] = {"azureAdDeviceId": "azureActiveDirectoryDeviceId", "orderIdentifier": "groupTag"}
ALIASES[ImportedWindowsAutopilotDeviceIdentity] = {"orderIdentifier": "groupTag"}
ALIASES[AppRule] = {
    "keyPath": "path",
    "fileOrFolderName": "name",
    "valueName": "name",
    "productCode": "name",
    "displayName": "name",
    "operationType": "operation",
    "detectionType": "operation",
    "productVersionOperator": "operator",
    "comparisonValue": "value",
    "detectionValue": "value",
    "productVersion": "value",
    "check32BitOn64System": "check32Bit",
    "runAs32Bit": "check32Bit",
}


def type_name(raw: Mapping[str, object]) -> str:
    """The bare ``@odata.type`` as written, without ``#microsoft.graph.``; "" when there is none."""
    value = raw.get("@odata.type")
    if not isinstance(value, str):
        return ""
    name = value.strip().removeprefix("#")
    return name[len("microsoft.graph.") :] if name.lower().startswith("microsoft.graph.") else name


def _target(raw: Mapping[str, object], source: Source, path: JsonPath) -> dict[str, object]:
    name = type_name(raw).lower()
    group = raw.get("groupId")
    if group == ALL_DEVICES:
        return {"kind": "allDevices", "group_id": None}
    if group == ALL_USERS:
        return {"kind": "allLicensedUsers", "group_id": None}
    kind = _TARGETS.get(name if name.endswith("assignmenttarget") or not name else f"{name}assignmenttarget")
    if kind is None and name:
        source.fail((*path, "@odata.type"), f"unknown assignment target {shown(raw['@odata.type'])}")
    if kind in (None, "group", "exclusionGroup"):
        if not (group or raw.get("groupName")):
            source.fail(path, "an assignment target needs an @odata.type, and a groupId or groupName unless it is for all")
        kind = kind or "group"
    return {"kind": kind}


def _rule(raw: Mapping[str, object], source: Source, path: JsonPath) -> dict[str, object]:
    name = type_name(raw).lower().removeprefix("win32lobapp")
    for ending in ("rule", "detection", "requirement"):
        if name.endswith(ending):
            kind = _RULE_KINDS.get(name.removesuffix(ending))
            purpose = ending if ending != "rule" else str(raw.get("ruleType") or "detection").lower()
            break
    else:
        kind, purpose = _rule_by_shape(raw), "requirement" if "requirementRules" in path else "detection"
        purpose = str(raw.get("ruleType") or purpose).lower()
    if kind is None or purpose not in ("detection", "requirement"):
        source.fail(path, f"cannot tell what kind of rule this is ({shown(raw.get('@odata.type'))})")
    return {"kind": kind, "purpose": purpose}


def _rule_by_shape(raw: Mapping[str, object]) -> str | None:
    for key, kind in (("fileOrFolderName", "file_system"), ("keyPath", "registry"), ("productCode", "product_code")):
        if key in raw:
            return kind
    return "script" if "scriptContent" in raw else None


def _relationship(raw: Mapping[str, object], source: Source, path: JsonPath) -> dict[str, object]:
    return {"kind": "supersedence" if "supersedence" in type_name(raw).lower() or "supersedenceType" in raw else "dependency"}


def _membership(raw: Mapping[str, object], source: Source, path: JsonPath) -> dict[str, object]:
    kind = _MEMBERSHIPS.get(type_name(raw).lower())
    if kind is None and type_name(raw):
        source.fail((*path, "@odata.type"), f"unknown device registration membership {shown(raw['@odata.type'])}")
    return {"kind": kind or ("enumerated" if raw.get("users") or raw.get("groups") else "all")}


def _win32(raw: Mapping[str, object], source: Source, path: JsonPath) -> dict[str, object]:
    found: dict[str, object] = {}
    if not raw.get("rules"):
        older = [
            build(AppRule, item, source, (*path, name, i))
            for name in ("detectionRules", "requirementRules")
            for i, item in enumerate(_items(raw.get(name)))
        ]
        if older:
            found["rules"] = tuple(older)
    flags = raw.get("minimumSupportedOperatingSystem")
    if not raw.get("minimumSupportedWindowsRelease") and isinstance(flags, dict):
        named = [key[4:] for key, value in flags.items() if value is True and key.startswith("v10_") and key != "v10_0"]
        if named:
            found["minimum_supported_windows_release"] = min(named, key=lambda name: name.replace("H", ""))
    if raw.get("returnCodes") in (None, []):
        found["return_codes"] = DEFAULT_RETURN_CODES
    return found


def _profile(raw: Mapping[str, object], source: Source, path: JsonPath) -> dict[str, object]:
    name = type_name(raw).lower()
    if name.startswith("activedirectory"):
        return {"hybrid": True}
    if name.startswith("azuread"):
        return {"hybrid": False}
    if raw.get("hybridAzureADJoinSkipConnectivityCheck") in (True, "true", "True") and "hybrid" not in raw:
        source.note(path, "the profile has no @odata.type: taken as hybrid, because it skips the connectivity check")
        return {"hybrid": True}
    if "hybrid" not in raw and not source.inline:
        source.note(path, "the profile has no derived @odata.type: taken as Entra join, not hybrid")
    return {}


def _locale(raw: Mapping[str, object], source: Source, path: JsonPath) -> dict[str, object]:
    chosen = raw.get("locale", raw.get("language"))
    found = _profile(raw, source, path)
    if isinstance(chosen, str) and chosen.lower().replace("_", "-") == "user-select":
        found["locale"] = ""
    return found


def _identity(raw: Mapping[str, object], source: Source, path: JsonPath) -> dict[str, object]:
    ids = {"managed_device_id": ("managedDeviceId",), "azure_active_directory_device_id": _DEVICE_IDS}
    return {field: None for field, names in ids.items() if all(raw.get(name, NO_GUID) == NO_GUID for name in names)}


_DEVICE_IDS = ("azureActiveDirectoryDeviceId", "azureAdDeviceId")


def _items(value: object) -> list[object]:
    if isinstance(value, list):
        return [item for item in value if item is not None]
    return [] if value in (None, "") else [value]


DERIVED[AssignmentTarget] = _target
DERIVED[AppRule] = _rule
DERIVED[MobileAppRelationship] = _relationship
DERIVED[JoinMembership] = _membership
DERIVED[WindowsAutopilotDeviceIdentity] = _identity
DERIVED[WindowsAutopilotDeploymentProfile] = _locale
DERIVED[Win32LobApp] = _win32
DERIVED[Win32CatalogApp] = _win32
