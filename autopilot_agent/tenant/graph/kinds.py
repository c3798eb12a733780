"""Which Struct and which collection a resource belongs to: by its type, its neighbours, or what it looks like."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from . import apps, directory, enrollment, policies, profiles
from .base import Entity


class Kind(msgspec.Struct, frozen=True):
    """A resource type: Graph's name, our collection (field of TenantData) and Struct."""

    name: str
    collection: str
    struct: type[Entity]


_PROFILE = profiles.WindowsAutopilotDeploymentProfile
_TABLE: dict[str, dict[str, type[Entity]]] = {
    "windows_autopilot_deployment_profiles": {
        "windowsAutopilotDeploymentProfile": _PROFILE,
        "azureADWindowsAutopilotDeploymentProfile": _PROFILE,
        "activeDirectoryWindowsAutopilotDeploymentProfile": _PROFILE,
    },
    "windows_autopilot_device_identities": {"windowsAutopilotDeviceIdentity": profiles.WindowsAutopilotDeviceIdentity},
    "imported_windows_autopilot_device_identities": {
        "importedWindowsAutopilotDeviceIdentity": profiles.ImportedWindowsAutopilotDeviceIdentity
    },
    "device_enrollment_configurations": {
        "windows10EnrollmentCompletionPageConfiguration": enrollment.EspConfiguration,
        "deviceEnrollmentLimitConfiguration": enrollment.DeviceEnrollmentLimitConfiguration,
        "deviceEnrollmentPlatformRestrictionsConfiguration": enrollment.DeviceEnrollmentPlatformRestrictionsConfiguration,
        "deviceEnrollmentPlatformRestrictionConfiguration": enrollment.DeviceEnrollmentPlatformRestrictionConfiguration,
        "deviceEnrollmentWindowsHelloForBusinessConfiguration": (
            enrollment.DeviceEnrollmentWindowsHelloForBusinessConfiguration
        ),
        "deviceComanagementAuthorityConfiguration": enrollment.DeviceComanagementAuthorityConfiguration,
    },
    "mobile_apps": {
        "win32LobApp": apps.Win32LobApp,
        "win32CatalogApp": apps.Win32CatalogApp,
        "winGetApp": apps.WinGetApp,
        "windowsMobileMSI": apps.WindowsMobileMSI,
        "officeSuiteApp": apps.OfficeSuiteApp,
        "windowsUniversalAppX": apps.WindowsUniversalAppX,
        "microsoftStoreForBusinessApp": apps.MicrosoftStoreForBusinessApp,
        "windowsMicrosoftEdgeApp": apps.WindowsMicrosoftEdgeApp,
        "windowsWebApp": apps.WindowsWebApp,
        "windowsStoreApp": apps.WindowsStoreApp,
    },
    "device_configurations": {"deviceConfiguration": policies.DeviceConfiguration},
    "configuration_policies": {"deviceManagementConfigurationPolicy": policies.ConfigurationPolicy},
    "device_management_scripts": {"deviceManagementScript": policies.DeviceManagementScript},
    "assignment_filters": {"deviceAndAppManagementAssignmentFilter": policies.AssignmentFilter},
    "users": {"user": directory.User},
    "groups": {"group": directory.Group},
    "directory_roles": {"directoryRole": directory.DirectoryRole},
    "devices": {"device": directory.EntraDevice},
    "mobility_management_policies": {"mobilityManagementPolicy": directory.MobilityManagementPolicy},
    "conditional_access_policies": {"conditionalAccessPolicy": directory.ConditionalAccessPolicy},
    "organization": {"organization": directory.Organization},
    "branding": {"organizationalBranding": directory.OrganizationalBranding},
    "device_registration_policy": {"deviceRegistrationPolicy": directory.DeviceRegistrationPolicy},
}
KINDS: dict[str, Kind] = {
    name.lower(): Kind(name, collection, struct) for collection, types in _TABLE.items() for name, struct in types.items()
}
#: Collections of which a tenant has one resource.
SINGLE = frozenset({"organization", "branding", "device_registration_policy"})
#: Collections whose items have several types, so that an item must say which.
MIXED = frozenset({"device_enrollment_configurations", "mobile_apps"})

_DEVICE_CONFIGURATION = re.compile(
    r"(windows|sharedPC|editionUpgrade)\w*(Configuration|Certificate|CertificateProfile|Profile|Interface)", re.IGNORECASE
)


def _camel(field: str) -> str:
    first, *rest = field.split("_")
    return first + "".join(part.capitalize() for part in rest)


#: Field of TenantData by Graph's collection name, with the names that other places use.
COLLECTIONS: dict[str, str] = {_camel(field): field for field in _TABLE} | {
    "organizationalBranding": "branding",
    "mobileDeviceManagementPolicies": "mobility_management_policies",
}
_LOWER_COLLECTIONS = {name.lower(): field for name, field in COLLECTIONS.items()}

