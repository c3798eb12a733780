"""The flow of each mode. There is one table of everything that can happen; a mode is that table less what cannot come in it.

A mode leaves out outcomes; edges and states that nothing reaches any more fall away with them.
"""

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
            O.RESUME_PREPARATION: S.DEVICE_PREPARATION,
            O.RESUME_DEVICE_SETUP: S.DEVICE_SETUP,
            O.RESUME_FIRST_SIGN_IN: S.FIRST_SIGN_IN,
            O.RESUME_DEPLOYMENT_DONE: S.DEPLOYMENT_DONE,
            O.RESUME_DOMAIN_SIGN_IN: S.DOMAIN_PRIVACY,
        },
    ),
    (S.LANGUAGE, {O.OK: S.REGION, O.SKIPPED: S.REGION, O.WINDOWS_KEY: S.WHAT_TO_DO}),
    (S.REGION, {O.OK: S.KEYBOARD, O.SKIPPED: S.KEYBOARD, O.WINDOWS_KEY: S.WHAT_TO_DO}),
    (S.KEYBOARD, {O.OK: S.NETWORK, O.SKIPPED: S.NETWORK, O.WINDOWS_KEY: S.WHAT_TO_DO}),
    (S.NETWORK, {O.OK: S.CONNECTIVITY, O.SKIPPED: S.CONNECTIVITY, O.STUCK: S.NO_NETWORK}),
    (S.CONNECTIVITY, {O.OK: S.PROFILE, O.FAILED: S.NETWORK}),
    (S.PROFILE, {O.OK: S.ACTIVATION, O.RESUME_BRANCH: S.BRANCH}),
    (S.ACTIVATION, {O.OK: S.UPDATES, O.SKIPPED: S.UPDATES}),
    (S.UPDATES, {O.OK: S.RENAME, O.REBOOT: S.BOOT}),
    (S.RENAME, {O.OK: S.BRANCH, O.REBOOT: S.BOOT}),
    (
        S.BRANCH,
        {
            O.USER_DRIVEN: S.EULA,
            O.HYBRID: S.EULA,
            O.HYBRID_USER: S.DOMAIN_CONTROLLER,
            O.SELF_DEPLOYING: S.SECURE_HARDWARE,
            O.TECHNICIAN: S.SECURE_HARDWARE,
            O.ORDINARY: S.EULA,
        },
    ),
)
"""C1 to C11: the same for every mode up to the branch."""

PRE_PROVISIONING = _edges(
    (S.WHAT_TO_DO, {O.OK: S.PREPROVISIONING, O.BACK: S.LANGUAGE, O.STUCK: S.TECHNICIAN_FAILED}),
    (S.PREPROVISIONING, {O.OK: S.ACTIVATION, O.BACK: S.LANGUAGE, O.STUCK: S.TECHNICIAN_FAILED}),
    (S.TECHNICIAN_SUCCESS, {O.OK: S.RESEAL, O.STUCK: S.AT_TECHNICIAN_SUCCESS}),
    (S.RESEAL, {O.OK: S.RESEALED}),
    (
        S.TECHNICIAN_FAILURE,
        {
            O.RETRY_HARDWARE: S.SECURE_HARDWARE,
            O.RETRY_DEVICE_JOIN: S.DEVICE_JOIN,
            O.RETRY_DEVICE_ENROLMENT: S.DEVICE_ENROLMENT,
            O.RETRY_DOMAIN_JOIN: S.DOMAIN_JOIN_PROFILE,
            O.RETRY_PREPARATION: S.DEVICE_PREPARATION,
            O.RETRY_DEVICE_SETUP: S.DEVICE_SETUP,
            O.RESET: S.RESET_DEVICE,
            O.GIVE_UP: S.TECHNICIAN_FAILED,
        },
    ),
)
"""P1 to P3, P7 and P8: the technician's own pages."""

DEVICE_AUTHENTICATION = _edges(
    (S.SECURE_HARDWARE, {O.OK: S.DEVICE_JOIN, O.FAILED: S.ESP_ERROR, O.TECHNICIAN_FAILED: S.TECHNICIAN_FAILURE}),
    (
        S.DEVICE_JOIN,
        {
            O.OK: S.DEVICE_ENROLMENT,
            O.SKIPPED: S.DEVICE_ENROLMENT,
            O.FAILED: S.ESP_ERROR,
            O.TECHNICIAN_FAILED: S.TECHNICIAN_FAILURE,
        },
    ),
    (
        S.DEVICE_ENROLMENT,
        {
            O.OK: S.DEVICE_PREPARATION,
            O.SKIPPED: S.DEVICE_PREPARATION,
            O.HYBRID: S.DOMAIN_JOIN_PROFILE,
            O.FAILED: S.ESP_ERROR,
            O.TECHNICIAN_FAILED: S.TECHNICIAN_FAILURE,
        },
    ),
    (S.DEPLOYMENT_DONE, {O.OK: S.READY_FOR_USER, O.KIOSK: S.KIOSK_SESSION, O.STUCK: S.AT_LOGON}),
)
"""S1 to S3 (also the start of P5), and S6."""

