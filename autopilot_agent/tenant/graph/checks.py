"""Checks of single resources: profile rules, name templates, ESP contradictions (formats.md 4.1 and section 7, rows 6-8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NoReturn

from .apps import Win32CatalogApp, Win32LobApp
from .directory import User
from .enrollment import EspConfiguration
from .policies import DeviceConfiguration
from .profiles import WindowsAutopilotDeploymentProfile
from .source import JsonPath, Source

_MACRO = re.compile(r"%(SERIAL|RAND:(\d+))%", re.IGNORECASE)
_LONGEST_NAME = 15
_LONGEST_BESIDE_SERIAL = 7


def wrong_name_template(template: str) -> str | None:
    """Why a device name template cannot be used, or None. Sources: formats.md 4.1."""
    macros = list(_MACRO.finditer(template))
    rest = _MACRO.sub("", template)
    if "%" in rest:
        return "the only macros are %SERIAL% and %RAND:x% with x a number of digits"
    if len(macros) > 1:
        return "only one macro may be used, once"
    if not re.fullmatch(r"[A-Za-z0-9-]*", rest):
        return "a device name has only letters, digits and hyphens"
    if not macros and template.isdigit():
        return "a device name must not be digits only"
    if not macros:
        return None if len(template) <= _LONGEST_NAME else f"a device name has at most {_LONGEST_NAME} characters"
    if macros[0][2] is None:
        fits = len(rest) <= _LONGEST_BESIDE_SERIAL
        return None if fits else f"at most {_LONGEST_BESIDE_SERIAL} characters may stand beside %SERIAL%"
    digits = int(macros[0][2][:4])
    if digits < 1 or len(rest) + digits > _LONGEST_NAME:
        return f"the name, digits of %RAND:x% included, has 1 to {_LONGEST_NAME} characters"
    return "a device name must not be digits only" if not rest or rest.isdigit() else None


def check_profile(
    profile: WindowsAutopilotDeploymentProfile, raw: Mapping[str, object], source: Source, path: JsonPath
) -> None:
    """Raise InputError for a profile that Intune would not save."""

    def fail(message: str, *names: str) -> NoReturn:
        source.fail((*path, *_deepest(raw, names)), f'profile "{profile.display_name}": {message}')

    template = profile.device_name_template
    if template and profile.hybrid:
        said = "hybrid join takes names from the domain join policy, not from a device name template; leave the template empty"
        fail(said, "deviceNameTemplate")
    if template and (wrong := wrong_name_template(template)):
        fail(f'the name template "{template}" cannot be used: {wrong}', "deviceNameTemplate")
    if template and (template.startswith("-") or template.endswith("-")):
        text = f'the name template "{template}" starts or ends with a hyphen, which DNS forbids'
        source.note((*path, "deviceNameTemplate"), text)
    if profile.hybrid and profile.self_deploying:
        fail("self-deploying mode (deviceUsageType shared) is not possible with hybrid join", *_USAGE)
    if profile.device_type == "holoLens" and profile.preprovisioning_allowed:
        fail("pre-provisioning is not possible for HoloLens", "preprovisioningAllowed")
    if profile.device_type == "holoLens" and profile.hardware_hash_extraction_enabled:
        fail("HoloLens cannot be converted to Autopilot (hardwareHashExtractionEnabled)", "hardwareHashExtractionEnabled")


MOST_MINUTES = 1440
"""Longest time limit of the page (protocols.md 13.4), and of a Win32 app (rule APP-LIMIT)."""
_USAGE = ("outOfBoxExperienceSetting", "deviceUsageType")


def check_esp(esp: EspConfiguration, raw: Mapping[str, object], source: Source, path: JsonPath) -> None:
    """Leave notices about an Enrollment Status Page that contradicts itself or does not tell its settings.

    Raises ``InputError`` for a time limit that no service would save.
    """
    if not esp.settings_known:
        text = f'"{esp.display_name}": settings unknown (v1.0 of Graph does not show them); export from beta'
        source.note(path, text)
        return
    if esp.block_device_setup_retry_by_user and (
        esp.allow_device_reset_on_install_failure or esp.allow_device_use_on_install_failure
    ):
        source.note(
            (*path, "blockDeviceSetupRetryByUser"),
            f'"{esp.display_name}": blockDeviceSetupRetryByUser is true (the page does not block), '
            "so allowing reset or use after a failure has no effect",
        )
    minutes = esp.install_progress_timeout_in_minutes
    if not 0 <= minutes <= MOST_MINUTES:
        source.fail(
            (*path, "installProgressTimeoutInMinutes"),
            f'"{esp.display_name}": {minutes} minutes are not a time limit; the service takes 1 to {MOST_MINUTES}',
        )
    if esp.show_installation_progress and minutes == 0:
        source.fail(
            (*path, "installProgressTimeoutInMinutes"),
            f'"{esp.display_name}": the page is on but its time limit is 0 minutes; write 1 to {MOST_MINUTES}',
        )


def check_app(app: Win32LobApp, raw: Mapping[str, object], source: Source, path: JsonPath) -> None:
    """Raise InputError for a time limit of a Win32 app that no service would save (rule APP-LIMIT)."""
    minutes = app.install_experience.max_run_time_in_minutes
    if not 0 <= minutes <= MOST_MINUTES:  # 0 says nothing
        source.fail(
            (*path, "installExperience", "maxRunTimeInMinutes"),
            f'"{app.display_name}": {minutes} minutes are not a time limit of an app; write 1 to {MOST_MINUTES}',
        )


def check_policy(policy: DeviceConfiguration, raw: Mapping[str, object], source: Source, path: JsonPath) -> None:
    """Raise InputError for a Domain Join profile that Intune would not save (formats.md 1.9)."""
    if policy.kind != "windowsDomainJoinConfiguration":
        return
    name = f'Domain Join profile "{policy.display_name}"'
    prefix = policy.settings.get("computerNameStaticPrefix") or ""
    count = policy.settings.get("computerNameSuffixRandomCharCount")
    if not policy.settings.get("activeDirectoryDomainName"):
        source.fail(path, f"{name}: it names no domain (activeDirectoryDomainName)")
    if not isinstance(prefix, str) or not re.fullmatch(r"[A-Za-z0-9-]*", prefix):
        text = f"{name}: a prefix has only letters, digits and hyphens; macros such as %SERIAL% are not possible"
        source.fail((*path, "computerNameStaticPrefix"), text)
    least = 3
    if len(prefix) > _LONGEST_NAME - least:
        text = f"{name}: the prefix has at most {_LONGEST_NAME - least} characters, for {least} random ones follow"
        source.fail((*path, "computerNameStaticPrefix"), text)
    if count is not None and not (isinstance(count, int) and least <= count <= _LONGEST_NAME - len(prefix)):
        text = f"{name}: {count} random characters do not fit; prefix and random part have at most {_LONGEST_NAME}"
        source.fail((*path, "computerNameSuffixRandomCharCount"), text)


def check_user(user: User, raw: Mapping[str, object], source: Source, path: JsonPath) -> None:
    """Leave a notice when nothing tells whether the users have Intune."""
    if not user.licenses_known:
        source.note(path, "users without assignedLicenses and assignedPlans are taken as licensed for Intune")


def _deepest(raw: object, names: tuple[str, ...]) -> tuple[str, ...]:
    """As much of a path as the file has; old property names are followed where the new one is missing."""
    found: list[str] = []
    for name in names:
        if not isinstance(raw, dict):
            break
        present = next((one for one in (name, f"{name}s", *_OLD.get(name, ())) if one in raw), None)
        if present is None:
            break
        found.append(present)
        raw = raw[present]
    return tuple(found)


_OLD = {"preprovisioningAllowed": ("enableWhiteGlove",), "hardwareHashExtractionEnabled": ("extractHardwareHash",)}

#: The checks by Struct. Each takes the Struct, what it was made from, and the place of that.
CHECKS: Mapping[type, Callable[..., None]] = {
    WindowsAutopilotDeploymentProfile: check_profile,
    EspConfiguration: check_esp,
    Win32LobApp: check_app,
    Win32CatalogApp: check_app,
    User: check_user,
    DeviceConfiguration: check_policy,
}
