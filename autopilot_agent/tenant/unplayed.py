"""What a tenant has that nothing here plays, or that Intune would not take: notices for the person who reads the run."""

from __future__ import annotations

from collections.abc import Iterator

from autopilot_agent.tenant.graph.base import Notice
from autopilot_agent.tenant.graph.data import TenantData
from autopilot_agent.tenant.graph.policies import ConfigurationPolicy
from autopilot_agent.tenant.policies import DFCI, settings_of

PLAYED = frozenset(
    (
        "windows10CustomConfiguration", "windowsWifiConfiguration", "windowsWifiEnterpriseEAPConfiguration",
        "windows10VpnConfiguration", "windows81SCEPCertificateProfile", "windows81TrustedRootCertificate",
        "editionUpgradeConfiguration", "windows10EndpointProtectionConfiguration", "windowsUpdateForBusinessConfiguration",
        "windows10GeneralConfiguration", "windowsKioskConfiguration", "windowsDomainJoinConfiguration", DFCI,
    )
)  # fmt: skip
"""Kinds of deviceConfigurations that do something here."""
OTHER_PLATFORMS = ("ios", "macos", "android", "aosp", "apple", "windowsphone")
"""How kinds begin that no PC ever gets."""
PC_TYPES = ("windowsPc", "virtualMachine", "unknownFutureValue")
"""Device types of deployment profiles that reach a PC (formats.md 1.1); the others are for HoloLens and Surface Hub."""
_LOCKED = {
    "eulaHidden (true)": "eula_hidden",
    "privacySettingsHidden (true)": "privacy_settings_hidden",
    "escapeLinkHidden (true)": "escape_link_hidden",
    "userType (standard)": "user_type",
}
"""Settings with the value that self-deploying gives them."""
LONGEST_NAME = 200
"""Characters of a display name that Intune takes (formats.md 1.1)."""
MOST_PROFILES, MOST_PAGES, MOST_BLOCKING, LONGEST_MESSAGE = 350, 50, 100, 10_000
"""Deployment profiles of a tenant, its status pages beside the default one, blocking apps of a page, and characters of a page's
own message (flows.md 4, 5.1 and 5.2)."""
_COLLECTIONS = (
    "windows_autopilot_deployment_profiles",
    "device_enrollment_configurations",
    "mobile_apps",
    "device_configurations",
    "configuration_policies",
    "groups",
)


def unplayed(data: TenantData) -> list[Notice]:
    """Every notice about a tenant, in no particular order."""
    profiles = [*_exclusions(data), *_device_types(data), *_locks(data)]
    return [*_templates(data), *_catalog(data), *_names(data), *_limits(data), *profiles]


def _templates(data: TenantData) -> Iterator[Notice]:
    said: set[str] = set()
    for policy in data.device_configurations:
        kind = policy.kind or "deviceConfiguration"
        if kind in PLAYED or kind in said or kind.casefold().startswith(OTHER_PLATFORMS):
            continue
        said.add(kind)
        text = f"deviceConfigurations of type {kind} are not played: the device gets nothing of them"
        yield Notice(data.place("device_configurations", policy.id), text)


def _catalog(data: TenantData) -> Iterator[Notice]:
    for policy in data.configuration_policies:
        foreign = policy.platforms and not any(name.startswith("windows") for name in policy.platforms)
        if foreign or "enrollment" in policy.technologies or not policy.settings or _plays(policy):
            continue
        text = f'"{policy.display_name}": none of its settings is played, for none is one of the Policy CSP'
        yield Notice(data.place("configuration_policies", policy.id), text)


def _plays(policy: ConfigurationPolicy) -> bool:
    return bool(settings_of(policy, "device"))


def _names(data: TenantData) -> Iterator[Notice]:
    for collection in _COLLECTIONS:
        for one in getattr(data, collection):
            if len(one.display_name or "") > LONGEST_NAME:
                name = f'the name "{one.display_name[:40]}..."'
                text = f"{name} has more than {LONGEST_NAME} characters; Intune would not take it"
                yield Notice(data.place(collection, one.id), text)


def _limits(data: TenantData) -> Iterator[Notice]:
    """More of something than a tenant can have."""
    profiles = data.windows_autopilot_deployment_profiles
    pages = [one for one in data.esp_configurations if not one.is_default]
    for one in profiles[MOST_PROFILES : MOST_PROFILES + 1]:
        text = f"a tenant has at most {MOST_PROFILES} deployment profiles, these are {len(profiles)}"
        yield Notice(data.place("windows_autopilot_deployment_profiles", one.id), text)
    for page in pages[MOST_PAGES : MOST_PAGES + 1]:
        text = f"a tenant has at most {MOST_PAGES} status pages beside the default one, these are {len(pages)}"
        yield Notice(data.place("device_enrollment_configurations", page.id), text)
    for page in pages:
        place, apps = data.place("device_enrollment_configurations", page.id), len(page.selected_mobile_app_ids)
        if apps > MOST_BLOCKING:
            yield Notice(place, f'"{page.display_name}": {apps} apps block, and a page takes at most {MOST_BLOCKING}')
        if len(page.custom_error_message or "") > LONGEST_MESSAGE:
            yield Notice(place, f'"{page.display_name}": its message has more than {LONGEST_MESSAGE} characters')


def _exclusions(data: TenantData) -> Iterator[Notice]:
    """All devices with an excluded group: not supported for deployment profiles, and it can break the assignment."""
    for profile in data.windows_autopilot_deployment_profiles:
        kinds = {line.kind for line in profile.assignments}
        if {"allDevices", "exclusionGroup"} <= kinds:
            why = "excluding a group from all devices is not supported and can break the assignment"
            text = f'profile "{profile.display_name}": {why}'
            yield Notice(data.place("windows_autopilot_deployment_profiles", profile.id), text)



def _device_types(data: TenantData) -> Iterator[Notice]:
    for profile in data.windows_autopilot_deployment_profiles:
        if profile.device_type not in PC_TYPES:
            text = f'profile "{profile.display_name}" is for {profile.device_type}: it does not reach a PC'
            yield Notice(data.place("windows_autopilot_deployment_profiles", profile.id), text)


def _locks(data: TenantData) -> Iterator[Notice]:
    """What a self-deploying profile says against the values that its mode locks."""
    for profile in data.windows_autopilot_deployment_profiles:
        saved, in_force = profile.out_of_box_experience_setting, profile.setting_in_force
        if saved == in_force:
            continue
        names = [name for name, key in _LOCKED.items() if getattr(saved, key) != getattr(in_force, key)]
        text = f'profile "{profile.display_name}": self-deploying locks {", ".join(names)}; what stands there does not count'
        yield Notice(data.place("windows_autopilot_deployment_profiles", profile.id), text)
