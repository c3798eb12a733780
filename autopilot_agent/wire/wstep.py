"""The messages of certificate enrolment (MS-WSTEP as MS-MDE2 uses it; protocols.md 9): request and answer, no more."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import msgspec

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.wire import safe_xml, soap
from autopilot_agent.wire.pkcs10 import from_base64
from autopilot_agent.wire.soap_faults import MESSAGE_FORMAT

ACTION = f"{soap.ENROLMENT}/RST/wstep"
ANSWER_ACTION = f"{soap.ENROLMENT}/RSTRC/wstep"
_CONFIGURATION_MANAGER = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/"
TOKEN_TYPE = f"{_CONFIGURATION_MANAGER}DeviceEnrollmentToken"
DOCUMENT = f"{_CONFIGURATION_MANAGER}DeviceEnrollmentProvisionDoc"
X509_V3 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
ISSUE, RENEW = f"{soap.TRUST}/Issue", f"{soap.TRUST}/Renew"
PKCS10, PKCS7 = f"{soap.ENROLMENT}#PKCS10", f"{soap.ENROLMENT}#PKCS7"
MOST_ITEMS, LONGEST_VALUE = 200, 20_000


class TokenRequest(msgspec.Struct, frozen=True):
    """A RequestSecurityToken: a certificate request and what the server shall know besides, name and value."""

    data: bytes
    items: tuple[tuple[str, str], ...] = ()
    value_type: str = PKCS10
    request_type: str = ISSUE

    def item(self, name: str) -> str:
        """The value of the first context item of a name, without blanks around it; "" where it is missing."""
        wanted = name.casefold()
        return next((value.strip() for one, value in self.items if one.casefold() == wanted), "")

    def true(self, name: str) -> bool:
        """Whether a context item says true, in whatever case."""
        return self.item(name).casefold() == "true"


def encode_request(asked: TokenRequest, to: str, message_id: str, credentials: soap.Credentials) -> bytes:
    """The SOAP request, with Windows' prefixes on the root."""
    draft = soap.request(ACTION, to, message_id, ("s", "a", "u", "wsse", "wst", "ac"))
    if credentials.there:
        soap.secure(draft, credentials)
    body = safe_xml.sub(draft.body, f"{{{soap.TRUST}}}RequestSecurityToken")
    safe_xml.sub(body, f"{{{soap.TRUST}}}TokenType", TOKEN_TYPE)
    safe_xml.sub(body, f"{{{soap.TRUST}}}RequestType", asked.request_type)
    soap.binary_token(body, asked.value_type, asked.data)
    context = safe_xml.sub(body, f"{{{soap.CONTEXT}}}AdditionalContext")
    for name, value in asked.items:
        item = safe_xml.sub(context, f"{{{soap.CONTEXT}}}ContextItem", Name=name)
        safe_xml.sub(item, f"{{{soap.CONTEXT}}}Value", value)
    return draft.bytes()


def decode_request(envelope: soap.Envelope) -> TokenRequest:
    """The request in an envelope. Raises ``Malformed`` where it is none, or holds no certificate request."""
    body = envelope.operation
    token = safe_xml.child(body, "BinarySecurityToken")
    if safe_xml.local(body) != "RequestSecurityToken" or token is None:
        raise Malformed("the message is no RequestSecurityToken with a certificate request")
    context = safe_xml.child(body, "AdditionalContext")
    found = [] if context is None else safe_xml.children(context, "ContextItem")
    if len(found) > MOST_ITEMS:
        raise Malformed("the message has too many context items")
    items = tuple((one.get("Name", ""), safe_xml.text(safe_xml.child(one, "Value"))) for one in found)
    if any(len(value) > LONGEST_VALUE for _, value in items):
        raise Malformed("a context item is too long")
    return TokenRequest(from_base64(safe_xml.text(token)), items, token.get("ValueType", ""), soap.said(body, "RequestType"))


def encode_answer(document: bytes, relates_to: str, epoch: int) -> bytes:
    """The SOAP answer around a provisioning document; ``epoch`` is now in seconds since 1970."""
    draft = soap.answer(ANSWER_ACTION, relates_to)
    security = safe_xml.element(f"{{{soap.SECEXT}}}Security", {"o": soap.SECEXT})
    draft.header.append(security)
    security.set(f"{{{soap.SOAP}}}mustUnderstand", "1")
    stamp = safe_xml.sub(security, f"{{{soap.UTILITY}}}Timestamp")
    stamp.set(f"{{{soap.UTILITY}}}Id", "_0")
    begin = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=epoch)
    for name, moment in (("Created", begin), ("Expires", begin + timedelta(minutes=5))):
        safe_xml.sub(stamp, f"{{{soap.UTILITY}}}{name}", moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    trust = f"{{{soap.TRUST}}}"
    outer = soap.child_of(draft.body, f"{trust}RequestSecurityTokenResponseCollection")
    answer = safe_xml.sub(outer, f"{trust}RequestSecurityTokenResponse")
    safe_xml.sub(answer, f"{trust}TokenType", TOKEN_TYPE)
    soap.child_of(answer, f"{{{soap.ENROLMENT}}}DispositionMessage")
    wrapped = safe_xml.sub(answer, f"{trust}RequestedSecurityToken")
    text = base64.b64encode(document).decode()
    soap.child_of(wrapped, f"{{{soap.SECEXT}}}BinarySecurityToken", text, ValueType=DOCUMENT, EncodingType=soap.BASE64)
    soap.child_of(answer, f"{{{soap.ENROLMENT}}}RequestID", "0")
    return draft.bytes()


def decode_answer(envelope: soap.Envelope) -> bytes:
    """The provisioning document in an answer. Raises ``ServiceFault`` 0x80180001 where there is none.

    TokenType and ValueType are not compared: servers that Windows takes write several (protocols.md 9.4).
    """
    answer = envelope.operation
    if safe_xml.local(answer) == "RequestSecurityTokenResponseCollection":
        answers = safe_xml.children(answer, "RequestSecurityTokenResponse")
        answer = answers[0] if answers else answer
    token = safe_xml.child(answer, "RequestedSecurityToken", "BinarySecurityToken")
    if token is None:
        raise ServiceFault(MESSAGE_FORMAT, "the answer holds no provisioning document")
    try:
        return from_base64(safe_xml.text(token))
    except Malformed as error:
        raise ServiceFault(MESSAGE_FORMAT, f"the provisioning document: {error}") from None