DOMAIN_JOIN = _edges(
    (
        S.DOMAIN_JOIN_PROFILE,
        {
            O.OK: S.DOMAIN_JOIN_BLOB,
            O.SKIPPED: S.DOMAIN_CONTROLLER,
            O.TECHNICIAN: S.DEVICE_PREPARATION,
            O.FAILED: S.SOMETHING_WENT_WRONG,
            O.TECHNICIAN_FAILED: S.TECHNICIAN_FAILURE,
        },
    ),
    (
        S.DOMAIN_JOIN_BLOB,
        {
            O.OK: S.DOMAIN_CONTROLLER,
            O.TECHNICIAN: S.DEVICE_PREPARATION,
            O.FAILED: S.SOMETHING_WENT_WRONG,
            O.TECHNICIAN_FAILED: S.TECHNICIAN_FAILURE,
        },
    ),
    (S.DOMAIN_CONTROLLER, {O.OK: S.DOMAIN_RESTART, O.SKIPPED: S.DOMAIN_RESTART, O.FAILED: S.SOMETHING_WENT_WRONG}),
    (S.DOMAIN_RESTART, {O.REBOOT: S.BOOT}),
    (S.DOMAIN_PRIVACY, {O.OK: S.DOMAIN_SIGN_IN, O.SKIPPED: S.DOMAIN_SIGN_IN}),
    (S.DOMAIN_SIGN_IN, {O.OK: S.HYBRID_REGISTRATION, O.STUCK: S.AT_LOGON}),
    (S.HYBRID_REGISTRATION, {O.OK: S.ENTRA_PROMPT, O.SKIPPED: S.ENTRA_PROMPT, O.FAILED: S.ESP_ERROR}),
    (S.ENTRA_PROMPT, {O.OK: S.ACCOUNT_SETUP, O.SKIPPED: S.ACCOUNT_SETUP}),
    (S.SIGN_OUT, {O.OK: S.HELLO, O.STUCK: S.AT_LOGON}),
)
"""H3 to H7, and H9 to H14 around Account setup."""

JOIN_AND_ENROL = _edges(
    (S.EULA, {O.OK: S.NAME_DEVICE, O.SKIPPED: S.NAME_DEVICE, O.STUCK: S.AT_EULA, O.WINDOWS_KEY: S.WHAT_TO_DO}),
    (S.NAME_DEVICE, {O.SKIPPED: S.ACCOUNT_CHOICE, O.REBOOT: S.BOOT}),
    (S.ACCOUNT_CHOICE, {O.WORK: S.SIGN_IN, O.SKIPPED: S.SIGN_IN, O.PERSONAL: S.LOCAL_ACCOUNT}),
    (S.LOCAL_ACCOUNT, {O.OK: S.FIRST_SIGN_IN}),
    (
        S.SIGN_IN,
        {
            O.OK: S.AUTHENTICATE,
            O.FAILED: S.SOMETHING_WENT_WRONG,
            O.STUCK: S.AT_SIGN_IN,
            O.BACK: S.NETWORK,
            O.WINDOWS_KEY: S.WHAT_TO_DO,
        },
    ),
    (
        S.AUTHENTICATE,
        {O.OK: S.TENANT_MATCH, O.BACK: S.SIGN_IN, O.FAILED: S.SOMETHING_WENT_WRONG, O.STUCK: S.AT_SIGN_IN},
    ),
    (S.TENANT_MATCH, {O.OK: S.TERMS_OF_USE, O.MISMATCH: S.OTHER_ORGANIZATION}),
    (S.TERMS_OF_USE, {O.OK: S.ENTRA_JOIN, O.SKIPPED: S.ENTRA_JOIN, O.FAILED: S.SOMETHING_WENT_WRONG}),
    (S.ENTRA_JOIN, {O.OK: S.MDM_ENROLMENT, O.SKIPPED: S.MDM_ENROLMENT, O.FAILED: S.SOMETHING_WENT_WRONG}),
    (
        S.MDM_ENROLMENT,
        {
            O.OK: S.LOCAL_RIGHTS,
            O.SKIPPED: S.LOCAL_RIGHTS,
            O.NO_MDM: S.LOCAL_RIGHTS,
            O.HYBRID: S.DOMAIN_JOIN_PROFILE,
            O.FAILED: S.SOMETHING_WENT_WRONG,
        },
    ),
    (S.LOCAL_RIGHTS, {O.OK: S.DEVICE_PREPARATION}),
)
"""EULA, ordinary pages, then U1 to U7 (H1 and H2 are the same steps)."""

