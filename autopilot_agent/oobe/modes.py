"""The flow of each mode, built from pieces that the modes share."""

from __future__ import annotations

from functools import cache

from autopilot_agent.errors import InputError
from autopilot_agent.oobe.flow import Edge, Flow
from autopilot_agent.oobe.states import Outcome as O  # noqa: N817  one letter keeps the tables readable
from autopilot_agent.oobe.states import State as S  # noqa: N817  the same


def _edges(*rows: tuple[S, dict[O, S]]) -> tuple[Edge, ...]:
    return tuple(Edge(state, outcome, target) for state, outcomes in rows for outcome, target in outcomes.items())


PREFIX = _edges(
    (
        S.BOOT,
        {
            O.OK: S.LANGUAGE,
            O.TOO_MANY_RESTARTS: S.RECOVERY_OOBE,
            O.RESUME_PROFILE: S.CONNECTIVITY,
            O.RESUME_DEVICE_SETUP: S.DEVICE_SETUP,
            O.RESUME_FIRST_SIGN_IN: S.FIRST_SIGN_IN,
        },
    ),
    (S.LANGUAGE, {O.OK: S.REGION, O.SKIPPED: S.REGION}),
    (S.REGION, {O.OK: S.KEYBOARD, O.SKIPPED: S.KEYBOARD}),
    (S.KEYBOARD, {O.OK: S.NETWORK, O.SKIPPED: S.NETWORK}),
    (S.NETWORK, {O.OK: S.CONNECTIVITY, O.SKIPPED: S.CONNECTIVITY, O.STUCK: S.NO_NETWORK}),
    (S.CONNECTIVITY, {O.OK: S.PROFILE, O.FAILED: S.NETWORK}),
    (S.PROFILE, {O.OK: S.ACTIVATION, O.SKIPPED: S.ACTIVATION, O.RESUME_BRANCH: S.BRANCH}),
    (S.ACTIVATION, {O.OK: S.UPDATES, O.SKIPPED: S.UPDATES}),
    (S.UPDATES, {O.OK: S.RENAME, O.REBOOT: S.BOOT}),
    (S.RENAME, {O.OK: S.BRANCH, O.REBOOT: S.BOOT}),
)
"""C1 to C10: the same for every mode."""

JOIN_AND_ENROL = _edges(
    (S.EULA, {O.OK: S.NAME_DEVICE, O.SKIPPED: S.NAME_DEVICE, O.STUCK: S.AT_EULA}),
    (S.NAME_DEVICE, {O.SKIPPED: S.ACCOUNT_CHOICE, O.REBOOT: S.BOOT}),
    (S.ACCOUNT_CHOICE, {O.WORK: S.SIGN_IN, O.SKIPPED: S.SIGN_IN, O.PERSONAL: S.LOCAL_ACCOUNT}),
    (S.LOCAL_ACCOUNT, {O.OK: S.FIRST_SIGN_IN}),
    (S.SIGN_IN, {O.OK: S.AUTHENTICATE, O.FAILED: S.SOMETHING_WENT_WRONG, O.STUCK: S.AT_SIGN_IN, O.BACK: S.NETWORK}),
    (
        S.AUTHENTICATE,
        {O.OK: S.TENANT_MATCH, O.BACK: S.SIGN_IN, O.FAILED: S.SOMETHING_WENT_WRONG, O.STUCK: S.AT_SIGN_IN},
    ),
    (S.TENANT_MATCH, {O.OK: S.TERMS_OF_USE, O.MISMATCH: S.OTHER_ORGANIZATION}),
    (S.TERMS_OF_USE, {O.OK: S.ENTRA_JOIN, O.SKIPPED: S.ENTRA_JOIN, O.FAILED: S.SOMETHING_WENT_WRONG}),
    (S.ENTRA_JOIN, {O.OK: S.MDM_ENROLMENT, O.SKIPPED: S.MDM_ENROLMENT, O.FAILED: S.SOMETHING_WENT_WRONG}),
    (S.MDM_ENROLMENT, {O.OK: S.LOCAL_RIGHTS, O.NO_MDM: S.LOCAL_RIGHTS, O.FAILED: S.SOMETHING_WENT_WRONG}),
    (S.LOCAL_RIGHTS, {O.OK: S.DEVICE_PREPARATION}),
)
"""EULA, ordinary pages, then U1 to U7."""

