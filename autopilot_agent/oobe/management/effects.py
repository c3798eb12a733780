"""What follows on the device from commands of the MDM server, CSP by CSP."""

from __future__ import annotations

from functools import cache

from autopilot_agent import rulebook
from autopilot_agent.device import Device
from autopilot_agent.device.nodes import key_of
from autopilot_agent.device.registry import REBOOT_REQUIRED
from autopilot_agent.oobe.management.background import Background
from autopilot_agent.oobe.management.domain import apply_blob
from autopilot_agent.oobe.management.firmware_edition import restart_for_edition, take_firmware_settings, take_key
from autopilot_agent.oobe.management.lasting import note_policy, set_up_kiosk, set_up_laps
from autopilot_agent.oobe.world import World

DEVICE_LOCK = "D/vendor/msft/policy/config/devicelock/"
NO_PASSWORD = DEVICE_LOCK + "devicepasswordenabled", "1"
"""The one DeviceLock setting that asks for nothing: 1 switches device passwords off."""

EFFECTS = {
    "policy": "policy",
    "applocker": "reboot_only",
    "uefi": "uefi",
    "windowslicensing": "licensing",
    "wifi": "wifi",
    "vpnv2": "vpn",
    "rootcatrustedcertificates": "trusted_root",
    "assignedaccess": "kiosk",
    "laps": "laps",
    "reboot": "reboot_now",
    "offlinedomainjoin": "domain_join",
}
"""What follows from a command on a CSP: a method of the effects."""


@cache
def _reboot_prefixes() -> tuple[str, ...]:
    return tuple(key_of(row.uri) for row in rulebook.reboot_uris())


class Effects:
    """What follows in one boot. ``restart`` is why Windows is to restart and the rule that says so, ``obstacle`` what of the
    policies stands in the way of the status page, ``phase`` what the page is at: device or account.
    """

    def __init__(self, device: Device, world: World, background: Background) -> None:
        self._device, self._world, self._background = device, world, background
        self.restart: tuple[str, str] | None = None
        self.obstacle = ""
        self.phase = "device"

    def policy(self, verb: str, uri: str, key: str, value: str) -> None:
        """The Policy CSP: noted, and what DeviceLock and policies that ask for a restart bring with them."""
        if key.startswith(DEVICE_LOCK) and (key, value) != NO_PASSWORD and verb != "Delete":
            self._device.disk.device_lock = True
            self._world.note("REBOOT-PASSWORD-POLICY", f"{uri} asks for a password: automatic sign-in will not happen.")
        self._device.disk.policies[uri] = value
        self.obstacle = note_policy(self._device, self._world, uri, key, value) or self.obstacle
        self.reboot_only(verb, uri, key, value)

    def reboot_only(self, verb: str, uri: str, key: str, value: str) -> None:
        """A URI of the list that restarts Windows at the end of device setup (REBOOT-URIS)."""
        if verb == "Exec" or not key.startswith(_reboot_prefixes()):
            return
        if self.phase != "device":
            self._world.note("REBOOT-USER-TARGETING", f"{uri} came with the user: it asks for no restart in device setup.")
            return
        self._device.memory.reboot_reasons.append(uri)
        self._device.disk.registry.set(REBOOT_REQUIRED, uri, 1)
        self._world.log("DeviceManagement", 2800, f"{uri} asks for a reboot", "EVT-2800")

    def uefi(self, verb: str, uri: str, key: str, value: str) -> None:
        """Settings of the firmware (DFCI)."""
        if take_firmware_settings(self._device, self._world):
            self.reboot_only(verb, uri, key, value)

    def licensing(self, verb: str, uri: str, key: str, value: str) -> None:
        """A product key for another edition."""
        if verb == "Exec" and key.endswith("/upgradeeditionwithproductkey") and take_key(self._device, self._world, value):
            self._background.beside(restart_for_edition(self._device, self._world, self._restart_for))

    def _restart_for(self, reason: str, rule: str) -> None:
        self.restart = (reason, rule)
        self._background.touched()

    def wifi(self, verb: str, uri: str, key: str, value: str) -> None:
        """A Wi-Fi profile."""
        name = key.split("/")[5] if key.count("/") >= 5 else uri
        self._device.disk.wifi_profiles[name] = "MDM"

    def vpn(self, verb: str, uri: str, key: str, value: str) -> None:
        """A VPN profile."""
        self._device.disk.vpn_profiles[key.split("/")[4]] = "MDM"

    def trusted_root(self, verb: str, uri: str, key: str, value: str) -> None:
        """A trusted root certificate."""
        if key.endswith("/encodedcertificate"):
            self._device.disk.certificates[key.split("/")[-2]] = "trusted root"

    def kiosk(self, verb: str, uri: str, key: str, value: str) -> None:
        """Assigned access."""
        set_up_kiosk(self._device, self._world, value)

    def laps(self, verb: str, uri: str, key: str, value: str) -> None:
        """Windows LAPS."""
        set_up_laps(self._device, self._world, uri, value)

    def reboot_now(self, verb: str, uri: str, key: str, value: str) -> None:
        """The Reboot CSP."""
        if verb == "Exec":
            self.restart = ("the MDM server asked for a restart", "REBOOT-POLICY")

    def domain_join(self, verb: str, uri: str, key: str, value: str) -> None:
        """The offline domain join blob."""
        if verb == "Exec":
            apply_blob(self._device, self._world, value)
