"""The gateway of the Intune Management Extension as a server (protocols.md 15, 18.4); ``ime`` says what its messages hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.base import Call
from autopilot_agent.service.ime import GetContentInfo, GetRequiredApps, GetScripts, GetSelectedApps, ReportAppResult
from autopilot_agent.wire import clients, ime_apps, members, packages, private
from autopilot_agent.wire.http import Desk, Incoming, Response, Route, as_json, status_of
from autopilot_agent.wire.ime import ADDRESSES, GATEWAY, HOST, SERVICE, STATES, code_in

INTERVAL = 56
"""Minutes until the extension comes again."""
APP_ERRORS = "0x87D3"
"""How codes of the extension begin: such a refusal is an ErrorCode in a good answer."""
MOST_EXIT_CODE = 0xFFFF
"""A number up to here is an exit code, and is shown as such; any other is a HRESULT."""
LONGEST_CODE = 32
PACKED = frozenset({"GetAvailableApp"})
LISTS = frozenset(
    {
        "GetScript", "GetDeviceProvisioningScripts", "GetAppProvisioning", "GetSideCarGenericPolicies",
        "GetFlightingTags",
    }
)  # fmt: skip
"""Questions whose answer is a list in plain JSON; nothing here has an entry for those that no call stands for."""
SILENT = frozenset(
    {
        "PolicyResult", "ApplicationInventory", "DeviceQueryResult", "GenericPolicyResponse", "GetBrand",
        "ReportDeviceProvisioningScriptResults", "GetProvisioningContentInfo", "GetWin10SUnlockTokenAndPolicy",
        "ReportWin10SUnlockTokenAndPolicy",
    }
)  # fmt: skip
"""Reports, and questions that are answered with nothing."""


def addresses(incoming: Incoming, desk: Desk) -> Response:
    """Where the gateway is; only enrolled devices are told."""
    if not incoming.ours and not clients.enrolment_of(incoming, desk):
        raise ServiceFault(clients.FORBIDDEN, "the service addresses are for enrolled devices")
    return as_json([{"Services": [{"ServiceName": SERVICE, "Url": incoming.url(HOST, GATEWAY)}]}])


def session(incoming: Incoming, desk: Desk) -> Response:
    """Answer one question of an extension."""
    body = members.an_object(members.decode(incoming.body))
    operation = members.text(body, "RequestContentType")
    enrolment, user_id = clients.enrolment_of(incoming, desk), clients.user_of(incoming, desk)
    if not enrolment and not incoming.ours:
        raise ServiceFault(clients.FORBIDDEN, "the extension's gateway is for enrolled devices")
    answer = ANSWERS.get(operation)
    if answer is not None:
        return _answered(incoming, body, answer(incoming, desk, body, enrolment, user_id))
    if operation in PACKED:
        return _answered(incoming, body, ime_apps.pack([]))
    if operation in LISTS:
        return _answered(incoming, body, "[]")
    if operation in SILENT:
        return _answered(incoming, body, None)
    raise Malformed("the session asks for nothing that the gateway knows")


def _answered(incoming: Incoming, body: dict[str, Any], payload: str | None) -> Response:
    """The request's own members, with the answer's in their places."""
    root = incoming.url(HOST, GATEWAY)
    key = quote(members.text(body, "Key")[:64], safe="")
    return as_json(
        {
            "odata.metadata": f"{root}/$metadata#SideCarGatewaySessions/@Element",
            "odata.id": f"{root}/SideCarGatewaySessions('{key}')",
            **body,
            "ResponseContentType": "PolicyResponse",
            "ResponsePayload": payload,
            "CheckinIntervalMinutes": INTERVAL,
        }
    )


def _ask(desk: Desk, incoming: Incoming, call: Call[Any], enrolment: str) -> Any:
    """The tenant's answer. A device that calls itself another than its certificate says is refused."""
    if incoming.ours:
        named: Any = private.restore_call(call, incoming.headers.get(private.CALL, ""))
        if enrolment and named.enrolment_id not in ("", enrolment):
            raise ServiceFault(clients.FORBIDDEN, "the certificate is of another device than the one that asks")
    return desk.answer(call, incoming)


