"""What a reset does to a disk: each aspect of its row is carried over into a new Windows, or taken from one that stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import structs

from autopilot_agent.device.registry import CORRELATIONS, DIAGNOSTICS, ENROLLMENTS, JOIN_INFO, POLICY_CACHE
from autopilot_agent.device.storage import Disk

if TYPE_CHECKING:
    from autopilot_agent.device.device import Device
    from autopilot_agent.rulebook import Reset

DESCRIPTIONS = ("./DevInfo", "./DevDetail", "./Vendor/MSFT/WindowsLicensing", "./Vendor/MSFT/DeviceStatus")
"""Nodes that describe the PC and do not depend on anybody's policy."""

ENROLMENT_NODES = ("./Device/Vendor/MSFT/DMClient", "./Device/Vendor/MSFT/RemoteWipe", *DESCRIPTIONS)
POLICY_NODES = ("./Device/Vendor/MSFT/Policy", "./Device/Vendor/MSFT/BitLocker", "./Device/Vendor/MSFT/PassportForWork")
SCEP_NODE = "./Device/Vendor/MSFT/ClientCertificateInstall"
WIFI_NODE = "./Device/Vendor/MSFT/WiFi"

PROFILE_FILES = ("autopilotddsztdfile.json", "autopilotconfigurationfile.json")
"""Cached and offline profile; both are files that a reset of the image takes away."""
OTHER_DRIVE = re.compile(r"[A-BD-Z]:", re.IGNORECASE)
"""A drive that is not the system's: a USB stick is no part of a reset."""
USER_FOLDER = r"c:\users" + "\\"


def apply_reset(device: Device, row: Reset) -> None:
    """Do to the device's disk what the row says; the clock, the boots and the name of every app go on."""
    old = device.disk
    if row.windows == "new":
        disk = device.disk = Disk()
        _move_always(old, disk)
        for aspect, move in CARRIED.items():
            if getattr(row, aspect) in ("kept", "restored", "preinstalled kept"):
                move(old, disk)
    else:
        disk, nothing = old, Disk()
        for aspect, move in TAKEN.items():
            if getattr(row, aspect) in ("removed", "revoked", "managed removed"):
                move(nothing, disk)
    if row.primary_user == "cleared":
        _forget_owner(disk)
    disk.signed_in_user = ""
    disk.reset_order = ""
    disk.csp.drop_user()
    disk.resume = disk.checkpoint = ""
    if row.oobe_afterwards == "yes":
        disk.oobe_complete = False
        disk.oobe_pages.clear()
    else:
        disk.oobe_complete = True
        disk.accounts.pop("defaultuser0", None)
        disk.reset = row.id if row.windows == "new" else ""


def _move_always(old: Disk, new: Disk) -> None:
    """What counts restarts, measures the drive and names apps is no part of Windows; neither is another drive."""
    new.boots, new.reboots, new.power_losses = old.boots, old.reboots, old.power_losses
    new.offline_profile_used = old.offline_profile_used
    new.free_mb, new.app_names, new.preinstalled = old.free_mb, old.app_names, old.preinstalled
    new.files.update({path: text for path, text in old.files.items() if OTHER_DRIVE.match(path)})


def _forget_owner(disk: Disk) -> None:
    if disk.enrolment is not None:
        disk.enrolment = structs.replace(disk.enrolment, user_id="", user_name="")
    if disk.join is not None:
        disk.join = structs.replace(disk.join, user_name="", administrator_by_role=False)


# One function an aspect: from one disk to the other. From an empty disk it takes the aspect away.


def _accounts(source: Disk, target: Disk) -> None:
    target.accounts, target.users = dict(source.accounts), list(source.users)


def _user_files(source: Disk, target: Disk) -> None:
    target.files.update({path: text for path, text in source.files.items() if path.casefold().startswith(USER_FOLDER)})


def _preinstalled(source: Disk, target: Disk) -> None:
    target.products = set(source.products & source.preinstalled)


def _managed_apps(_nothing: Disk, target: Disk) -> None:
    """Packages that came by OMA-DM go; what the extension installed stays on a device that it no longer serves."""
    for name, app in list(target.apps.items()):
        if f"app:{name}" not in target.products:
            target.products.discard(name)
            del target.apps[name]
            app.state = "removed"
    target.jobs.clear()
    target.failed_jobs.clear()


