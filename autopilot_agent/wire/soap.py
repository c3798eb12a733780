"""The SOAP envelopes of MDM enrolment: addressing headers, WS-Security, namespaces (protocols.md 7.1, 7.2, 7.4)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from autopilot_agent.errors import Malformed
from autopilot_agent.wire import safe_xml
from autopilot_agent.wire.pkcs10 import from_base64

if TYPE_CHECKING:
    from autopilot_agent.wire.safe_xml import Element

SOAP = "http://www.w3.org/2003/05/soap-envelope"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
SECEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
TRUST = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
CONTEXT = "http://schemas.xmlsoap.org/ws/2006/12/authorization"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
DIAGNOSTICS = "http://schemas.microsoft.com/2004/09/ServiceModel/Diagnostics"
DISPATCHER = "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher"
WINDOWS = "http://schemas.microsoft.com/windows/"
ENROLMENT = f"{WINDOWS}pki/2009/01/enrollment"
PREFIXES = {"s": SOAP, "a": ADDRESSING, "u": UTILITY, "wsse": SECEXT, "wst": TRUST, "ac": CONTEXT}
"""What Windows declares on its root, by prefix: some servers look for these very prefixes (protocols.md 18.2)."""
CONTENT_TYPE = "application/soap+xml; charset=utf-8"
CLIENT_NAME = "ENROLLClient"
BASE64 = f"{SECEXT}#base64binary"
PASSWORD_TEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
JWT = "urn:ietf:params:oauth:token-type:jwt"
USER_TOKEN = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentUserToken"
LONGEST_ID = 200
LARGEST = 300_000
"""Bytes of a request that is read."""


class Credentials(msgspec.Struct, frozen=True):
    """What a Security header brings: ``token`` (decoded, with its ValueType), or a name with a password."""

    kind: str = ""
    token: bytes = b""
    name: str = ""
    password: str = ""

    @property
    def there(self) -> bool:
        """Whether there is anything."""
        return bool(self.token or self.name)


class Envelope(msgspec.Struct):
    """An envelope that was read. ``operation`` is the one element in its body."""

    operation: Element
    action: str = ""
    message_id: str = ""
    to: str = ""
    credentials: Credentials = Credentials()


class Draft(msgspec.Struct):
    """An envelope that is being written."""

    root: Element
    header: Element
    body: Element

    def bytes(self) -> bytes:
        """The document."""
        return safe_xml.serialize(self.root)


def request(action: str, to: str, message_id: str, prefixes: tuple[str, ...] = ("s", "a")) -> Draft:
    """A request with the four addressing headers; ``message_id`` is 32 hexadecimal digits or a GUID."""
    draft = _draft(prefixes)
    add = safe_xml.sub
    _must(add(draft.header, f"{{{ADDRESSING}}}Action", action))
    add(draft.header, f"{{{ADDRESSING}}}MessageID", f"urn:uuid:{UUID(message_id)}")
    add(add(draft.header, f"{{{ADDRESSING}}}ReplyTo"), f"{{{ADDRESSING}}}Address", f"{ADDRESSING}/anonymous")
    _must(add(draft.header, f"{{{ADDRESSING}}}To", to))
    return draft


def answer(action: str, relates_to: str) -> Draft:
    """A response to the message of an id, with the headers that Windows looks for."""
    draft = _draft(("s", "a", "u"))
    _must(safe_xml.sub(draft.header, f"{{{ADDRESSING}}}Action", action))
    activity = str(uuid5(NAMESPACE_URL, relates_to))
    traced = child_of(draft.header, f"{{{DIAGNOSTICS}}}ActivityId", activity)
    traced.set("CorrelationId", activity)
    if relates_to:
        safe_xml.sub(draft.header, f"{{{ADDRESSING}}}RelatesTo", relates_to)
    return draft


def child_of(parent: Element, tag: str, value: str = "", **attributes: str) -> Element:
    """A new last child that declares its namespace as the default one, as these services do."""
    made = safe_xml.element(tag, {"": tag[1:].partition("}")[0]}, **attributes)
    parent.append(made)
    made.text = value or None
    return made


def secure(draft: Draft, credentials: Credentials) -> None:
    """Add the Security header."""
    security = _must(safe_xml.sub(draft.header, f"{{{SECEXT}}}Security"))
    if credentials.token:
        binary_token(security, credentials.kind, credentials.token)
    elif credentials.name:
        token = safe_xml.sub(security, f"{{{SECEXT}}}UsernameToken")
        token.set(f"{{{UTILITY}}}Id", "uuid-cc1ccc1f-2fba-4bcf-b063-ffc0cac77917-4")
        safe_xml.sub(token, f"{{{SECEXT}}}Username", credentials.name)
        safe_xml.sub(token, f"{{{SECEXT}}}Password", credentials.password, Type=PASSWORD_TEXT)


def binary_token(parent: Element, kind: str, data: bytes) -> Element:
    """A BinarySecurityToken of a ValueType."""
    text = base64.b64encode(data).decode()
    return safe_xml.sub(parent, f"{{{SECEXT}}}BinarySecurityToken", text, ValueType=kind, EncodingType=BASE64)


def read(data: bytes, largest: int = LARGEST) -> Envelope:
    """The envelope in a body, of SOAP 1.2 or 1.1. Raises ``Malformed`` for anything else."""
    root = safe_xml.parse(data, largest)
    if safe_xml.local(root) != "Envelope" or safe_xml.namespace(root) not in (SOAP, SOAP_11):
        raise Malformed("the document is no SOAP envelope")
    body = safe_xml.child(root, "Body")
    operations = [] if body is None else list(body)
    if len(operations) != 1:
        raise Malformed("the SOAP body does not hold exactly one element")
    header = safe_xml.child(root, "Header")
    return Envelope(
        operations[0],
        said(header, "Action"),
        said(header, "MessageID")[:LONGEST_ID],
        said(header, "To"),
        _credentials(safe_xml.child(header, "Security")),
    )


def said(parent: Element | None, *path: str) -> str:
    """The text at a path of local names, without blanks around it; "" where there is none."""
    return safe_xml.text(safe_xml.child(parent, *path)).strip()


def message_id_of(data: bytes) -> str:
    """The id of a request that may be broken; "" where it cannot be found."""
    try:
        return said(safe_xml.parse(data, LARGEST), "Header", "MessageID")[:LONGEST_ID]
    except Malformed:
        return ""


def nil(parent: Element, tag: str) -> None:
    """A child that says it has no value."""
    safe_xml.sub(parent, tag).set(f"{{{INSTANCE}}}nil", "true")


def is_nil(element: Element | None) -> bool:
    """Whether an element is missing, or says that it has no value."""
    return element is None or element.get(f"{{{INSTANCE}}}nil", "").strip() in ("true", "1")


def _credentials(security: Element | None) -> Credentials:
    if security is None:
        return Credentials()
    binary = safe_xml.child(security, "BinarySecurityToken")
    if binary is not None:
        return Credentials(binary.get("ValueType", ""), from_base64(safe_xml.text(binary)))
    token = safe_xml.child(security, "UsernameToken")
    # The password as it is: blanks may belong to it.
    return Credentials("", b"", said(token, "Username"), safe_xml.text(safe_xml.child(token, "Password")))


def _draft(prefixes: tuple[str, ...]) -> Draft:
    root = safe_xml.element(f"{{{SOAP}}}Envelope", {prefix: PREFIXES[prefix] for prefix in prefixes})
    return Draft(root, safe_xml.sub(root, f"{{{SOAP}}}Header"), safe_xml.sub(root, f"{{{SOAP}}}Body"))


def _must(element: Element) -> Element:
    element.set(f"{{{SOAP}}}mustUnderstand", "1")
    return element