def _selected(incoming: Incoming, desk: Desk, body: dict[str, Any], enrolment: str, user_id: str) -> str:
    reason = members.an_object(members.embedded(body, "CheckinReasonPayload"))
    phase = members.number(reason, "EspPhase", 2 if user_id else 1)
    call = GetSelectedApps(enrolment, "account" if phase == ime_apps.PHASES["account"] else "device", user_id)
    return ime_apps.pack(ime_apps.encode_apps(_ask(desk, incoming, call, enrolment)))


def _required(incoming: Incoming, desk: Desk, body: dict[str, Any], enrolment: str, user_id: str) -> str:
    return ime_apps.pack(ime_apps.encode_apps(_ask(desk, incoming, GetRequiredApps(enrolment, user_id), enrolment)))


def _scripts(incoming: Incoming, desk: Desk, body: dict[str, Any], enrolment: str, user_id: str) -> str:
    return members.encode(ime_apps.encode_scripts(_ask(desk, incoming, GetScripts(enrolment, user_id), enrolment)))


def _content_info(incoming: Incoming, desk: Desk, body: dict[str, Any], enrolment: str, user_id: str) -> str:
    wanted = members.an_object(members.embedded(body, "RequestPayload"))
    app_id = members.text(wanted, "ApplicationId")
    info = _ask(desk, incoming, GetContentInfo(enrolment, app_id), enrolment)
    host, path = urlsplit(info.url)[1:3]
    url = incoming.url(host, quote(path, safe="/%"))
    _, keys = packages.make(desk.authority, app_id)
    told = {
        **wanted,
        "ContentInfo": members.encode({"UploadLocation": url}),
        "DecryptInfo": packages.envelop(keys, clients.certificate_of(incoming, desk)),
        "ErrorCode": 0,
    }
    return members.encode(told)


def _report(incoming: Incoming, desk: Desk, body: dict[str, Any], enrolment: str, user_id: str) -> None:
    words = {number // 1000: word for word, number in STATES.items() if number % 1000 == 0}
    for told in members.objects(members.embedded(body, "RequestPayload"))[:1000]:
        said = members.text(told, "Result")
        state = said if said in STATES else words.get(members.number(told, "EnforcementState") // 1000, "failed")
        number = members.number(told, "ErrorCode")
        code = str(number) if 0 <= number <= MOST_EXIT_CODE else code_in(told)
        code = members.text(told, "ErrorCode", code)[:LONGEST_CODE]
        code = code if code.isprintable() else ""
        call = ReportAppResult(enrolment, members.text(told, "ApplicationId"), state, code)
        _ask(desk, incoming, call, enrolment)


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """A status; a code of the extension's own is an ErrorCode in the payload of a good answer."""
    if not fault.code.startswith(APP_ERRORS):
        return Response(status_of(fault.code))
    body = members.an_object(members.decode(incoming.body))
    wanted = members.an_object(members.embedded(body, "RequestPayload"))
    code = int(fault.code, 16) - (1 << 32)
    return _answered(incoming, body, members.encode({**wanted, "ErrorCode": code}))


Answering = Callable[[Incoming, Desk, dict[str, Any], str, str], str | None]
ANSWERS: dict[str, Answering] = {
    "GetSelectedApp": _selected,
    "RequestApplication": _required,
    "PolicyRequest": _scripts,
    "GetContentInfo": _content_info,
    "Win32AppResult": _report,
}
"""What the tenant has an answer for, by RequestContentType."""
ROUTES = (
    Route("GET", ADDRESSES, addresses, refuse, "service addresses"),
    # The key in its quotes and the bracket are one parameter: clients write them in several ways.
    Route("PUT", f"{GATEWAY}/SideCarGatewaySessions(<key>", session, refuse, "extension"),
)