def _settings(_nothing: Disk, target: Disk) -> None:
    for uri in POLICY_NODES:
        target.csp.remove(uri)
    target.policies.clear()
    target.device_lock = False
    target.vpn_profiles.clear()


def _wifi(source: Disk, target: Disk) -> None:
    target.wifi_profiles.update(source.wifi_profiles)
    target.csp.copy_from(source.csp, WIFI_NODE)


def _managed_wifi(_nothing: Disk, target: Disk) -> None:
    target.wifi_profiles = {name: origin for name, origin in target.wifi_profiles.items() if origin != "MDM"}
    target.csp.remove(WIFI_NODE)


def _locale(source: Disk, target: Disk) -> None:
    target.language, target.region = source.language, source.region
    target.keyboard, target.second_keyboard = source.keyboard, source.second_keyboard


def _packages(source: Disk, target: Disk) -> None:
    target.packages = list(source.packages)


def _profile(source: Disk, target: Disk) -> None:
    target.profile = source.profile
    target.files.update({path: text for path, text in source.files.items() if path.casefold().endswith(PROFILE_FILES)})
    for key in (DIAGNOSTICS, POLICY_CACHE):
        target.registry.copy_from(source.registry, key)


def _no_profile(nothing: Disk, target: Disk) -> None:
    target.files = {path: text for path, text in target.files.items() if not path.casefold().endswith(PROFILE_FILES)}
    for key in (DIAGNOSTICS, POLICY_CACHE):
        target.registry.delete(key)
    _profile(nothing, target)


def _join(source: Disk, target: Disk) -> None:
    target.join, target.domain, target.administrator_sids = source.join, source.domain, source.administrator_sids
    _certificates(source, target, "(MS-Organization-Access)")
    target.registry.copy_from(source.registry, JOIN_INFO)


def _no_join(_nothing: Disk, target: Disk) -> None:
    target.join = None
    target.administrator_sids = ()
    _drop_certificates(target, "(MS-Organization-Access)")
    target.registry.delete(JOIN_INFO)


def _enrolment(source: Disk, target: Disk) -> None:
    target.enrolment, target.sessions = source.enrolment, source.sessions
    _certificates(source, target, "MDM Device CA)")
    for key in (ENROLLMENTS, CORRELATIONS):
        target.registry.copy_from(source.registry, key)
    for uri in ENROLMENT_NODES:
        target.csp.copy_from(source.csp, uri)


def _no_enrolment(_nothing: Disk, target: Disk) -> None:
    target.enrolment = None
    _drop_certificates(target, "MDM Device CA)")
    for key in (ENROLLMENTS, CORRELATIONS):
        target.registry.delete(key)
    target.csp.remove(ENROLMENT_NODES[0])


def _scep(source: Disk, target: Disk) -> None:
    _certificates(source, target, "SCEP ")
    target.csp.copy_from(source.csp, SCEP_NODE)


def _no_scep(_nothing: Disk, target: Disk) -> None:
    _drop_certificates(target, "SCEP ")
    target.csp.remove(SCEP_NODE)


def _certificates(source: Disk, target: Disk, mark: str) -> None:
    target.certificates.update({thumb: subject for thumb, subject in source.certificates.items() if mark in subject})


def _drop_certificates(target: Disk, mark: str) -> None:
    target.certificates = {thumb: subject for thumb, subject in target.certificates.items() if mark not in subject}


def _name(source: Disk, target: Disk) -> None:
    target.computer_name = source.computer_name


def _bitlocker(source: Disk, target: Disk) -> None:
    target.bitlocker = source.bitlocker


Move = Callable[[Disk, Disk], None]

CARRIED: dict[str, Move] = {
    "profile_cache": _profile,
    "user_accounts": _accounts,
    "user_files": _user_files,
    "apps": _preinstalled,
    "wifi": _wifi,
    "locale": _locale,
    "packages": _packages,
    "entra_join": _join,
    "mdm_enrolment": _enrolment,
    "scep_certificates": _scep,
    "device_name": _name,
    "bitlocker": _bitlocker,
}
"""Aspects that a new Windows can get back. MDM settings are not among them: the sync brings them again."""

TAKEN: dict[str, Move] = {
    "profile_cache": _no_profile,
    "apps": _managed_apps,
    "settings": _settings,
    "wifi": _managed_wifi,
    "entra_join": _no_join,
    "mdm_enrolment": _no_enrolment,
    "scep_certificates": _no_scep,
}
"""Aspects that can go while Windows stays."""
