"""The reader's words for times, states and advice."""

from __future__ import annotations

STATES = {
    "boot": "Power-on",
    "recovery_oobe": "Recovery form of OOBE",
    "eula": "Licence terms",
    "updates": "Critical updates",
    "rename": "Device name from the profile",
    "branch": "Choice of the flow",
    "name_device": "Name of the device",
    "account_choice": "Personal or work",
    "sign_in": "Sign-in",
    "authenticate": "Authentication",
    "tenant_match": "Check of the organization",
    "terms_of_use": "Terms of use",
    "entra_join": "Entra join",
    "mdm_enrolment": "MDM enrolment",
    "local_rights": "Local rights",
    "quality_updates": "Windows quality updates",
    "first_sign_in": "First sign-in",
    "privacy": "Privacy settings",
    "hello": "Windows Hello",
    "profile": "Autopilot profile",
    "device_preparation": "Device preparation (ESP)",
    "device_setup": "Device setup (ESP)",
    "account_setup": "Account setup (ESP)",
    "esp_error": "Error page (ESP)",
    "esp_failed": "ESP failed",
    "something_went_wrong": "Something went wrong",
    "gave_up": "Gave up",
    "what_to_do": "Five presses of the Windows key",
    "preprovisioning": "Pre-provisioning",
    "secure_hardware": "Securing the hardware (TPM attestation)",
    "device_join": "Entra join with the device token",
    "device_enrolment": "MDM enrolment without a user",
    "deployment_done": "End of the deployment",
    "technician_success": "Green page of the technician",
    "technician_failure": "Red page of the technician",
    "domain_join_profile": "Domain Join profile",
    "domain_join_blob": "Offline domain join",
    "domain_controller": "Check of the domain controller",
    "domain_restart": "Restart into the domain",
    "domain_privacy": "Privacy settings",
    "domain_sign_in": "Sign-in with Active Directory",
    "hybrid_registration": "Hybrid registration (ESP)",
    "entra_prompt": "Sign-in with Entra",
    "sign_out": "Sign-out",
    "reset_ordered": "Order to reset",
    "reset_credentials": "Administrator's credentials",
    "reset_check": "Check before the reset",
    "resetting": "Reset",
    "restoring": "Restoring what is kept",
    "windows_sign_in": "Sign-in to Windows",
    "at_logon": "At the sign-in to Windows",
    "at_sign_in": "At the sign-in page",
    "at_eula": "At the licence terms",
    "at_technician_success": "At the green page",
}
RETRIES = {
    "yes": "can help",
    "useful": "can help",
    "after-fix": "helps once the cause is removed",
    "needs-hardware": "does not help before the hardware is changed",
    "needs-reset": "does not help; the device has to be reset",
    "no": "does not help",
    "useless": "does not help",
    "none": "there is nothing to try again",
}
ROWS = {
    "succeeded": "done",
    "inProgress": "working",
    "failed": "FAILED",
    "notStarted": "waiting",
    "failedFromPreviousSubcategory": "not reached",
}
MANY_HOURS = 360_000
"""Seconds from which times are told in days."""
_NAMES = ("Entra", "MDM", "ESP", "Windows", "Autopilot", "Domain Join")


def state_title(state: str) -> str:
    """A state as a heading."""
    return STATES.get(state) or state.replace("_", " ").capitalize()


def in_sentence(state: str) -> str:
    """A state's title inside a sentence."""
    title = state_title(state)
    return title if title.startswith(_NAMES) else title[:1].lower() + title[1:]


def clock(milliseconds: float) -> str:
    """Virtual time since power-on: ``0:04:28``; from a hundred hours on ``7d03:12``, without seconds."""
    seconds = int(milliseconds) // 1000
    if seconds >= MANY_HOURS:
        return f"{seconds // 86400}d{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}"
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def span(milliseconds: float) -> str:
    """How long something took, in whole seconds as ``clock`` counts them: ``7d 02h``, ``1h 02m 03s``, ``4m 28s``, ``28s``."""
    seconds = int(milliseconds) // 1000
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60:02d}s"
    if seconds >= MANY_HOURS:
        return f"{seconds // 86400}d {seconds // 3600 % 24:02d}h"
    return f"{seconds // 3600}h {seconds // 60 % 60:02d}m {seconds % 60:02d}s"


def count(number: int, one: str, many: str = "") -> str:
    """``1 app``, ``2 apps``."""
    return f"{number} {one if number == 1 else many or one + 's'}"
