"""The Autopilot profile request (protocols.md 2.2): a GET whose headers describe the hardware, answered with JSON."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import msgspec

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.network import CloudAssignedProfile, DownloadProfile, GetDeviceTicket
from autopilot_agent.wire import msa
from autopilot_agent.wire.http import Desk, Flow, Flows, Incoming, Request, Response, Route, as_json, refused, status_of
from autopilot_agent.wire.wallet import Wallet

HOST = "ztd.dds.microsoft.com"
PATH = "/ztd/device/AutopilotDeviceBootstrapPolicies"
FACILITY = 0x81038000
NAMES = {
    "807": "ZtdDeviceIsNotRegistered",
    "809": "ZtdDeviceHasNoAssignedProfile",
    "815": "ZtdDeviceHasNoAssignedProfile",
    "908": "SerialNumberMismatch",
}
"""The ErrorMessage of each number that is known."""
VECTOR = "autopilotagent0000000000.1"


def download(call: DownloadProfile, wallet: Wallet) -> Flow[CloudAssignedProfile]:
    """Get the profile; a device without a ticket asks for one first."""
    if not wallet.ticket:
        yield from msa.get_ticket(GetDeviceTicket(call.hardware_hash), wallet)
    response = yield Request(
        "GET",
        f"https://{HOST}{PATH}",
        {
            "x-device-token": wallet.ticket,
            "ms-cv": VECTOR,
            "x-hardware-hash": call.hardware_hash,
            "x-device-manufacturer": header(call.manufacturer),
            "x-device-model": header(call.model),
            "x-osversion": call.os_version,
            "x-osedition": str(call.os_edition),
        },
    )
    if response.good:
        return decode_profile(response.body)
    raise decode_refusal(response)


def header(text: str) -> str:
    """A text as a header can carry it: what is not ASCII is written as UTF-8 with percent signs (an assumption)."""
    from urllib.parse import quote

    return text if text.isascii() and text.isprintable() else quote(text)


def encode_profile(profile: CloudAssignedProfile) -> bytes:
    """The body of an answer. ZtdCorrelationId stands only in profile files (protocols.md 2.3)."""
    members = msgspec.to_builtins(profile)
    if not profile.ztd_correlation_id:
        del members["ZtdCorrelationId"]
    return msgspec.json.encode(members)


def decode_profile(body: bytes) -> CloudAssignedProfile:
    """The profile in a body; an empty one means that there is none. Raises ``Malformed``."""
    if not body.strip():
        return CloudAssignedProfile()
    try:
        return msgspec.json.decode(body, type=CloudAssignedProfile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"the profile cannot be read: {error}") from None


def decode_refusal(response: Response) -> ServiceFault:
    """The error in a body: its number where it is a known one, else its HRESULT; without one the HTTP status."""
    try:
        message: Any = response.json().get("Message")
        if isinstance(message, str):
            message = msgspec.json.decode(message)
    except (Malformed, msgspec.DecodeError):
        return refused(response)
    if not isinstance(message, dict) or not isinstance(message.get("ErrorCodeNumber"), int):
        return refused(response)
    number, said = int(message["ErrorCodeNumber"]), str(message.get("ErrorMessage", ""))[:200]
    return ServiceFault(str(number) if str(number) in NAMES else f"0x{FACILITY | number & 0x7FFF:08X}", said)


def serve(incoming: Incoming, desk: Desk) -> Response:
    """Find the hardware by its ticket and its hash, and hand out the profile."""
    from urllib.parse import unquote

    headers = incoming.headers
    known = msa.hash_in(headers.get("x-device-token", ""), desk, incoming.epoch)
    edition = headers.get("x-osedition", "")
    described = headers.get("x-hardware-hash", "") or known
    call = DownloadProfile(
        described,
        desk.registration_of_hash(described)[1],
        "",
        unquote(headers.get("x-device-manufacturer", "")),
        unquote(headers.get("x-device-model", "")),
        headers.get("x-osversion", ""),
        int(edition) if edition.isdecimal() and len(edition) < 6 else 0,
    )
    profile = desk.answer(call, incoming)
    body = b"" if profile == CloudAssignedProfile() else encode_profile(profile)
    date = formatdate(incoming.epoch, usegmt=True)
    return Response(200, {"content-type": "application/json", "ms-cv": VECTOR, "date": date}, body)


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """An error body where the service has a number for it."""
    if fault.code.isdecimal():
        said = fault.reason.partition(":")[0] if fault.code == "908" else NAMES.get(fault.code, fault.reason)
        return as_json({"Message": {"ErrorMessage": said, "ErrorCodeNumber": int(fault.code)}}, 400)
    return Response(status_of(fault.code))


FLOWS: Flows = {DownloadProfile: download}
ROUTES = (Route("GET", PATH, serve, refuse, "profile"),)
