"""Which properties the administrator's resources have: those that are shown here, and those that Graph has besides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

from autopilot_agent.simulator.graph_resources import CONFIGURATIONS, PROFILES
from autopilot_agent.tenant.graph.base import Assignment
from autopilot_agent.tenant.graph.kinds import COLLECTIONS, KINDS
from autopilot_agent.tenant.graph.values import aliases_of, plan_of

_NOT_SHOWN = {"hybrid", "assignments", "members"}
_OF_APPS = {"intent", "settings"}
"""What an assignment of an app has, and one of a profile or a configuration has not."""

_SHOWN = {
    "managedDevices": """
id deviceName serialNumber azureADDeviceId userId userPrincipalName managedDeviceOwnerType operatingSystem osVersion
manufacturer model managementAgent deviceEnrollmentType joinType autopilotEnrolled enrollmentProfileName complianceState
deviceActionResults
""",
    "autopilotEvents": """
id deviceId deviceSerialNumber managedDeviceName userId userPrincipalName osVersion enrollmentState enrollmentType
windowsAutopilotDeploymentProfileDisplayName windows10EnrollmentCompletionPageConfigurationDisplayName deploymentState
deviceSetupStatus accountSetupStatus policyStatusDetails
""",
}
"""What resources without a type of their own are shown with (admin_managed.py)."""
_BESIDES = {
    PROFILES: """
language outOfBoxExperienceSettings enrollmentStatusScreenSettings extractHardwareHash enableWhiteGlove managementServiceAppId
""",
    CONFIGURATIONS: """
deviceEnrollmentConfigurationType androidRestriction androidForWorkRestriction iosRestriction macRestriction macOSRestriction
windowsMobileRestriction windowsHomeSkuRestriction tvosRestriction visionOSRestriction
""",
    "windowsAutopilotDeviceIdentities": "azureAdDeviceId deviceAccountPassword",
    "importedWindowsAutopilotDeviceIdentities": "",
    "managedDevices": """
aadRegistered activationLockBypassCode androidSecurityPatchLevel azureADRegistered azureActiveDirectoryDeviceId
bootstrapTokenEscrowed chassisType chromeOSDeviceInfo cloudPcRemoteActionResults complianceGracePeriodExpirationDateTime
configurationManagerClientEnabledFeatures configurationManagerClientHealthState configurationManagerClientInformation
deviceCategoryDisplayName deviceFirmwareConfigurationInterfaceManaged deviceHealthAttestationState
deviceIdentityAttestationDetail deviceRegistrationState deviceType easActivated easActivationDateTime easDeviceId emailAddress
enrolledDateTime ethernetMacAddress exchangeAccessState exchangeAccessStateReason exchangeLastSuccessfulSyncDateTime
freeStorageSpaceInBytes hardwareInformation iccid imei isEncrypted isSupervised jailBroken lastSyncDateTime lostModeState
managedDeviceName managementCertificateExpirationDate managementFeatures managementState meid notes ownerType
partnerReportedThreatState phoneNumber physicalMemoryInBytes preferMdmOverGroupPolicyAppliedDateTime processorArchitecture
remoteAssistanceSessionErrorDetails remoteAssistanceSessionUrl requireUserEnrollmentApproval retireAfterDateTime roleScopeTagIds
securityPatchLevel skuFamily skuNumber specificationVersion subscriberCarrier supplementalDeviceDetails totalStorageSpaceInBytes
udid userDisplayName usersLoggedOn wiFiMacAddress windowsActiveMalwareCount windowsRemediatedMalwareCount
""",
    "autopilotEvents": """
eventDateTime deviceRegisteredDateTime enrollmentStartDateTime deploymentStartDateTime deploymentEndDateTime deploymentDuration
deploymentTotalDuration deviceSetupDuration accountSetupDuration devicePreparationDuration targetedAppCount targetedPolicyCount
windows10EnrollmentCompletionPageConfigurationId enrollmentFailureDetails
""",
    "users": """
