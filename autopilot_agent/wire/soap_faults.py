"""Refusals of the enrolment services as SOAP faults, both ways, and what an unusable answer means (protocols.md 11)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from autopilot_agent.errors import Malformed, ServiceFault, Throttled
from autopilot_agent.wire import safe_xml, soap
from autopilot_agent.wire.http import Incoming, Response, refused, retry_after, status_of

MESSAGE_FORMAT, AUTHENTICATION, AUTHORIZATION = "0x80180001", "0x80180002", "0x80180003"
CERTIFICATE_REQUEST, SERVER, INTERNAL, SECURITY, UNKNOWN = "0x80180004", "0x80180005", "0x80180006", "0x80180007", "0x80180008"
NOT_ELIGIBLE_TO_RENEW, INVALID_DATA = "0x80180016", "0x80180019"
INSECURE_REDIRECT, EMPTY_MESSAGE, TOO_MANY = "0x8018001A", "0x80180029", "0x80180033"
MOST_REDIRECTS = 5

SUBCODES = {
    "MessageFormat": MESSAGE_FORMAT,
    "Authentication": AUTHENTICATION,
    "Authorization": AUTHORIZATION,
    "CertificateRequest": CERTIFICATE_REQUEST,
    "EnrollmentServer": SERVER,
    "InternalServiceFault": INTERNAL,
    "InvalidSecurity": SECURITY,
}
ERROR_TYPES = {
    "DeviceCapReached": "0x80180013",
    "DeviceNotSupported": "0x80180014",
    "NotSupported": "0x80180015",
    "NotEligibleToRenew": NOT_ELIGIBLE_TO_RENEW,
    "InMaintenance": "0x80180017",
    "UserLicense": "0x80180018",
    "InvalidEnrollmentData": INVALID_DATA,
    "CustomServerError": "0x80180032",
}
NEAREST = {
    "0x8018000A": AUTHORIZATION,  # enrolled already: this device may not, now
    "0x8018000B": AUTHORIZATION,
    "0x80180022": "0x80180014",  # an edition that cannot be managed
    "0x8018002B": AUTHORIZATION,  # no MDM for this user
    "0x80190190": MESSAGE_FORMAT,
    "0x80190191": AUTHENTICATION,
    "0x80190193": AUTHORIZATION,
    "0x80190194": SERVER,
    "0x801901AD": "0x80180017",
    "0x801901F7": "0x80180017",
}
"""Codes that no fault stands for, and the one whose fault comes nearest (assumed); a device of ours learns the true one."""
_OF_CODE = {code: name for name, code in SUBCODES.items()}
_TYPE_OF_CODE = {code: name for name, code in ERROR_TYPES.items()}
_BY_SUBCODE = {name.casefold(): code for name, code in SUBCODES.items()}
_BY_TYPE = {name.casefold(): code for name, code in ERROR_TYPES.items()}


def encode(fault: ServiceFault, action: str, relates_to: str) -> bytes:
    """A refusal as an envelope."""
    code = NEAREST.get(fault.code, fault.code)
    error_type = _TYPE_OF_CODE.get(code, "")
    subcode = _OF_CODE.get(AUTHORIZATION if error_type else code, "Unknown")
    draft = soap.answer(action, relates_to)
    ours, add = f"{{{soap.SOAP}}}", safe_xml.sub
    body = add(draft.body, f"{ours}Fault")
    outer = add(body, f"{ours}Code")
    add(outer, f"{ours}Value", "s:Receiver")
    value = safe_xml.element(f"{ours}Value", {"s": soap.SOAP, "a": soap.DISPATCHER})
    value.text = f"{'a' if subcode in ('InternalServiceFault', 'InvalidSecurity') else 's'}:{subcode}"
    add(outer, f"{ours}Subcode").append(value)
    reason = plain(fault.reason) or "the request was refused"
    said = add(add(body, f"{ours}Reason"), f"{ours}Text", reason)
    said.set("{http://www.w3.org/XML/1998/namespace}lang", "en-US")
    if error_type:
        detail = soap.child_of(add(body, f"{ours}Detail"), f"{{{soap.ENROLMENT}}}DeviceEnrollmentServiceError")
        add(detail, f"{{{soap.ENROLMENT}}}ErrorType", error_type)
        add(detail, f"{{{soap.ENROLMENT}}}Message", reason)
        add(detail, f"{{{soap.ENROLMENT}}}TraceId", safe_xml.text(safe_xml.child(draft.header, "ActivityId")))
    return draft.bytes()


def plain(text: str) -> str:
    """What of a text XML can carry, in one line."""
    return "".join(one if one.isprintable() else " " for one in text)[:500].strip()


def decode(envelope: soap.Envelope) -> ServiceFault | None:
    """The refusal in an envelope, None where it is none. Names count without case, ErrorType before the subcode."""
    fault = envelope.operation
    if safe_xml.local(fault).casefold() != "fault":
        return None
    detail = safe_xml.child(fault, "Detail", "DeviceEnrollmentServiceError")
    error_type = soap.said(detail, "ErrorType").casefold()
    subcode = soap.said(fault, "Code", "Subcode", "Value") or soap.said(fault, "faultcode")
    code = _BY_TYPE.get(error_type) or _BY_SUBCODE.get(subcode.rpartition(":")[2].casefold(), UNKNOWN)
    said = (soap.said(detail, "Message") if error_type else "") or soap.said(fault, "Reason", "Text")
    return ServiceFault(code, plain(said or soap.said(fault, "faultstring"))[:200])


def envelope_of(response: Response, largest: int = 1_000_000) -> soap.Envelope:
    """The envelope of an answer that is no refusal. Raises ``ServiceFault`` with the code that Windows shows for what came.

    A fault counts with any HTTP status. Without one, the status does, then the empty body, then one that is no SOAP.
    """
    if response.status == 429:
        wait = retry_after(response)
        raise Throttled(TOO_MANY, "HTTP 429", "", wait) if wait else ServiceFault(TOO_MANY, "HTTP 429")
    if not response.body.strip():
        raise refused(response) if not response.good else ServiceFault(EMPTY_MESSAGE, "the answer is empty")
    try:
        envelope = soap.read(response.body, largest)
    except Malformed as error:
        if not response.good:
            raise refused(response) from None
        raise ServiceFault(MESSAGE_FORMAT, f"the answer cannot be read: {error}") from None
    fault = decode(envelope)
    if fault is not None:
        raise fault
    if not response.good:
        raise refused(response)
    return envelope


def redirected(response: Response) -> str:
    """The https URL that a response sends the client to, "" where it sends it nowhere.

    Raises ``ServiceFault`` 0x8018001A for a URL that is not https.
    """
    place = response.headers.get("location", "")
    if response.status not in (301, 302, 303, 307, 308) or not place:
        return ""
    try:
        parts = urlsplit(place)
        secure = parts.scheme == "https" and bool(parts.hostname)
    except ValueError:
        secure = False
    if not secure:
        raise ServiceFault(INSECURE_REDIRECT, "the server redirects to something that is not https")
    return place


def refusing(action: str) -> Callable[[ServiceFault, Incoming], Response]:
    """How the service with this response action refuses: a fault with HTTP 500, or a plain 429 where it is asked too often."""

    def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
        if status_of(fault.code) == 429 or (fault.retry_after and fault.code == TOO_MANY):
            return Response(429)
        body = encode(fault, action, soap.message_id_of(incoming.body))
        return Response(500, {"content-type": soap.CONTENT_TYPE}, body)

    return refuse
