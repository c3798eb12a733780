"""Misspelt names: which known name was meant, and which names only look like misspellings."""

from __future__ import annotations

from collections.abc import Iterable

_NAMES = """
deletedDateTime lastSyncDateTime enrolledDateTime renewedDateTime azureADDeviceId assignedDevices categories
isAssigned dependentAppCount supersedingAppCount supersededAppCount uploadState committedContentVersion
minimumSupportedOperatingSystem detectionRules requirementRules largeIcon isFeatured roleScopeTags
enrollmentStatusScreenSettings deviceEnrollmentConfigurationType settingCount creationSource memberships
securityEnabled mailEnabled visibility isRestricted businessPhones otherMails proxyAddresses provisionedPlans
licenseAssignmentStates employeeType employeeHireDate isValid multiFactorAuthConfiguration azureADRegistration
localAdminPassword operatingSystemSKU deviceVersion alternativeSecurityIds sessionControls templateId
androidRestriction iosRestriction macRestriction windowsMobileRestriction macOSRestriction tvosRestriction
androidForWorkRestriction visionOSRestriction squareLogo squareLogoDark bannerLogo backgroundImage favicon
addressableRemoteUserName displayVersions supportsScopeTags informationUrl privacyInformationUrl developer owner
appAvailability allowAvailableUninstall installTimeSettings restartSettings deliveryOptimizationPriority
autoUpdateSettings sourceId payloads settingInstance securityPinRequirement unlockWithBiometrics
"""
UNREAD = frozenset(_NAMES.split())
"""Real Graph properties that nothing here reads, although they look like one that is read."""


def closest(word: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name that ``word`` most likely stands for, whatever the case; None when none is similar enough (0 to 1)."""
    from difflib import get_close_matches  # only for mistakes: it would cost every start a millisecond

    by_lower = {name.casefold(): name for name in names}
    found = get_close_matches(word.casefold(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def suggestion(word: str, names: Iterable[str]) -> str:
    """The end of an error message: ``; did you mean "..."?``, or nothing."""
    meant = closest(word, names)
    return f'; did you mean "{meant}"?' if meant else ""
