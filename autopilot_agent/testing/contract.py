"""The contract of a backend: what ``send`` may answer, what it may raise, and that a device notices no difference."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msgspec import structs

from autopilot_agent.backends.memory import MemoryBackend
from autopilot_agent.errors import CallFailed, ServiceFault, Unreachable
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.service import CALLS, Backend
from autopilot_agent.service.attestation import GetDeviceToken, RequestAikCertificate
from autopilot_agent.service.base import Answer, Call, answer_type
from autopilot_agent.service.entra import DiscoverRealm, GetBranding, GetTermsOfUse, SignIn
from autopilot_agent.service.ime import GetContentInfo, GetRequiredApps, GetScripts, GetSelectedApps, ReportAppResult
from autopilot_agent.service.management import ManagementMessage
from autopilot_agent.service.network import CloudAssignedProfile, ScanForUpdates
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing.samples import HOME, NOBODY, device_join_call, enrol_call, join_call, live, profile_call
from autopilot_agent.testing.small import PORTAL, SMALL, USER, USER_ID, small_scenario, small_state

MakeBackend = Callable[[TenantState], Backend]

_TENANT = SMALL["tenant"]
_NO_ASSIGNMENT = [{**_TENANT["windowsAutopilotDeploymentProfiles"][0], "assignments": []}]
_NO_LICENCE = [{**_TENANT["users"][0], "assignedLicenses": []}]

REFUSALS: tuple[tuple[str, dict[str, object], Call[Any], str], ...] = (
    ("the profile of a device that nobody registered", {"device.registered": False}, profile_call(), "807"),
    ("the profile of a serial number that nobody registered", {}, profile_call("5CG9999999"), "807"),
    (
        "the profile where none is assigned",
        {"tenant.windowsAutopilotDeploymentProfiles": _NO_ASSIGNMENT},
        profile_call(),
        "815",
    ),
    ("a profile that was deleted", {"cloud.profile_deleted": True}, profile_call(), "809"),
    ("the profile of changed hardware", {"cloud.registration_mismatch": True}, profile_call(), "908"),
    ("a wrong password", {}, SignIn(USER, "wrong"), "AADSTS50126"),
    ("an empty password", {}, SignIn(USER, ""), "AADSTS50126"),
    ("an unknown user", {}, SignIn("nobody@contoso.example", "right password"), "AADSTS50034"),
    ("a sign-in without the second factor", {"cloud.mfa": True}, SignIn(USER, "right password"), "AADSTS50076"),
    ("a denied second factor", {"cloud.mfa": True}, SignIn(USER, "right password", "denied"), "AADSTS500121"),
    ("terms of use that are broken", {"cloud.terms_of_use_broken": True}, GetTermsOfUse("", USER_ID), "0x80190194"),
    ("a join to another tenant", {}, join_call(tenant_id=NOBODY), "0x801C0013"),
    ("a join beyond the quota", {"cloud.joined_devices": 50}, join_call(), "0x801C000E"),
    ("an enrolment beyond the limit", {"cloud.enrolled_devices": 15}, enrol_call(), "0x80180013"),
    ("the enrolment of Windows Home", {}, enrol_call(edition=HOME), "0x80180022"),
    ("a second enrolment", {"cloud.device_already_enrolled": True}, enrol_call(), "0x8018000A"),
    ("an enrolment without a licence", {"tenant.users": _NO_LICENCE}, enrol_call(), "0x80180018"),
    ("an attestation key without a certificate of the TPM", {}, RequestAikCertificate("", "INTC", "600.18"), "0x80190190"),
    ("a token for a TPM in an older mode", {}, GetDeviceToken("ztd", "5CG0000001", "AIK", "1.2"), "0x801C03EA"),
    ("a token without an attestation", {}, GetDeviceToken("ztd", "5CG0000001", "", "2.0"), "0x801C03EA"),
    ("a join without anybody's token", {}, device_join_call("", ""), "0x801C0002"),
    ("a join without an attestation key", {}, device_join_call("token", ""), "0x801C0010"),
    ("pre-provisioning that the profile forbids", {}, enrol_call("", "ztd", user_id="", preprovisioning=True), "0x80180005"),
    ("management of an unknown enrolment", {}, ManagementMessage(NOBODY, 1, 1), "0x80190193"),
    ("the selected apps of an unknown enrolment", {}, GetSelectedApps(NOBODY, "device"), "0x80190193"),
    ("the required apps of an unknown enrolment", {}, GetRequiredApps(NOBODY), "0x80190193"),
    ("the scripts of an unknown enrolment", {}, GetScripts(NOBODY), "0x80190193"),
    ("a result of an unknown enrolment", {}, ReportAppResult(NOBODY, PORTAL, "installed", "0"), "0x80190193"),
    ("the content of an unknown app", {}, GetContentInfo(NOBODY, NOBODY), "0x87D30065"),
)
"""What is refused: in words, by which changes of the small tenant, the call, and the code that the device then shows."""

QUESTIONS: tuple[Call[Any], ...] = (
    profile_call(),
    GetBranding("contoso.example"),
    DiscoverRealm(USER),
    DiscoverRealm("somebody@fabrikam.example"),
    ScanForUpdates("critical"),
    GetContentInfo(NOBODY, PORTAL),
)
"""Calls that only ask: the same question twice has the same answer."""


def check_backend(make_backend: MakeBackend) -> None:
    """Check everything that a backend promises; ``make_backend(state)`` makes a fresh one over a tenant state.

    Raises ``AssertionError`` with a sentence about the first promise that is broken. The single checks are in ``CONTRACT``.
    """
    for check in CONTRACT:
        check(make_backend)


def every_call_is_answered(make_backend: MakeBackend) -> None:
    """Each call of a device's life gets its declared answer, and sessions end; ``AssertionError`` otherwise."""
    backend, clock = make_backend(small_state()), iter(range(0, 10_000_000, 250))
    asked: set[str] = set()

    def ask(call: Call[Any]) -> Answer:
        asked.add(type(call).__name__)
        return answered(backend, call, next(clock))

    live(ask)
    missing = sorted(set(CALLS) - asked)
    if missing:
        raise AssertionError(f"the kit itself never makes the call {', '.join(missing)}: add it to testing/samples.py")