ENROLLMENT_STATUS = _edges(
    (S.DEVICE_PREPARATION, {O.OK: S.DEVICE_SETUP, O.SKIPPED: S.DEVICE_SETUP, O.FAILED: S.ESP_ERROR}),
    (
        S.DEVICE_SETUP,
        {
            O.OK: S.QUALITY_UPDATES,
            O.SKIPPED: S.QUALITY_UPDATES,
            O.REBOOT: S.BOOT,
            O.FAILED: S.ESP_ERROR,
            O.LEFT_PAGE: S.QUALITY_UPDATES,
        },
    ),
    (S.QUALITY_UPDATES, {O.OK: S.FIRST_SIGN_IN, O.SKIPPED: S.FIRST_SIGN_IN, O.REBOOT: S.BOOT}),
    (S.FIRST_SIGN_IN, {O.OK: S.PRIVACY, O.STUCK: S.AT_LOGON}),
    (S.PRIVACY, {O.OK: S.ACCOUNT_SETUP, O.SKIPPED: S.ACCOUNT_SETUP}),
    (
        S.ACCOUNT_SETUP,
        {O.OK: S.HELLO, O.SKIPPED: S.HELLO, O.FAILED: S.ESP_ERROR, O.LEFT_PAGE: S.HELLO},
    ),
    (S.HELLO, {O.OK: S.DESKTOP, O.SKIPPED: S.DESKTOP, O.FAILED: S.DESKTOP}),
    (
        S.ESP_ERROR,
        {
            O.RETRY_PREPARATION: S.DEVICE_PREPARATION,
            O.RETRY_DEVICE_SETUP: S.DEVICE_SETUP,
            O.RETRY_ACCOUNT_SETUP: S.ACCOUNT_SETUP,
            O.CONTINUE_DEVICE: S.QUALITY_UPDATES,
            O.CONTINUE_ACCOUNT: S.HELLO,
            O.RESET: S.RESET_DEVICE,
            O.GIVE_UP: S.ESP_FAILED,
        },
    ),
    (S.RESET_DEVICE, {O.OK: S.BOOT}),
)
"""U8 to U16 and the error page of the ESP."""

ERROR_PAGES = _edges(
    (
        S.SOMETHING_WENT_WRONG,
        {
            O.RETRY_SIGN_IN: S.SIGN_IN,
            O.RETRY_TERMS_OF_USE: S.TERMS_OF_USE,
            O.RETRY_JOIN: S.ENTRA_JOIN,
            O.RETRY_ENROLMENT: S.MDM_ENROLMENT,
            O.NO_MDM: S.LOCAL_RIGHTS,
            O.REBOOT: S.BOOT,
            O.GIVE_UP: S.GAVE_UP,
        },
    ),
    (S.OTHER_ORGANIZATION, {O.RETRY_SIGN_IN: S.SIGN_IN, O.GIVE_UP: S.OTHER_ORGANIZATION_END}),
)
"""What OOBE shows before the ESP when a step failed."""

BODY = JOIN_AND_ENROL + ENROLLMENT_STATUS + ERROR_PAGES
USER_DRIVEN = PREFIX + _edges((S.BRANCH, {O.USER_DRIVEN: S.EULA, O.ORDINARY: S.EULA})) + BODY
"""With a profile the user-driven flow; without one the same device ends up in ordinary OOBE."""
ORDINARY = PREFIX + _edges((S.BRANCH, {O.ORDINARY: S.EULA})) + BODY
"""No profile can arrive: nobody registered the device."""


@cache
def _flows() -> dict[str, Flow]:
    return {
        "user-driven": Flow("user-driven", S.BOOT, USER_DRIVEN),
        "ordinary-oobe": Flow("ordinary-oobe", S.BOOT, ORDINARY),
    }


def mode_names() -> tuple[str, ...]:
    """Every mode that can be played."""
    return tuple(_flows())


def flow_for(mode: str) -> Flow:
    """The flow of a mode; ``InputError`` lists the modes when there is none of that name."""
    found = _flows().get(mode)
    if found is None:
        raise InputError(f"unknown mode {mode!r}: choose one of {', '.join(_flows())}")
    return found
