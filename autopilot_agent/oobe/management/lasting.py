"""Policies whose effect shows later: the kiosk's automatic sign-in, and what pre-provisioning does not do or survive."""

from __future__ import annotations

from autopilot_agent.device import Device
from autopilot_agent.device.storage import Account
from autopilot_agent.oobe.world import World

SIGN_IN_ASSISTANT = "D/vendor/msft/policy/config/accounts/allowmicrosoftaccountsigninassistant"
"""The policy that switches wlidsvc off (value 0): without it there is no device ticket any more (rules F-07 and F-53)."""

SECURITY_OPTIONS = tuple(
    f"D/vendor/msft/policy/config/localpoliciessecurityoptions/{name}"
    for name in (
        "interactivelogon_messagetitleforusersattemptingtologon",
        "interactivelogon_messagetextforusersattemptingtologon",
        "interactivelogon_requirewindowshelloforbusinessorsmartcard",
        "useraccountcontrol_behavioroftheelevationpromptforadministrators",
    )
)
"""The four security options that pre-provisioning does not survive (rule F-56); of the last one the value 1 counts."""

WINLOGON = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"
KIOSK_USER = "kioskUser0"
KIOSK_SID = "S-1-5-21-1-1-1-1002"


def note_policy(device: Device, world: World, uri: str, key: str, value: str) -> str:
    """Take note of a policy that shows later; returns the LocURI if it stops the technician's part, else ""."""
    disk = device.disk
    if key == SIGN_IN_ASSISTANT and value == "0":
        disk.sign_in_assistant_off = True
        rule = "F-53" if disk.technician else "F-07"
        world.note(rule, "A policy switches wlidsvc off: from now on there is no device ticket and no sign-in to Entra.")
    if disk.technician and key in SECURITY_OPTIONS and (key != SECURITY_OPTIONS[3] or value == "1"):
        world.note("F-56", f"{uri} changes the sign-in screen: pre-provisioning cannot go on.")
        return uri
    return ""


def locks_out(device: Device) -> bool:
    """Whether a restart in device setup is the last of it: a device lock is in force, and a sign-in that is lost (rule F-48).

    That is the one of the user who signed in to OOBE, or the kiosk's own. Nobody signs in to a technician's or a shared device
    before its end, and a domain member never signs in by itself.
    """
    disk = device.disk
    user = disk.enrolment is not None and bool(disk.enrolment.user_id) and not disk.technician and disk.domain is None
    return disk.device_lock and (user or bool(disk.kiosk_app))


def set_up_kiosk(device: Device, world: World, document: str) -> None:
    """Assigned Access with an account that signs in by itself: the account, and the values that Winlogon reads."""
    if "AutoLogonAccount" not in document:
        return
    disk = device.disk
    disk.kiosk_app = document.partition('DefaultProfile Id="')[2].partition('"')[0] or "kiosk app"
    disk.kiosk_since = (disk.reboots, disk.power_losses)
    disk.auto_logon_lost = ""
    disk.accounts[KIOSK_USER] = Account(KIOSK_USER, "local", "users", KIOSK_SID)
    disk.registry.update(WINLOGON, {"AutoAdminLogon": "1", "DefaultUserName": KIOSK_USER, "DefaultDomainName": "."})
    world.note("S6", f"The kiosk policy makes {KIOSK_USER} sign in by itself once setup is over.")


def set_up_laps(device: Device, world: World, uri: str, value: str) -> None:
    """LAPS does not act in the technician's part; the user flow brings it again (rule F-111)."""
    if device.disk.technician:
        device.disk.csp.remove(uri)
        world.note("F-111", f"{uri} is not applied in the technician's part.")
    else:
        device.disk.policies[uri] = value
