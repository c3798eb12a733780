"""The life of one device as calls: every type of call once or more, in the order in which a device makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from autopilot_agent.device.domain_blob import DomainBlob, unpack
from autopilot_agent.service.attestation import (
    AnswerAikChallenge,
    FetchAmdEkCertificate,
    FetchIntelEkCertificate,
    FetchQualcommEkCertificate,
    GetDeviceToken,
    RequestAikCertificate,
)
from autopilot_agent.service.base import Answer, Call
from autopilot_agent.service.content import (
    DownloadConfigMgrClient,
    DownloadContent,
    DownloadMsi,
    DownloadOffice,
    IssueCertificate,
)
from autopilot_agent.service.domain import (
    ConnectVpn,
    FindDomainController,
    GetUserToken,
    LogOnToDomain,
    ReadConnectionPoint,
    RegisterHybridDevice,
    WriteUserCertificate,
)
from autopilot_agent.service.enrolment import DiscoverEnrolment, EnrollMdm
from autopilot_agent.service.entra import (
    DiscoverRealm,
    EscrowRecoveryKey,
    GetBranding,
    GetTermsOfUse,
    JoinDevice,
    LeaveDirectory,
    RegisterHelloKey,
    SignIn,
)
from autopilot_agent.service.ime import GetContentInfo, GetRequiredApps, GetScripts, GetSelectedApps, ReportAppResult
from autopilot_agent.service.management import DOMAIN_JOIN_ALERT, Alert, Command, Commands, ManagementMessage, Status
from autopilot_agent.service.network import (
    Activate,
    DownloadProfile,
    GetDeviceTicket,
    ProbeConnectivity,
    ScanForUpdates,
    SynchronizeTime,
    UploadDiagnostics,
)
from autopilot_agent.service.uris import DOMAIN_JOIN_BLOB
from autopilot_agent.testing.small import PORTAL, TENANT_ID, USER, USER_ID

A = TypeVar("A", bound=Answer)

SERIAL, BUILD, PRO, HOME = "5CG0000001", "10.0.26100.4349", 48, 101
NOBODY = "ffffffff-ffff-4fff-8fff-ffffffffffff"
"""An enrolment, app or user that no tenant knows."""
MOST_MESSAGES = 60
"""Message pairs after which a session counts as endless."""


def profile_call(serial_number: str = SERIAL) -> DownloadProfile:
    """What the kit's device asks the Autopilot service."""
    return DownloadProfile("aGFzaA==", serial_number, "", "Contoso", "Notebook 14", BUILD, PRO)


def join_call(user_id: str = USER_ID, tenant_id: str = TENANT_ID, registration_id: str = "") -> JoinDevice:
    """An Entra join by the kit's user."""
    return JoinDevice(user_id, tenant_id, "DESKTOP-0000001", BUILD, registration_id)


def enrol_call(
    device_id: str = NOBODY,
    registration_id: str = "",
    *,
    edition: int = PRO,
    user_id: str = USER_ID,
    domain_join: bool = False,
    preprovisioning: bool = False,
) -> EnrollMdm:
    """An automatic enrolment by the kit's user in OOBE, or without one."""
    return EnrollMdm(
        user_id, USER if user_id else "", device_id, "DESKTOP-0000001", registration_id, edition, BUILD, SERIAL, "Contoso",
        "Notebook 14", "aGFzaA==", oobe=True, preprovisioning=preprovisioning, domain_join=domain_join,
    )  # fmt: skip


def live(ask: Callable[[Call[Any]], Any]) -> None:
    """Make every call of a device's life through ``ask``, which answers like a backend. Ends when the last one is answered.

    Raises ``AssertionError`` when a management session does not end, or repeats an id of a command.
    """
    ask(ProbeConnectivity())
    ask(SynchronizeTime())
    ask(GetDeviceTicket("aGFzaA=="))
    profile = ask(profile_call())
    ask(Activate())
    for kind in ("critical", "autopilot", "quality"):
        ask(ScanForUpdates(kind))
    ask(GetBranding(profile.cloud_assigned_tenant_domain))
    ask(DiscoverRealm(USER))
    token = ask(SignIn(USER, "right password"))
    ask(GetTermsOfUse(token.mdm_terms_of_use_url, token.user_id))
    joined = ask(join_call(token.user_id, token.tenant_id, profile.ztd_registration_id))
    ask(DiscoverEnrolment(USER, token.mdm_discovery_url))
    enrolled = ask(enrol_call(joined.device_id, profile.ztd_registration_id))
    enrolment = enrolled.enrolment_id
    seen: set[int] = set()
    for number, user_id in enumerate(("", "", token.user_id, token.user_id), 1):
        session(ask, enrolment, number, user_id, seen)
    ask(GetRequiredApps(enrolment))
    for phase in ("device", "account"):
        ask(GetSelectedApps(enrolment, phase, token.user_id if phase == "account" else ""))
    ask(GetScripts(enrolment))
    ask(GetContentInfo(enrolment, PORTAL))
    ask(DownloadContent(PORTAL, 1_000))
    ask(ReportAppResult(enrolment, PORTAL, "installed", "0"))
    ask(DownloadMsi("https://cdn.contoso.example/package.msi"))
    ask(DownloadOffice("O365ProPlusRetail"))
    ask(DownloadConfigMgrClient())
    ask(IssueCertificate("https://ndes.contoso.example/certsrv/mscep/mscep.dll", "ModelName=1"))
    live_without_user(ask, profile.ztd_registration_id)
    ask(RegisterHelloKey(token.user_id, joined.device_id))
    ask(EscrowRecoveryKey(joined.device_id, "C:"))
    ask(UploadDiagnostics())
    _join_domain(ask, ask(enrol_call(registration_id=profile.ztd_registration_id, domain_join=True)).enrolment_id)


