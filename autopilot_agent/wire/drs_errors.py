"""Errors of device registration: the JSON that the service answers with, and the codes that Windows shows (4.3).

The members of an error are seen in logs (grade I). ``ErrorType`` has names of our own except where one is known; a service
that uses others is read by its HTTP status.
"""

from __future__ import annotations

from email.utils import formatdate
from hashlib import sha256
from typing import Any

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.wire import claims
from autopilot_agent.wire.http import Incoming, Response, as_json, code_of, refused, status_of

WRONG_MESSAGE, UNAUTHENTICATED, UNAUTHORISED = "0x801C0001", "0x801C0002", "0x801C0003"
INTERNAL, DISCOVERY_FAILED, WRONG_DISCOVERY, TENANT_UNKNOWN = "0x801C0006", "0x801C000C", "0x801C0012", "0x801C0013"
MISSING_DEVICE = "error_missing_device"
TYPES: dict[str, tuple[str, int]] = {
    WRONG_MESSAGE: ("InvalidMessage", 400),
    UNAUTHENTICATED: ("AuthenticationError", 401),
    UNAUTHORISED: ("AuthorizationError", 403),
    INTERNAL: ("InternalServiceError", 500),
    "0x801C000E": ("DeviceQuotaExceeded", 400),
    "0x801C0010": ("InvalidAikCertificate", 400),
    "0x801C0011": ("InvalidAttestationData", 400),
    TENANT_UNKNOWN: ("TenantNotFound", 400),
    "0x801C0014": ("UserSidNotFound", 400),
    "0x801C03EA": ("AttestationRefused", 400),
    "0x801C03F3": ("DeviceNotFound", 400),
    MISSING_DEVICE: ("DirectoryError", 400),
}
"""By code: the type of the error, and the HTTP status (assumptions)."""
_CODES = {kind.casefold(): code for code, (kind, _) in TYPES.items() if code != MISSING_DEVICE}
_STATUSES = {400: WRONG_MESSAGE, 401: UNAUTHENTICATED, 403: UNAUTHORISED, 500: INTERNAL}


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """The error that stands for a refusal."""
    kind, status = TYPES.get(fault.code, ("", 0))
    if not kind:
        status = status_of(fault.code)
        kind = TYPES[_STATUSES.get(status, INTERNAL if status >= 500 else WRONG_MESSAGE)][0]
    request = incoming.headers.get("client-request-id", "")[:100]
    body: dict[str, Any] = {
        "ErrorType": kind,
        "message": fault.reason,
        "code": "invalid_request" if status < 500 else "server_error",
        "operation": "DeviceDelete" if incoming.method == "DELETE" else "DeviceJoin",
        "requestid": request,
        "time": formatdate(incoming.epoch, usegmt=True),
        "TraceId": sha256(f"{request}{incoming.epoch}".encode()).hexdigest()[:32],
    }
    if fault.code == MISSING_DEVICE:
        body["subcode"] = MISSING_DEVICE
    return as_json(body, status)


def decode_refusal(response: Response) -> ServiceFault:
    """What Windows makes of an error: by its subcode, its type, else its status."""
    if response.status in (429, 503):
        return refused(response)
    try:
        body = response.json()
    except Malformed:
        body = {}
    inner = body.get("error")
    said = (claims.text(body, "message", "Message") or claims.text(inner if isinstance(inner, dict) else {}, "message"))[:300]
    if claims.text(body, "subcode").casefold() == MISSING_DEVICE:
        return ServiceFault(MISSING_DEVICE, said)
    code = _CODES.get(claims.text(body, "ErrorType").casefold()) or _STATUSES.get(response.status)
    return ServiceFault(code or code_of(response.status), said or f"HTTP {response.status}")