aboutMe ageGroup birthday businessPhones consentProvidedForMinor createdDateTime creationType customSecurityAttributes
deletedDateTime employeeHireDate employeeLeaveDateTime employeeOrgData employeeType externalUserState
externalUserStateChangeDateTime faxNumber hireDate identities imAddresses interests isManagementRestricted isResourceAccount
lastPasswordChangeDateTime legalAgeGroupClassification licenseAssignmentStates mailboxSettings mobilePhone mySite
onPremisesDistinguishedName onPremisesExtensionAttributes onPremisesImmutableId onPremisesLastSyncDateTime
onPremisesProvisioningErrors onPremisesSecurityIdentifier otherMails passwordPolicies passwordProfile pastProjects postalCode
preferredDataLocation preferredName provisionedPlans proxyAddresses refreshTokensValidFromDateTime responsibilities schools
securityIdentifier serviceProvisioningErrors showInAddressList signInActivity signInSessionsValidFromDateTime skills
streetAddress
""",
    "groups": """
allowExternalSenders assignedLabels assignedLicenses autoSubscribeNewMembers classification createdDateTime deletedDateTime
description expirationDateTime hasMembersWithLicenseErrors hideFromAddressLists hideFromOutlookClients isArchived
isAssignableToRole isManagementRestricted isSubscribedByMail licenseProcessingState mail mailEnabled mailNickname
onPremisesDomainName onPremisesLastSyncDateTime onPremisesNetBiosName onPremisesProvisioningErrors onPremisesSamAccountName
onPremisesSecurityIdentifier onPremisesSyncEnabled preferredDataLocation preferredLanguage proxyAddresses renewedDateTime
securityEnabled securityIdentifier serviceProvisioningErrors theme uniqueName unseenCount visibility
""",
    "assignments": "sourceId",
}
"""Properties that Graph has and that are not shown here, by collection."""
_EXPANDABLE = {
    PROFILES: {"assignments"},
    CONFIGURATIONS: {"assignments"},
    "windowsAutopilotDeviceIdentities": {"deploymentProfile", "intendedDeploymentProfile"},
    "autopilotEvents": {"policyStatusDetails"},
}

Names = Mapping[str, Any]
"""Names of properties; below each the names in it, None where there are none."""


class Shape(msgspec.Struct, frozen=True):
    """What the resources of a collection are like: properties that are shown, that Graph has besides, and relationships."""

    kept: Names
    known: frozenset[str]
    expandable: frozenset[str]


@cache
def shape_of(collection: str) -> Shape:
    """The shape of a collection, by its name in paths."""
    kept: dict[str, Any] = {}
    besides = set(_BESIDES[collection].split())
    hidden = _NOT_SHOWN | (_OF_APPS if collection == "assignments" else set())
    if collection in _SHOWN:
        kept = dict.fromkeys(_SHOWN[collection].split())
    else:
        for struct in _structs(collection):
            kept |= {name: one for name, one in _names_of(struct).items() if name not in hidden}
            besides |= set(aliases_of(struct))
    return Shape(kept, frozenset(besides) - kept.keys(), frozenset(_EXPANDABLE.get(collection, set())))


def _structs(collection: str) -> Iterable[type[msgspec.Struct]]:
    if collection == "assignments":
        return (Assignment,)
    return dict.fromkeys(kind.struct for kind in KINDS.values() if kind.collection == COLLECTIONS[collection])


def _names_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    single = {name: field for name, field in plan_of(struct).items() if field.kind == "struct" and not field.many}
    return {name: _names_of(single[name].type) if name in single else None for name in plan_of(struct)}


def wrong_path(path: str, shape: Shape) -> tuple[str, list[str]]:
    """The first part of a path that names no property, and the names that would be there; "" where all of it is right."""
    names: Names | None = shape.kept
    for part in path.split("/"):
        if names is None or part not in names:
            return part or path, [*(names or ())]
        names = names[part]
    return "", []
