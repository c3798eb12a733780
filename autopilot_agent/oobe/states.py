"""The states a device can be in, and the outcomes that lead from one to the next.

A state's value is its name in scenario files and events. ``RULES`` names the row of flows.md 3 that a state plays.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """One step of the flow, or an end."""

    # Members are compared by identity; Enum's own hash is a Python function and costs ten times as much.
    __hash__ = object.__hash__

    BOOT = "boot"
    RECOVERY_OOBE = "recovery_oobe"
    LANGUAGE = "language"
    REGION = "region"
    KEYBOARD = "keyboard"
    NETWORK = "network"
    CONNECTIVITY = "connectivity"
    PROFILE = "profile"
    ACTIVATION = "activation"
    UPDATES = "updates"
    RENAME = "rename"
    BRANCH = "branch"
    EULA = "eula"
    NAME_DEVICE = "name_device"
    ACCOUNT_CHOICE = "account_choice"
    LOCAL_ACCOUNT = "local_account"
    SIGN_IN = "sign_in"
    AUTHENTICATE = "authenticate"
    TENANT_MATCH = "tenant_match"
    TERMS_OF_USE = "terms_of_use"
    ENTRA_JOIN = "entra_join"
    MDM_ENROLMENT = "mdm_enrolment"
    LOCAL_RIGHTS = "local_rights"
    DEVICE_PREPARATION = "device_preparation"
    DEVICE_SETUP = "device_setup"
    QUALITY_UPDATES = "quality_updates"
    FIRST_SIGN_IN = "first_sign_in"
    PRIVACY = "privacy"
    ACCOUNT_SETUP = "account_setup"
    HELLO = "hello"
    DESKTOP = "desktop"
    SOMETHING_WENT_WRONG = "something_went_wrong"
    OTHER_ORGANIZATION = "other_organization"
    ESP_ERROR = "esp_error"
    RESET_DEVICE = "reset_device"
    NO_NETWORK = "no_network"
    GAVE_UP = "gave_up"
    OTHER_ORGANIZATION_END = "wrong_organization"
    ESP_FAILED = "esp_failed"
    AT_LOGON = "at_logon"
    AT_SIGN_IN = "at_sign_in"
    AT_EULA = "at_eula"


class Outcome(Enum):
    """Why a step ended."""

    __hash__ = object.__hash__

    OK = "ok"
    SKIPPED = "skipped"
    REBOOT = "reboot"
    FAILED = "failed"
    STUCK = "stuck"
    TOO_MANY_RESTARTS = "too_many_restarts"
    RESUME_PROFILE = "resume_profile"
    RESUME_BRANCH = "resume_branch"
    RESUME_DEVICE_SETUP = "resume_device_setup"
    RESUME_FIRST_SIGN_IN = "resume_first_sign_in"
    USER_DRIVEN = "user_driven"
    ORDINARY = "ordinary"
    PERSONAL = "personal"
    WORK = "work"
    MISMATCH = "mismatch"
    BACK = "back"
    NO_MDM = "no_mdm"
    LEFT_PAGE = "left_page"
    GIVE_UP = "give_up"
    RETRY_SIGN_IN = "retry_sign_in"
    RETRY_TERMS_OF_USE = "retry_terms_of_use"
    RETRY_JOIN = "retry_join"
    RETRY_ENROLMENT = "retry_enrolment"
    RETRY_PREPARATION = "retry_preparation"
    RETRY_DEVICE_SETUP = "retry_device_setup"
    RETRY_ACCOUNT_SETUP = "retry_account_setup"
    CONTINUE_DEVICE = "continue_device"
    CONTINUE_ACCOUNT = "continue_account"
    RESET = "reset"


ENDS: dict[State, str] = {
    State.DESKTOP: "completed",
    State.RECOVERY_OOBE: "failed",
    State.NO_NETWORK: "stuck",
    State.GAVE_UP: "failed",
    State.OTHER_ORGANIZATION_END: "failed",
    State.ESP_FAILED: "failed",
    State.AT_LOGON: "stuck",
    State.AT_SIGN_IN: "stuck",
    State.AT_EULA: "stuck",
}
"""States in which a run ends, with the outcome each one means."""

RULES: dict[State, str] = {
    State.BOOT: "C1",
    State.LANGUAGE: "C2",
    State.REGION: "C3",
    State.KEYBOARD: "C4",
    State.NETWORK: "C5",
    State.CONNECTIVITY: "C6",
    State.PROFILE: "C7",
    State.ACTIVATION: "C8",
    State.UPDATES: "C9",
    State.RENAME: "C10",
    State.BRANCH: "C11",
    State.RECOVERY_OOBE: "F-08",
    State.EULA: "C-EULA",
    State.NAME_DEVICE: "O2",
    State.ACCOUNT_CHOICE: "O3",
    State.LOCAL_ACCOUNT: "O4",
    State.SIGN_IN: "U1",
    State.AUTHENTICATE: "U2",
    State.TENANT_MATCH: "U3",
    State.TERMS_OF_USE: "U4",
    State.ENTRA_JOIN: "U5",
    State.MDM_ENROLMENT: "U6",
    State.LOCAL_RIGHTS: "U7",
    State.DEVICE_PREPARATION: "U8",
    State.DEVICE_SETUP: "U9",
    State.QUALITY_UPDATES: "U11",
    State.FIRST_SIGN_IN: "U12",
    State.PRIVACY: "U13",
    State.ACCOUNT_SETUP: "U14",
    State.HELLO: "U15",
    State.DESKTOP: "U16",
    State.OTHER_ORGANIZATION: "U3",
    State.ESP_ERROR: "ERR-CHOICES",
    State.RESET_DEVICE: "ERR-RESET",
}
