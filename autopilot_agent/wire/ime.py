"""The Intune Management Extension as a client (protocols.md 15): where its gateway is, and one session for each question.

Assumptions: the phase of the status page travels in ``CheckinReasonPayload`` as ``{"EspPhase": 1}`` (1 device, 2 account); a
session without one is for the account phase where a user's token came along. Results have no known form: they are a list of
objects with ``ApplicationId``, ``EnforcementState``, ``ErrorCode`` and ``Result``. The names of the headers for the account and
the device are as other clients are seen to send them.
"""

from __future__ import annotations

import base64
from collections.abc import Generator
from typing import Any
from urllib.parse import urlsplit

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.base import Done
from autopilot_agent.service.ime import (
    Apps,
    ContentInfo,
    GetContentInfo,
    GetRequiredApps,
    GetScripts,
    GetSelectedApps,
    ReportAppResult,
    Scripts,
)
from autopilot_agent.wire import clients, ime_apps, members, packages
from autopilot_agent.wire.authority import der
from autopilot_agent.wire.http import Flow, Flows, Request, Response, refused
from autopilot_agent.wire.wallet import Wallet

HOST = "manage.microsoft.com"
ADDRESSES = "/RestUserAuthLocationService/RestUserAuthLocationService/Certificate/ServiceAddresses"
GATEWAY = "/TrafficGateway/TrafficRoutingService/SideCar/StatelessSideCarGatewayService"
SERVICE, PLACE = "SideCarGatewayService", "ime"
RESOURCE = "https://manage.microsoft.com/"
NO_CONTENT_INFO = "0x87D30065"
"""The content information was not received (diagnostics 3.6)."""
STATES = {"installed": 1000, "pendingReboot": 1003, "inProgress": 2000, "notApplicable": 3000, "failed": 5000}
"""EnforcementState of each state; of a thousand only the first is known (protocols.md 15.5)."""
NOTHING = ("ResponseContentType", "ResponsePayload", "EnabledFlights", "CheckinIntervalMinutes")
WORKLOADS = ("GenericWorkloadRequests", "GenericWorkloadResponse")


def selected(call: GetSelectedApps, wallet: Wallet) -> Flow[Apps]:
    """The apps of an ESP phase."""
    reason = members.encode({"EspPhase": ime_apps.PHASES.get(call.phase, 0)})
    answer = yield from _session(wallet, "GetSelectedApp", "[]", call.user_id, reason)
    return _remembered(ime_apps.decode_apps(ime_apps.unpack(members.text(answer, "ResponsePayload"))), wallet)


def required(call: GetRequiredApps, wallet: Wallet) -> Flow[Apps]:
    """All required apps."""
    answer = yield from _session(wallet, "RequestApplication", "[]", call.user_id)
    return _remembered(ime_apps.decode_apps(ime_apps.unpack(members.text(answer, "ResponsePayload"))), wallet)


def scripts(call: GetScripts, wallet: Wallet) -> Flow[Scripts]:
    """Platform scripts."""
    answer = yield from _session(wallet, "PolicyRequest", "[]", call.user_id)
    payload = members.text(answer, "ResponsePayload")
    return ime_apps.decode_scripts(members.decode(payload) if payload else [])


def content_info(call: GetContentInfo, wallet: Wallet) -> Flow[ContentInfo]:
    """Where a package is; its keys stay in the wallet until it is downloaded."""
    known = wallet.packages.get(call.app_id) or packages.Package()
    certificate = base64.b64encode(der(wallet.mdm.certificate)).decode() if wallet.mdm is not None else None
    wanted = {
        "ApplicationId": call.app_id,
        "ApplicationVersion": known.version,
        "Intent": ime_apps.REQUIRED,
        "CertificateBlob": certificate,
        **dict.fromkeys(("ContentInfo", "SecondaryContentInfo", "DecryptInfo", "UploadLocation", "ErrorCode")),
        "AssignmentFilterIds": None,
        "TargetingMethod": 0,
        "TargetType": ime_apps.TARGETS["device"],
        "InstallContext": ime_apps.CONTEXTS["system"],
        "EspPhase": ime_apps.PHASES["account"],
        "ApplicationName": known.name,
        "ManagedInstallerStatus": 1,
        "ApplicationEnforcement": 0,
    }
    answer = yield from _session(wallet, "GetContentInfo", members.encode(wanted), "")
    told = members.an_object(members.embedded(answer, "ResponsePayload"))
    code = code_in(told)
    if code:
        raise ServiceFault(code, "the gateway has no content of this app")
    url = members.text(members.an_object(members.embedded(told, "ContentInfo")), "UploadLocation")
    if not url:
        raise ServiceFault(NO_CONTENT_INFO, "the gateway does not say where the content is")
    keys = packages.open_envelope(members.text(told, "DecryptInfo"), wallet.mdm)
    wallet.packages[call.app_id] = packages.Package(known.name, known.version, url, keys)
    return ContentInfo(url, 0)


