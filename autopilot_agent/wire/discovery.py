"""MDM discovery (protocols.md 7): a GET that shows the service is there, then a SOAP request that says where to enrol."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.enrolment import DiscoverEnrolment, EnrolmentService
from autopilot_agent.wire import safe_xml, soap, soap_faults
from autopilot_agent.wire.http import Desk, Flow, Flows, Incoming, Request, Response, Route, refused
from autopilot_agent.wire.soap_faults import MESSAGE_FORMAT
from autopilot_agent.wire.wallet import Wallet

DEFAULT_URL = "https://enrollment.manage.microsoft.com/enrollmentserver/discovery.svc"
PATH = "/EnrollmentServer/Discovery.svc"
FLEET_PATH = "/api/mdm/microsoft/discovery"
"""The one path that Fleet's test client posts to (protocols.md 18.3)."""
POLICY_PATH = "/EnrollmentServer/policy"
SIGN_IN_PATH = "/EnrollmentServer/auth"
NAMESPACE = f"{soap.WINDOWS}management/2012/01/enrollment"
ACTION = f"{NAMESPACE}/IDiscoveryService/Discover"
ANSWER_ACTION = f"{NAMESPACE}/IDiscoveryService/DiscoverResponse"
ON_PREMISE, FEDERATED, CERTIFICATE = "OnPremise", "Federated", "Certificate"
NEWEST = 5.0
"""The highest EnrollmentVersion that a served tenant speaks."""


class Discovered(msgspec.Struct, frozen=True):
    """A DiscoverResult."""

    enrolment_url: str
    authentication: str = FEDERATED
    version: str = ""
    policy_url: str = ""
    authentication_url: str = ""


class Wanted(msgspec.Struct, frozen=True):
    """A Discover request. ``to`` is the URL it was sent to."""

    user_name: str
    to: str
    version: str = "5.0"
    edition: str = "48"
    os_version: str = "10.0.26100.1742"
    policies: tuple[str, ...] = (ON_PREMISE, FEDERATED)
    device_type: str = "CIMClient_Windows"


def encode_request(wanted: Wanted, message_id: str) -> bytes:
    """The SOAP request."""
    draft = soap.request(ACTION, wanted.to, message_id)
    tag = f"{{{NAMESPACE}}}"
    outer = soap.child_of(draft.body, f"{tag}Discover")
    inner = safe_xml.element(f"{tag}request", {"": NAMESPACE, "i": soap.INSTANCE})
    outer.append(inner)
    for name, value in (
        ("EmailAddress", wanted.user_name),
        ("OSEdition", wanted.edition),
        ("RequestVersion", wanted.version),
        ("DeviceType", wanted.device_type),
        ("ApplicationVersion", wanted.os_version),
    ):
        safe_xml.sub(inner, tag + name, value)
    offered = safe_xml.sub(inner, f"{tag}AuthPolicies")
    for policy in wanted.policies:
        safe_xml.sub(offered, f"{tag}AuthPolicy", policy)
    return draft.bytes()


def decode_request(envelope: soap.Envelope) -> Wanted:
    """The request in an envelope. Raises ``Malformed`` when it is another operation or has no members."""
    request = safe_xml.child(envelope.operation, "request")
    if safe_xml.local(envelope.operation) != "Discover" or request is None:
        raise Malformed("the message is no Discover request")
    offered = safe_xml.child(request, "AuthPolicies")
    policies = () if offered is None else tuple(safe_xml.text(one).strip() for one in offered)[:10]
    return Wanted(
        soap.said(request, "EmailAddress"),
        envelope.to,
        soap.said(request, "RequestVersion"),
        soap.said(request, "OSEdition"),
        soap.said(request, "ApplicationVersion"),
        policies,
        soap.said(request, "DeviceType"),
    )


def encode_answer(found: Discovered, relates_to: str) -> bytes:
    """The SOAP answer; members in the order of the specification."""
    draft = soap.answer(ANSWER_ACTION, relates_to)
    tag = f"{{{NAMESPACE}}}"
    result = safe_xml.sub(soap.child_of(draft.body, f"{tag}DiscoverResponse"), f"{tag}DiscoverResult")
    for name, value in (
        ("AuthPolicy", found.authentication),
        ("EnrollmentVersion", found.version),
        ("EnrollmentPolicyServiceUrl", found.policy_url),
        ("EnrollmentServiceUrl", found.enrolment_url),
        ("AuthenticationServiceUrl", found.authentication_url),
    ):
        if value:
            safe_xml.sub(result, tag + name, value)
    return draft.bytes()


