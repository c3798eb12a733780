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
    WHAT_TO_DO = "what_to_do"
    PREPROVISIONING = "preprovisioning"
    SECURE_HARDWARE = "secure_hardware"
    DEVICE_JOIN = "device_join"
    DEVICE_ENROLMENT = "device_enrolment"
    DEPLOYMENT_DONE = "deployment_done"
    TECHNICIAN_SUCCESS = "technician_success"
    TECHNICIAN_FAILURE = "technician_failure"
    RESEAL = "reseal"
    DOMAIN_JOIN_PROFILE = "domain_join_profile"
    DOMAIN_JOIN_BLOB = "domain_join_blob"
    DOMAIN_CONTROLLER = "domain_controller"
    DOMAIN_RESTART = "domain_restart"
    DOMAIN_PRIVACY = "domain_privacy"
    DOMAIN_SIGN_IN = "domain_sign_in"
    HYBRID_REGISTRATION = "hybrid_registration"
    ENTRA_PROMPT = "entra_prompt"
    SIGN_OUT = "sign_out"
    RESET_ORDERED = "reset_ordered"
    LOCK_SCREEN = "lock_screen"
    RESET_CREDENTIALS = "reset_credentials"
    RESET_CHECK = "reset_check"
    RESETTING = "resetting"
    RESTORING = "restoring"
    WINDOWS_SIGN_IN = "windows_sign_in"
    NO_NETWORK = "no_network"
    GAVE_UP = "gave_up"
    OTHER_ORGANIZATION_END = "wrong_organization"
    ESP_FAILED = "esp_failed"
    AT_LOGON = "at_logon"
    AT_SIGN_IN = "at_sign_in"
    AT_EULA = "at_eula"
    AT_TECHNICIAN_SUCCESS = "at_technician_success"
    TECHNICIAN_FAILED = "technician_failed"
    RESEALED = "resealed"
    READY_FOR_USER = "ready_for_user"
    KIOSK_SESSION = "kiosk_session"
    RESET_REFUSED = "reset_refused"
    WIPED = "wiped"
    RETIRED = "retired"


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
    WINDOWS_KEY = "windows_key"
    HYBRID = "hybrid"
    HYBRID_USER = "hybrid_user"
    SELF_DEPLOYING = "self_deploying"
    TECHNICIAN = "technician"
    TECHNICIAN_DONE = "technician_done"
    TECHNICIAN_FAILED = "technician_failed"
    USERLESS = "userless"
    KIOSK = "kiosk"
    DOMAIN = "domain"
    RESUME_PREPARATION = "resume_preparation"
    RESUME_DEPLOYMENT_DONE = "resume_deployment_done"
    RESUME_DOMAIN_SIGN_IN = "resume_domain_sign_in"
    RETRY_HARDWARE = "retry_hardware"
    RETRY_DEVICE_JOIN = "retry_device_join"
    RETRY_DEVICE_ENROLMENT = "retry_device_enrolment"
    RETRY_DOMAIN_JOIN = "retry_domain_join"
    RETRY_REGISTRATION = "retry_registration"
    LOCAL = "local"
    REMOTE = "remote"
    WIPED = "wiped"
    RETIRED = "retired"


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
    State.AT_TECHNICIAN_SUCCESS: "completed",
    State.TECHNICIAN_FAILED: "failed",
    State.RESEALED: "completed",
    State.READY_FOR_USER: "completed",
    State.KIOSK_SESSION: "completed",
    State.RESET_REFUSED: "failed",
    State.WIPED: "completed",
    State.RETIRED: "completed",
}
"""States in which an act ends, with the outcome each one means."""

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
    State.WHAT_TO_DO: "P2",
    State.PREPROVISIONING: "P3",
    State.SECURE_HARDWARE: "S1",
    State.DEVICE_JOIN: "S2",
    State.DEVICE_ENROLMENT: "S3",
    State.DEPLOYMENT_DONE: "S6",
    State.TECHNICIAN_SUCCESS: "P7",
    State.TECHNICIAN_FAILURE: "P7",
    State.RESEAL: "P8",
    State.DOMAIN_JOIN_PROFILE: "H3",
    State.DOMAIN_JOIN_BLOB: "H4",
    State.DOMAIN_CONTROLLER: "H6",
    State.DOMAIN_RESTART: "H7",
    State.DOMAIN_PRIVACY: "H10",
    State.DOMAIN_SIGN_IN: "H9",
    State.HYBRID_REGISTRATION: "H11",
    State.ENTRA_PROMPT: "H12",
    State.SIGN_OUT: "H14",
    State.RESET_ORDERED: "R1",
    State.LOCK_SCREEN: "R2",
    State.RESET_CREDENTIALS: "R2",
    State.RESET_CHECK: "R3",
    State.RESETTING: "R4",
    State.RESTORING: "R5",
    State.WINDOWS_SIGN_IN: "R7",
    State.RESEALED: "P8",
    State.AT_TECHNICIAN_SUCCESS: "P7",
    State.READY_FOR_USER: "S6",
    State.KIOSK_SESSION: "S6",
}

CHECKPOINTS: dict[State, str] = {
    State.DEVICE_PREPARATION: "device_preparation",
    State.DEVICE_SETUP: "device_setup",
    State.DEPLOYMENT_DONE: "deployment_done",
    State.FIRST_SIGN_IN: "first_sign_in",
    State.DOMAIN_PRIVACY: "domain_sign_in",
    State.DOMAIN_SIGN_IN: "domain_sign_in",
}
"""States that a device is put back to when the power went: what the disk then says it was doing (rule E-POWER)."""
