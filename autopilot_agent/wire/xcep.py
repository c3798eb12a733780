"""Enrolment policies (MS-XCEP as in MS-MDE2; protocols.md 8): which key and which hash a certificate request shall have."""

from __future__ import annotations

from collections.abc import Generator

import msgspec

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.wire import safe_xml, soap, soap_faults
from autopilot_agent.wire.cms import HASH_NAMES
from autopilot_agent.wire.http import Desk, Incoming, Request, Response, Route
from autopilot_agent.wire.pkcs10 import LONGEST_KEY, SHORTEST_KEY, WITH_RSA
from autopilot_agent.wire.wallet import Wallet

NAMESPACE = f"{soap.WINDOWS}pki/2009/01/enrollmentpolicy"
ACTION = f"{NAMESPACE}/IPolicy/GetPolicies"
ANSWER_ACTION = f"{NAMESPACE}/IPolicy/GetPoliciesResponse"
PATHS = ("/EnrollmentServer/policy", "/api/mdm/microsoft/policy")
NO_KEY = "0x80180027"
"""The private key cannot be made."""
SHA1_OIW = "1.3.14.3.2.29"
"""sha1 with RSA under the name that the policies of Windows' own servers give it."""
HASH_OIDS = HASH_NAMES | {SHA1_OIW: "sha1"} | {oid: name for name, oid in WITH_RSA.items()}
_OID_OF = {name: oid for oid, name in HASH_NAMES.items()} | {"sha1": SHA1_OIW}
YEAR = 365 * 86_400


class Policy(msgspec.Struct, frozen=True):
    """What a request for a certificate has to look like; the defaults are those of Windows without a policy service."""

    key_length: int = SHORTEST_KEY
    algorithm: str = "sha1"


SERVED = Policy(2048, "sha256")


def encode_request(to: str, message_id: str, credentials: soap.Credentials) -> bytes:
    """The SOAP request."""
    draft = soap.request(ACTION, to, message_id, ("s", "a", "u", "wsse", "wst", "ac"))
    if credentials.there:
        soap.secure(draft, credentials)
    tag = f"{{{NAMESPACE}}}"
    asked = safe_xml.element(f"{tag}GetPolicies", {"": NAMESPACE, "xsi": soap.INSTANCE})
    draft.body.append(asked)
    client = safe_xml.sub(asked, f"{tag}client")
    soap.nil(client, f"{tag}lastUpdate")
    soap.nil(client, f"{tag}preferredLanguage")
    soap.nil(asked, f"{tag}requestFilter")
    return draft.bytes()


def decode_request(envelope: soap.Envelope) -> None:
    """Make sure that an envelope asks for policies. Raises ``Malformed``."""
    if safe_xml.local(envelope.operation) != "GetPolicies":
        raise Malformed("the message is no GetPolicies request")


def encode_answer(policy: Policy, relates_to: str) -> bytes:
    """The SOAP answer with one policy; the order of the elements matters."""
    draft = soap.answer(ANSWER_ACTION, relates_to)
    tag = f"{{{NAMESPACE}}}"
    root = safe_xml.element(f"{tag}GetPoliciesResponse", {"": NAMESPACE, "xsi": soap.INSTANCE})
    draft.body.append(root)

    def add(parent: safe_xml.Element, name: str, value: str | None = None) -> safe_xml.Element:
        return safe_xml.sub(parent, tag + name, value)

    def nils(parent: safe_xml.Element, names: str) -> None:
        for name in names.split():
            soap.nil(parent, tag + name)

    response = add(root, "response")
    add(response, "policyID", "autopilot-agent")
    nils(response, "policyFriendlyName nextUpdateHours policiesNotChanged")
    one = add(add(response, "policies"), "policy")
    add(one, "policyOIDReference", "0")
    nils(one, "cAs")
    attributes = add(one, "attributes")
    add(attributes, "commonName", "autopilot-agent")
    add(attributes, "policySchema", "3")
    validity = add(attributes, "certificateValidity")
    add(validity, "validityPeriodSeconds", str(YEAR))
    add(validity, "renewalPeriodSeconds", str(42 * 86_400))
    permission = add(attributes, "permission")
    add(permission, "enroll", "true")
    add(permission, "autoEnroll", "false")
    key = add(attributes, "privateKeyAttributes")
    add(key, "minimalKeyLength", str(policy.key_length))
    nils(key, "keySpec keyUsageProperty permissions algorithmOIDReference")
    providers = add(key, "cryptoProviders")
    for provider in ("Microsoft Platform Crypto Provider", "Microsoft Software Key Storage Provider"):
        add(providers, "provider", provider)
    revision = add(attributes, "revision")
    add(revision, "majorRevision", "101")
    add(revision, "minorRevision", "0")
    nils(attributes, "supersededPolicies privateKeyFlags subjectNameFlags enrollmentFlags generalFlags")
    add(attributes, "hashAlgorithmOIDReference", "0")
    nils(attributes, "rARequirements keyArchivalAttributes extensions")
    nils(root, "cAs")
    oid = add(add(root, "oIDs"), "oID")
    add(oid, "value", _OID_OF[policy.algorithm])
    add(oid, "group", "1")
    add(oid, "oIDReferenceID", "0")
    add(oid, "defaultName", policy.algorithm.upper())
    return draft.bytes()


def decode_answer(envelope: soap.Envelope) -> Policy:
    """Key length and hash of the first policy; the defaults where it says nothing, or only nil.

    Raises ``ServiceFault``: 0x80180001 for another message, 0x80180027 for a key that cannot be made.
    """
    root = envelope.operation
    if safe_xml.local(root) != "GetPoliciesResponse":
        raise ServiceFault(soap_faults.MESSAGE_FORMAT, "the answer is none to GetPolicies")
    attributes = safe_xml.child(root, "response", "policies", "policy", "attributes")
    length = _number(soap.said(attributes, "privateKeyAttributes", "minimalKeyLength"), SHORTEST_KEY)
    if length > LONGEST_KEY:
        raise ServiceFault(NO_KEY, f"the policy wants a key of {length} bits")
    reference = soap.said(attributes, "hashAlgorithmOIDReference")
    listed = safe_xml.child(root, "oIDs")
    algorithm = Policy().algorithm
    for one in [] if listed is None or soap.is_nil(listed) else safe_xml.children(listed, "oID"):
        if reference and soap.said(one, "oIDReferenceID") == reference:
            algorithm = HASH_OIDS.get(soap.said(one, "value"), algorithm)
            break
    return Policy(max(SHORTEST_KEY, length), algorithm)


def get_policies(wallet: Wallet, url: str, credentials: soap.Credentials) -> Generator[Request, Response, Policy]:
    """The part of an enrolment that asks for policies. Raises ``ServiceFault``."""
    headers = {"content-type": soap.CONTENT_TYPE, "user-agent": soap.CLIENT_NAME}
    response = yield Request("POST", url, headers, encode_request(url, wallet.new_id("message"), credentials))
    return decode_answer(soap_faults.envelope_of(response))


def serve(incoming: Incoming, desk: Desk) -> Response:
    """One policy for everybody: RSA 2048 and SHA-256. Who asks is checked where a certificate is issued."""
    envelope = soap.read(incoming.body)
    decode_request(envelope)
    return Response(200, {"content-type": soap.CONTENT_TYPE}, encode_answer(SERVED, envelope.message_id))


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else otherwise


refuse = soap_faults.refusing(ANSWER_ACTION)
ROUTES = tuple(Route("POST", path, serve, refuse, "enrolment policy") for path in PATHS)