ENROLLMENT_STATUS = _edges(
    (
        S.DEVICE_PREPARATION,
        {O.OK: S.DEVICE_SETUP, O.SKIPPED: S.DEVICE_SETUP, O.FAILED: S.ESP_ERROR, O.TECHNICIAN_FAILED: S.TECHNICIAN_FAILURE},
    ),
    (
        S.DEVICE_SETUP,
        {
            O.OK: S.QUALITY_UPDATES,
            O.SKIPPED: S.QUALITY_UPDATES,
            O.REBOOT: S.BOOT,
            O.FAILED: S.ESP_ERROR,
            O.LEFT_PAGE: S.QUALITY_UPDATES,
            O.TECHNICIAN_DONE: S.TECHNICIAN_SUCCESS,
            O.TECHNICIAN_FAILED: S.TECHNICIAN_FAILURE,
        },
    ),
    (
        S.QUALITY_UPDATES,
        {
            O.OK: S.FIRST_SIGN_IN,
            O.SKIPPED: S.FIRST_SIGN_IN,
            O.REBOOT: S.BOOT,
            O.USERLESS: S.DEPLOYMENT_DONE,
            O.DOMAIN: S.DOMAIN_PRIVACY,
        },
    ),
    (S.FIRST_SIGN_IN, {O.OK: S.PRIVACY, O.STUCK: S.AT_LOGON}),
    (S.PRIVACY, {O.OK: S.ACCOUNT_SETUP, O.SKIPPED: S.ACCOUNT_SETUP}),
    (
        S.ACCOUNT_SETUP,
        {O.OK: S.HELLO, O.SKIPPED: S.HELLO, O.FAILED: S.ESP_ERROR, O.LEFT_PAGE: S.HELLO, O.DOMAIN: S.SIGN_OUT},
    ),
    (S.HELLO, {O.OK: S.DESKTOP, O.SKIPPED: S.DESKTOP, O.FAILED: S.DESKTOP, O.REBOOT: S.BOOT}),
    (
        S.ESP_ERROR,
        {
            O.RETRY_HARDWARE: S.SECURE_HARDWARE,
            O.RETRY_DEVICE_JOIN: S.DEVICE_JOIN,
            O.RETRY_DEVICE_ENROLMENT: S.DEVICE_ENROLMENT,
            O.RETRY_PREPARATION: S.DEVICE_PREPARATION,
            O.RETRY_DEVICE_SETUP: S.DEVICE_SETUP,
            O.RETRY_REGISTRATION: S.HYBRID_REGISTRATION,
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
            O.RETRY_DOMAIN_JOIN: S.DOMAIN_JOIN_PROFILE,
            O.NO_MDM: S.LOCAL_RIGHTS,
            O.REBOOT: S.BOOT,
            O.GIVE_UP: S.GAVE_UP,
        },
    ),
    (S.OTHER_ORGANIZATION, {O.RETRY_SIGN_IN: S.SIGN_IN, O.GIVE_UP: S.OTHER_ORGANIZATION_END}),
)
"""What OOBE shows before the ESP when a step failed."""

RESET = _edges(
    (S.RESET_ORDERED, {O.LOCAL: S.LOCK_SCREEN, O.REMOTE: S.RESET_CHECK, O.FAILED: S.RESET_REFUSED}),
    (S.LOCK_SCREEN, {O.OK: S.RESET_CREDENTIALS, O.FAILED: S.RESET_REFUSED}),
    (S.RESET_CREDENTIALS, {O.OK: S.RESET_CHECK, O.FAILED: S.RESET_REFUSED}),
    (S.RESET_CHECK, {O.OK: S.RESETTING, O.FAILED: S.RESET_REFUSED}),
    (S.RESETTING, {O.OK: S.RESTORING, O.WIPED: S.WIPED, O.RETIRED: S.RETIRED}),
    (S.RESTORING, {O.OK: S.READY_FOR_USER, O.STUCK: S.AT_LOGON}),
)
"""R1 to R6; a wipe and a retirement take the same way as far as they can."""