def decode_answer(envelope: soap.Envelope) -> Discovered:
    """The answer in an envelope, unknown members left aside. Raises ``ServiceFault`` 0x80180001 without an enrolment URL."""
    result = safe_xml.child(envelope.operation, "DiscoverResult")
    enrolment_url = soap.said(result, "EnrollmentServiceUrl")
    if safe_xml.local(envelope.operation) != "DiscoverResponse" or not _is_url(enrolment_url):
        raise ServiceFault(MESSAGE_FORMAT, "the discovery answer names no enrolment service")
    policy_url = soap.said(result, "EnrollmentPolicyServiceUrl")
    if policy_url and (not _is_url(policy_url) or _host(policy_url) != _host(enrolment_url)):
        raise ServiceFault(MESSAGE_FORMAT, "the policy service is not on the host of the enrolment service")
    authentication = soap.said(result, "AuthPolicy")
    if authentication not in (ON_PREMISE, FEDERATED, CERTIFICATE):
        raise ServiceFault(MESSAGE_FORMAT, "the discovery answer wants an authentication that does not exist")
    return Discovered(
        enrolment_url,
        authentication,
        soap.said(result, "EnrollmentVersion"),
        policy_url,
        soap.said(result, "AuthenticationServiceUrl"),
    )


def discover(call: DiscoverEnrolment, wallet: Wallet) -> Flow[EnrolmentService]:
    """Ask where to enrol, and keep what was said in ``wallet.places``. Redirects are followed, to https only."""
    url = call.discovery_url or DEFAULT_URL
    for _ in range(soap_faults.MOST_REDIRECTS + 1):
        response = yield Request("GET", url, {"user-agent": soap.CLIENT_NAME})
        place = soap_faults.redirected(response)
        if not place:
            break
        url = place
    if response.status == 429:
        soap_faults.envelope_of(response)
    if not response.good:
        raise refused(response)
    for _ in range(soap_faults.MOST_REDIRECTS + 1):
        wanted = Wanted(call.user_name, url, wallet.request_version)
        headers = {"content-type": soap.CONTENT_TYPE, "user-agent": soap.CLIENT_NAME}
        response = yield Request("POST", url, headers, encode_request(wanted, wallet.new_id("message")))
        place = soap_faults.redirected(response)
        if not place:
            break
        url = place
    found = decode_answer(soap_faults.envelope_of(response))
    for name, value in (
        ("enrolment", found.enrolment_url),
        ("policy", found.policy_url),
        ("auth", found.authentication_url),
        ("AuthPolicy", found.authentication),
        ("EnrollmentVersion", found.version),
    ):
        if value:
            wallet.places[name] = value
        else:
            wallet.places.pop(name, None)
    return EnrolmentService(found.enrolment_url, found.authentication)


def probe(incoming: Incoming, desk: Desk) -> Response:
    """The service is there: 200 and nothing else."""
    return Response(200)


def serve(incoming: Incoming, desk: Desk) -> Response:
    """Say where to enrol: with an Entra token if the client can, else with a password."""
    envelope = soap.read(incoming.body)
    wanted = decode_request(envelope)
    if wanted.policies and FEDERATED not in wanted.policies and ON_PREMISE not in wanted.policies:
        raise ServiceFault("0x80180015", "no authentication that the client offers is known here")
    asked = DiscoverEnrolment(wanted.user_name, wanted.to if _is_url(wanted.to) and incoming.ours else "")
    found = desk.answer(asked, incoming)
    parts = urlsplit(found.enrolment_url)
    federated = FEDERATED in wanted.policies or not wanted.policies
    version = _version(wanted.version)
    answer = Discovered(
        incoming.url(parts.netloc, parts.path),
        FEDERATED if federated else ON_PREMISE,
        f"{min(version, NEWEST):.1f}" if version >= 3 else "",
        incoming.url(parts.netloc, POLICY_PATH),
        incoming.url(parts.netloc, SIGN_IN_PATH) if federated else "",
    )
    return Response(200, {"content-type": soap.CONTENT_TYPE}, encode_answer(answer, envelope.message_id))


def _version(text: str) -> float:
    whole, _, part = text.partition(".")
    good = whole.isascii() and whole.isdecimal() and len(whole) == 1 and part in ("", "0")
    return float(whole) if good else 0.0


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("https", "http") and bool(parts.hostname)
    except ValueError:
        return False


def _host(text: str) -> str:
    return urlsplit(text).hostname or ""


refuse = soap_faults.refusing(ANSWER_ACTION)


def routes_at(path: str) -> tuple[Route, ...]:
    """Discovery at a path."""
    return (Route("GET", path, probe, refuse, "discovery probe"), Route("POST", path, serve, refuse, "discovery"))


FLOWS: Flows = {DiscoverEnrolment: discover}
ROUTES = (*routes_at(PATH), *routes_at(FLEET_PATH))