def report(call: ReportAppResult, wallet: Wallet) -> Flow[Done]:
    """The result of one app."""
    told = {
        "ApplicationId": call.app_id,
        "EnforcementState": STATES.get(call.state, 5000),
        "ErrorCode": call.code,
        "Result": call.state,
    }
    yield from _session(wallet, "Win32AppResult", members.encode([told]), "")
    return Done()


def _remembered(apps: Apps, wallet: Wallet) -> Apps:
    """Keep names and versions: the question for the content names them."""
    for app in apps.apps + apps.others:
        known = wallet.packages.setdefault(app.id, packages.Package())
        known.name, known.version = app.name, app.version
    return apps


def _session(
    wallet: Wallet, operation: str, payload: str, user_id: str, reason: str | None = None
) -> Generator[Request, Response, dict[str, Any]]:
    """One question; the object of the answer. Asks first where the gateway is, if that is not known yet."""
    if PLACE not in wallet.places:
        found = yield Request("GET", f"https://{HOST}{ADDRESSES}", {"accept": "application/json"}, certificate="mdm")
        if not found.good:
            raise refused(found)
        wallet.places[PLACE] = _gateway(members.decode(found.body))
    key = wallet.new_guid("gateway session")
    headers = {"content-type": "application/json", "prefer": "return-content", "client-request-id": key}
    headers["deviceid"] = wallet.account.get("DeviceID", "")
    token = (yield from clients.user_token(wallet, user_id, RESOURCE)) if user_id else ""
    if token:
        headers["authorization"], headers["accountid"] = f"Bearer {token}", user_id
    body = {
        "Key": key,
        "SessionId": key,
        "RequestContentType": operation,
        "RequestPayload": payload,
        **dict.fromkeys(NOTHING + WORKLOADS),
        "ClientInfo": members.encode(_client_info(wallet)),
        "CheckinReason": "ESP",
        "CheckinReasonPayload": reason,
    }
    url = f"{wallet.places[PLACE]}/SideCarGatewaySessions('{key}')?api-version=1.5"
    response = yield Request("PUT", url, headers, members.encode(body).encode(), "mdm")
    if not response.good:
        if response.status in (404, 410):
            del wallet.places[PLACE]  # it has moved: the next question looks for it anew
        raise refused(response)
    return members.an_object(members.decode(response.body))


def _gateway(addresses: Any) -> str:
    """The gateway's URL in a list of services. Raises ``Malformed``."""
    for holder in members.objects(addresses):
        for service in members.objects(holder.get("Services")):
            url = members.text(service, "Url").rstrip("/")
            if members.text(service, "ServiceName") == SERVICE and is_web(url):
                return url
    raise Malformed("the service addresses name no gateway of the extension")


def is_web(url: str) -> bool:
    """Whether a URL is one of HTTP or HTTPS with a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()
    except ValueError:
        return False


def _client_info(wallet: Wallet) -> dict[str, Any]:
    build, _, revision = (wallet.account.get("OSVersion") or "10.0.26100.1").rpartition(".")
    return {
        "DeviceName": wallet.account.get("DeviceName") or wallet.name,
        "OperatingSystemVersion": build,
        "SideCarAgentVersion": "1.80.0.0",
        "Win10SMode": False,
        "UnlockWin10SModeTenantId": None,
        "UnlockWin10SModeDeviceId": None,
        "ChannelUriInformation": None,
        "AgentExecutionStartTime": None,
        "AgentExecutionEndTime": None,
        "AgentCrashSeen": False,
        "ExtendedInventoryMap": {
            "OperatingSystemRevisionNumber": revision,
            "SKU": wallet.account.get("OSEdition") or "48",
            "DotNetFrameworkReleaseValue": "533320",
        },
    }


def code_in(told: dict[str, Any]) -> str:
    """The ErrorCode of a payload as a HRESULT, "" for none."""
    found = members.number(told, "ErrorCode")
    if found:
        return f"0x{found & 0xFFFFFFFF:08X}"
    said = members.text(told, "ErrorCode")
    return said[:32] if said.strip("0") and said.isprintable() else ""


FLOWS: Flows = {
    GetSelectedApps: selected,
    GetRequiredApps: required,
    GetScripts: scripts,
    GetContentInfo: content_info,
    ReportAppResult: report,
}