LATER_SIGN_IN = _edges(
    (S.WINDOWS_SIGN_IN, {O.OK: S.PRIVACY, O.DOMAIN: S.DOMAIN_PRIVACY, O.STUCK: S.AT_LOGON}),
)
"""S7 and R7: somebody signs in to Windows after OOBE is over."""

EVERYTHING = PREFIX + PRE_PROVISIONING + DEVICE_AUTHENTICATION + JOIN_AND_ENROL + DOMAIN_JOIN + ENROLLMENT_STATUS + ERROR_PAGES

_PRE_PROVISIONED = frozenset((O.WINDOWS_KEY, O.TECHNICIAN, O.TECHNICIAN_DONE, O.TECHNICIAN_FAILED, O.HYBRID_USER))
_WITHOUT_USER = frozenset((O.SELF_DEPLOYING, O.USERLESS, O.KIOSK, O.RESUME_DEPLOYMENT_DONE))
_BY_DEVICE = frozenset((O.RETRY_HARDWARE, O.RETRY_DEVICE_JOIN, O.RETRY_DEVICE_ENROLMENT))
_HYBRID = frozenset((O.HYBRID, O.DOMAIN, O.RETRY_DOMAIN_JOIN, O.RETRY_REGISTRATION, O.RESUME_DOMAIN_SIGN_IN))
_DEVICE_PHASE = frozenset((O.RETRY_PREPARATION, O.RETRY_DEVICE_SETUP, O.CONTINUE_DEVICE, O.RESET))

LEFT_OUT: dict[str, frozenset[O]] = {
    "user-driven": _PRE_PROVISIONED | _WITHOUT_USER | _BY_DEVICE | _HYBRID,
    "ordinary-oobe": _PRE_PROVISIONED | _WITHOUT_USER | _BY_DEVICE | _HYBRID | {O.USER_DRIVEN},
    "hybrid": _PRE_PROVISIONED | _WITHOUT_USER | _BY_DEVICE | {O.USER_DRIVEN},
    "self-deploying": _PRE_PROVISIONED | _HYBRID | {O.USER_DRIVEN},
    "pre-provisioned": _WITHOUT_USER,
    "existing-device": _PRE_PROVISIONED | _WITHOUT_USER | _BY_DEVICE,
    "lifecycle": frozenset(),
}
"""Outcomes that cannot come in a mode. In each of them a device without a profile ends up in ordinary OOBE; ``lifecycle``
takes whatever the profile says."""


def _less(edges: tuple[Edge, ...], start: S, left_out: frozenset[O]) -> tuple[Edge, ...]:
    """The edges that are left without these outcomes and can still be reached from ``start``."""
    kept = [edge for edge in edges if edge.outcome not in left_out]
    reached, grown = {start}, True
    while grown:
        grown = False
        for edge in kept:
            if edge.state in reached and edge.target not in reached:
                reached.add(edge.target)
                grown = True
    return tuple(edge for edge in kept if edge.state in reached)


LATER = LATER_SIGN_IN + DOMAIN_JOIN + ENROLLMENT_STATUS
WAYS: dict[str, tuple[S, tuple[Edge, ...], frozenset[O]]] = {
    **{mode: (S.BOOT, EVERYTHING, left_out) for mode, left_out in LEFT_OUT.items()},
    "reset": (S.RESET_ORDERED, RESET, frozenset()),
    "sign-in": (S.WINDOWS_SIGN_IN, LATER, _DEVICE_PHASE | _BY_DEVICE | _PRE_PROVISIONED | {O.REBOOT}),
}
"""Each flow: where it starts, the table it is cut from, and the outcomes that it leaves out."""


@cache
def flow_for(name: str) -> Flow:
    """The flow of a mode, of ``reset`` or of ``sign-in``; ``InputError`` lists them when there is none of that name."""
    if name not in WAYS:
        raise InputError(f"unknown mode {name!r}: choose one of {', '.join(WAYS)}")
    start, edges, left_out = WAYS[name]
    return Flow(name, start, _less(edges, start, left_out))


def mode_names() -> tuple[str, ...]:
    """Every mode that a scenario can name."""
    return tuple(LEFT_OUT)


def flow_names() -> tuple[str, ...]:
    """Every flow that can be shown: the modes, the resets, and a later sign-in to Windows."""
    return tuple(WAYS)