def _join_domain(ask: Callable[[Call[Any]], Any], enrolment: str) -> None:
    """The way of a hybrid device from its enrolment to a token of its user."""
    blob: DomainBlob | None = None
    for number in (1, 2):
        for command in session(ask, enrolment, number, "", set(), (DOMAIN_JOIN_ALERT,)):
            if command.uri == DOMAIN_JOIN_BLOB:
                blob = unpack(command.value)
    if blob is None:
        raise AssertionError("the second session with the OdjSync alert brings no domain join blob that can be read")
    ask(FindDomainController(blob.domain))
    ask(ReadConnectionPoint(blob.domain))
    computer = ask(WriteUserCertificate(blob.domain, blob.computer_name))
    ask(RegisterHybridDevice(computer.object_guid, blob.computer_name, blob.domain, BUILD))
    ask(ConnectVpn("VPN"))
    ask(LogOnToDomain(blob.domain, blob.computer_name, USER, "right password"))
    ask(GetUserToken(USER, computer.object_guid))


def live_without_user(ask: Callable[[Call[Any]], Any], registration_id: str) -> None:
    """What a device asks that proves itself with its TPM: certificates, its own token, join, enrolment, and leaving again."""
    certificate = ""
    for kind in (FetchIntelEkCertificate, FetchQualcommEkCertificate, FetchAmdEkCertificate):
        certificate = ask(kind("INTC 5CG0000001")).certificate
    challenge = ask(RequestAikCertificate(certificate, "INTC", "600.18"))
    aik = ask(AnswerAikChallenge(challenge.credential.replace("credential for", "secret of"))).certificate
    token = ask(GetDeviceToken(registration_id, SERIAL, aik, "2.0"))
    joined = ask(device_join_call(token.token, aik, token.tenant_id, registration_id))
    ask(enrol_call(joined.device_id, registration_id, user_id=""))
    ask(LeaveDirectory(joined.device_id))


def device_join_call(token: str, aik: str, tenant_id: str = TENANT_ID, registration_id: str = "") -> JoinDevice:
    """An Entra join by the device itself."""
    return JoinDevice("", tenant_id, "DESKTOP-0000001", BUILD, registration_id, False, token, aik)


def session(
    ask: Callable[[Call[Any]], Any], enrolment: str, number: int, user_id: str, seen: set[int], more: tuple[Alert, ...] = ()
) -> list[Command]:
    """One OMA-DM session of a device that does everything it is told, and what that was; a Get finds nothing (404)."""
    alerts: tuple[Alert, ...] = (Alert(1201), *more)
    told: list[Command] = []
    statuses: tuple[Status, ...] = ()
    for message in range(1, MOST_MESSAGES + 1):
        answer: Commands = ask(ManagementMessage(enrolment, number, message, alerts, (), statuses, user_id))
        if not answer.commands:
            return told
        told += answer.commands
        for command in answer.commands:
            _check_command(command, seen)
        statuses = tuple(Status(command.id, 404 if command.verb == "Get" else 200) for command in answer.commands)
        alerts = ()
    raise AssertionError(f"session {number} has not ended after {MOST_MESSAGES} messages: the server has no last command")


def _check_command(command: Command, seen: set[int]) -> None:
    if command.id in seen:
        raise AssertionError(f"the id {command.id} of {command.verb} {command.uri} was given to an earlier command")
    seen.add(command.id)
    if command.verb not in ("Add", "Replace", "Delete", "Exec", "Get", "Atomic"):
        raise AssertionError(f"{command.verb!r} on {command.uri} is not a verb of OMA-DM")
    if command.verb == "Atomic":
        for child in command.children:
            _check_command(child, seen)
    elif not command.uri.startswith("./"):
        raise AssertionError(f"{command.uri!r} of a {command.verb} is not a LocURI: it must begin with './'")