# The first line whose properties are all present decides. Rare names stand first.
_SHAPES: tuple[tuple[str, str], ...] = (
    ("outOfBoxExperienceSetting", "windowsAutopilotDeploymentProfile"),
    ("outOfBoxExperienceSettings", "windowsAutopilotDeploymentProfile"),
    ("showInstallationProgress", "windows10EnrollmentCompletionPageConfiguration"),
    ("installProgressTimeoutInMinutes", "windows10EnrollmentCompletionPageConfiguration"),
    ("blockDeviceSetupRetryByUser", "windows10EnrollmentCompletionPageConfiguration"),
    ("selectedMobileAppIds", "windows10EnrollmentCompletionPageConfiguration"),
    ("windowsRestriction", "deviceEnrollmentPlatformRestrictionsConfiguration"),
    ("platformRestriction", "deviceEnrollmentPlatformRestrictionConfiguration"),
    ("installConfigurationManagerAgent", "deviceComanagementAuthorityConfiguration"),
    ("pinMinimumLength", "deviceEnrollmentWindowsHelloForBusinessConfiguration"),
    ("limit", "deviceEnrollmentLimitConfiguration"),
    ("mobileAppCatalogPackageId", "win32CatalogApp"),
    ("installCommandLine", "win32LobApp"),
    ("packageIdentifier", "winGetApp"),
    ("excludedApps", "officeSuiteApp"),
    ("identityPublisherHash", "windowsUniversalAppX"),
    ("commandLine productCode", "windowsMobileMSI"),
    ("hardwareIdentifier", "importedWindowsAutopilotDeviceIdentity"),
    ("serialNumber importId", "importedWindowsAutopilotDeviceIdentity"),
    ("serialNumber groupTag", "windowsAutopilotDeviceIdentity"),
    ("serialNumber enrollmentState", "windowsAutopilotDeviceIdentity"),
    ("preprovisioningAllowed", "windowsAutopilotDeploymentProfile"),
    ("activeDirectoryDomainName", "windowsDomainJoinConfiguration"),
    ("omaSettings", "windows10CustomConfiguration"),
    ("templateReference", "deviceManagementConfigurationPolicy"),
    ("settingCount", "deviceManagementConfigurationPolicy"),
    ("scriptContent runAs32Bit", "deviceManagementScript"),
    ("assignmentFilterManagementType", "deviceAndAppManagementAssignmentFilter"),
    ("platform rule", "deviceAndAppManagementAssignmentFilter"),
    ("conditions grantControls", "conditionalAccessPolicy"),
    ("azureADJoin", "deviceRegistrationPolicy"),
    ("appliesTo discoveryUrl", "mobilityManagementPolicy"),
    ("appliesTo isValid", "mobilityManagementPolicy"),
    ("roleTemplateId", "directoryRole"),
    ("verifiedDomains", "organization"),
    ("signInPageText", "organizationalBranding"),
    ("usernameHintText", "organizationalBranding"),
    ("physicalIds", "device"),
    ("deviceId", "device"),
    ("groupTypes", "group"),
    ("membershipRule", "group"),
    ("securityEnabled", "group"),
    ("userPrincipalName", "user"),
)
_SPLIT_SHAPES = tuple((frozenset(properties.split()), name) for properties, name in _SHAPES)
_ID_ENDINGS = (
    ("windows10enrollmentcompletionpageconfiguration", "windows10EnrollmentCompletionPageConfiguration"),
    ("singleplatformrestriction", "deviceEnrollmentPlatformRestrictionConfiguration"),
    ("platformrestrictions", "deviceEnrollmentPlatformRestrictionsConfiguration"),
    ("windowshelloforbusiness", "deviceEnrollmentWindowsHelloForBusinessConfiguration"),
    ("limit", "deviceEnrollmentLimitConfiguration"),
)


def collection_named(name: str) -> str | None:
    """The field of TenantData for a Graph collection name, whatever its case."""
    return _LOWER_COLLECTIONS.get(name.lower())


def kind_of_type(name: str, collection: str | None) -> Kind | None:
    """The kind for a bare ``@odata.type``; ``collection`` is where the item was found, if that is known."""
    kind = KINDS.get(name.lower())
    if kind is not None:
        return kind
    if collection == "device_configurations" or (collection is None and _DEVICE_CONFIGURATION.fullmatch(name)):
        return Kind(name, "device_configurations", policies.DeviceConfiguration)
    return None


def kind_by_shape(raw: Mapping[str, object], collection: str | None) -> Kind | None:
    """The kind of an item that does not say its type; never one of another collection."""
    for properties, name in _SPLIT_SHAPES:
        if properties <= raw.keys():
            kind = kind_of_type(name, None)
            if kind is not None and collection in (None, kind.collection):
                return kind
    if collection is not None and collection not in MIXED:
        name, struct = next(iter(_TABLE[collection].items()))
        return Kind(name, collection, struct)
    identity = raw.get("id")
    if isinstance(identity, str) and collection in (None, "device_enrollment_configurations"):
        ending = identity.rpartition("_")[2].lower().removeprefix("default")
        return next((KINDS[name.lower()] for known, name in _ID_ENDINGS if "_" in identity and ending == known), None)
    return None