def answers_are_those_of_the_tenant(make_backend: MakeBackend) -> None:
    """Each answer equals the memory backend's over an equal tenant state; ``AssertionError`` otherwise."""
    backend, reference = make_backend(small_state()), MemoryBackend(small_state())

    def ask(call: Call[Any]) -> Answer:
        answer, wanted = answered(backend, call, 60_000), reference.send(call, now=60_000)
        if not equal(answer, wanted):
            raise AssertionError(f"{type(call).__name__} is answered with {answer!r}, the tenant says {wanted!r}")
        return answer

    live(ask)


def refusals_have_their_codes(make_backend: MakeBackend) -> None:
    """What the tenant refuses is a ``ServiceFault`` with the documented code; ``AssertionError`` otherwise."""
    for what, changes, call, code in REFUSALS:
        backend = make_backend(small_state(changes))
        try:
            answer = backend.send(call, now=0)
        except ServiceFault as fault:
            if fault.code != code:
                raise AssertionError(f"{what} must be refused with {code}, not with {fault.code} ({fault.reason})") from fault
        except Exception as error:
            raise AssertionError(f"{what} must be a ServiceFault with {code}, not {type(error).__name__}: {error}") from error
        else:
            raise AssertionError(f"{what} must be refused with {code}, but {type(call).__name__} was answered with {answer!r}")


def questions_have_one_answer(make_backend: MakeBackend) -> None:
    """A question that changes nothing is answered the same way twice; ``AssertionError`` otherwise."""
    backend = make_backend(small_state())
    for call in QUESTIONS:
        first, second = answered(backend, call, 1_000), answered(backend, call, 1_000)
        if first != second:
            raise AssertionError(f"{type(call).__name__} asked twice is answered differently: {first!r}, then {second!r}")


def now_is_the_time_of_the_device(make_backend: MakeBackend) -> None:
    """``now``, in milliseconds since power-on, decides what time decides; ``AssertionError`` otherwise."""
    backend = make_backend(small_state({"cloud.profile_pending_until": "10m"}))
    early, late = answered(backend, profile_call(), 599_999), answered(backend, profile_call(), 600_000)
    if early != CloudAssignedProfile() or late == CloudAssignedProfile():
        raise AssertionError("the profile is assigned at minute 10 of the device's time, but the backend goes by another clock")


def a_device_sees_no_difference(make_backend: MakeBackend) -> None:
    """A whole user-driven deployment leaves the trace that it leaves over the memory backend; ``AssertionError`` otherwise."""
    wanted = run_scenario(small_scenario())
    found = run_scenario(small_scenario(), backend=make_backend)
    if found.result.problem:
        raise AssertionError(f"the deployment over this backend ended with: {found.result.problem}")
    if found.result.trace_hash == wanted.result.trace_hash:
        return
    for mine, theirs in zip(found.events, wanted.events, strict=False):
        if mine != theirs:
            raise AssertionError(f"the deployment takes another course: {mine!r} instead of {theirs!r}")
    raise AssertionError(f"the deployment has {len(found.events)} events instead of {len(wanted.events)}")


def equal(answer: Answer, wanted: Answer) -> bool:
    """Whether two answers say the same. A certificate that is really issued has a thumbprint of its own (40 digits)."""
    found = getattr(answer, "certificate_thumbprint", None)
    if found is None:
        return answer == wanted
    whole = re.fullmatch("[0-9A-F]{40}", found) is not None
    return whole and structs.replace(answer, certificate_thumbprint="") == structs.replace(wanted, certificate_thumbprint="")


CONTRACT: tuple[Callable[[MakeBackend], None], ...] = (
    every_call_is_answered,
    refusals_have_their_codes,
    questions_have_one_answer,
    now_is_the_time_of_the_device,
    answers_are_those_of_the_tenant,
    a_device_sees_no_difference,
)
"""The single checks, each with a name that is a sentence, for test frameworks that want one test for each."""


def answered(backend: Backend, call: Call[Any], now: int) -> Answer:
    """The answer to a call that must not be refused. Raises ``AssertionError`` for a refusal, a wrong type, or a defect."""
    name, wanted = type(call).__name__, answer_type(type(call))
    try:
        answer: object = backend.send(call, now=now)
    except CallFailed as failed:
        kind = "unreachable" if isinstance(failed, Unreachable) else "refused"
        raise AssertionError(f"{name} must be answered, but it is {kind}: {failed}") from failed
    except Exception as error:
        raise AssertionError(f"{name} lets {type(error).__name__} escape: {error} (only a CallFailed may)") from error
    if type(answer) is not wanted:
        raise AssertionError(f"{name} must be answered with {wanted.__name__}, not with {type(answer).__name__}")
    assert isinstance(answer, Answer)
    return answer
