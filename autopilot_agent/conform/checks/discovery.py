"""Discovery: the probe, and where the answer sends the device (MS-MDE2 3.1)."""

from __future__ import annotations

from collections.abc import Iterable

from autopilot_agent.backends.addresses import host_of
from autopilot_agent.conform.checks.registry import Seen, tests
from autopilot_agent.conform.evidence import DISCOVER, PROBE, NotReached, Visit
from autopilot_agent.conform.naming import places_in, trouble_with
from autopilot_agent.wire import safe_xml, soap
from autopilot_agent.wire.discovery import decode_request
from autopilot_agent.wire.hosts import is_production

ORDER = (
    "AuthPolicy", "EnrollmentVersion", "EnrollmentPolicyServiceUrl", "EnrollmentServiceUrl", "AuthenticationServiceUrl",
)  # fmt: skip
REDIRECTS = (301, 302, 303, 307, 308)


@tests("DISC-GET")
def probe(visit: Visit) -> Iterable[Seen]:
    """200 to the GET."""
    exchange = visit.last(PROBE)
    response = exchange.response
    if response is None or response.status != 200:
        if response is not None and response.status in REDIRECTS:
            raise NotReached("the probe was redirected, and not in a way that Windows follows")
        yield Seen(f"the GET was answered with {exchange.said()}", exchange)


@tests("DISC-GET-EMPTY")
def empty(visit: Visit) -> Iterable[Seen]:
    """Nothing in it."""
    exchange, response = visit.answered(PROBE)
    if response.status != 200:
        raise NotReached(f"the GET was answered with {exchange.said()}")
    if response.body or response.headers.get("content-length", "") != "0":
        yield Seen(f"the answer has {len(response.body)} bytes (Content-Length: "
                   f"{response.headers.get('content-length', 'missing')})", exchange)  # fmt: skip


@tests("DISC-REDIRECT")
def redirects(visit: Visit) -> Iterable[Seen]:
    """To https only."""
    for exchange in (*visit.all(PROBE), *visit.all(DISCOVER)):
        if exchange.response is not None and exchange.response.status in REDIRECTS:
            place = exchange.response.headers.get("location", "")
            if wrong := trouble_with(place, "https:"):
                wrong = "nowhere" if not place else wrong
                yield Seen(f"the {exchange.purpose} is redirected to {wrong}", exchange)
    visit.last(PROBE)


@tests("DISC-ORDER")
def order(visit: Visit) -> Iterable[Seen]:
    """The members that are known, in their order."""
    exchange, result = visit.discovered()
    known = [safe_xml.local(one) for one in result if safe_xml.local(one) in ORDER]
    if known != sorted(known, key=ORDER.index):
        yield Seen(f"the members come as {', '.join(known)}", exchange)


@tests("DISC-AUTHPOLICY")
def authentication(visit: Visit) -> Iterable[Seen]:
    """One that was offered."""
    exchange, result = visit.discovered()
    found = soap.said(result, "AuthPolicy")
    if found not in visit.offered:
        yield Seen(f"AuthPolicy is {found or 'missing'}; the device offered {', '.join(visit.offered)}", exchange)


@tests("DISC-VERSION")
def version(visit: Visit) -> Iterable[Seen]:
    """Not above what the device speaks."""
    exchange, result = visit.discovered()
    found = soap.said(result, "EnrollmentVersion")
    asked = decode_request(soap.read(exchange.request.body)).version
    if found and not (_number(found) is not None and 3 <= (_number(found) or 0) <= (_number(asked) or 0)):
        yield Seen(f"EnrollmentVersion is {found}, RequestVersion was {asked}", exchange)


@tests("DISC-URL")
def enrolment_url(visit: Visit) -> Iterable[Seen]:
    """An absolute https URL."""
    exchange, result = visit.discovered()
    if wrong := trouble_with(soap.said(result, "EnrollmentServiceUrl"), visit.url):
        yield Seen(f"EnrollmentServiceUrl is {wrong}", exchange)


@tests("DISC-AUTH-URL")
def page_url(visit: Visit) -> Iterable[Seen]:
    """A sign-in page for Federated."""
    exchange, result = visit.discovered()
    if soap.said(result, "AuthPolicy") != "Federated":
        raise NotReached("AuthPolicy is not Federated")
    named = soap.said(result, "AuthenticationServiceUrl")
    wrong = trouble_with(named, visit.url)
    if wrong and not is_production(host_of(named)):  # a page of Entra's is where such a server may send people
        yield Seen(f"AuthPolicy is Federated, and AuthenticationServiceUrl is {wrong}", exchange)


@tests("DISC-ONE-HOST")
def one_host(visit: Visit) -> Iterable[Seen]:
    """Policies and enrolment together."""
    exchange, _ = visit.discovered()
    places = places_in(exchange)
    if "policy" not in places:
        raise NotReached("the server names no policy service")
    policy, enrolment = host_of(places["policy"]), host_of(places.get("enrolment", ""))
    if wrong := trouble_with(places["policy"], visit.url):
        yield Seen(f"EnrollmentPolicyServiceUrl is {wrong}", exchange)
    elif policy != enrolment:
        yield Seen(f"the policy service is on {policy}, the enrolment service on {enrolment or 'no host'}", exchange)


def _number(text: str) -> float | None:
    whole, _, part = text.partition(".")
    good = whole.isascii() and whole.isdecimal() and len(whole) < 3 and part in ("", "0")
    return float(whole) if good else None


