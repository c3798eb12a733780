"""What holds for every answer of the enrolment services: length, type, envelope, and whose answer it is (MS-MDE2 3)."""

from __future__ import annotations

from collections.abc import Iterable

from autopilot_agent.conform.checks.registry import CHECKS, Check, Seen
from autopilot_agent.conform.evidence import DISCOVER, ENROL, POLICY, NotReached, Visit
from autopilot_agent.wire import discovery, safe_xml, soap, wstep, xcep

SERVICES = {
    "DISC": (DISCOVER, discovery.ANSWER_ACTION),
    "POL": (POLICY, xcep.ANSWER_ACTION),
    "ENR": (ENROL, wstep.ANSWER_ACTION),
}


def length_of(purpose: str) -> Check:
    """Content-Length, and no chunks."""

    def check(visit: Visit) -> Iterable[Seen]:
        exchange, response = visit.answered(purpose)
        if "chunked" in response.headers.get("transfer-encoding", "").casefold():
            yield Seen("the answer came in chunks (Transfer-Encoding: chunked)", exchange)
        elif "content-length" not in response.headers:
            yield Seen("the answer has no Content-Length", exchange)

    return check


def type_of(purpose: str) -> Check:
    """application/soap+xml."""

    def check(visit: Visit) -> Iterable[Seen]:
        exchange, response = visit.answered(purpose)
        if exchange.envelope is None:
            raise NotReached(f"{purpose}: {exchange.said()}")
        kind = response.headers.get("content-type", "")
        if kind.partition(";")[0].strip().casefold() != "application/soap+xml":
            yield Seen(f"Content-Type is {kind or 'missing'}", exchange)

    return check


def relates(purpose: str) -> Check:
    """RelatesTo is the MessageID."""

    def check(visit: Visit) -> Iterable[Seen]:
        exchange, _ = visit.answered(purpose)
        root = exchange.root
        if root is None or exchange.envelope is None:
            raise NotReached(f"{purpose}: {exchange.said()}")
        wanted, found = soap.message_id_of(exchange.request.body), soap.said(root, "Header", "RelatesTo")
        if wanted != found:
            yield Seen(f"RelatesTo is {found or 'missing'}, the request was {wanted}", exchange)

    return check


def headed(purpose: str, action: str) -> Check:
    """SOAP 1.2 with the action of the answer."""

    def check(visit: Visit) -> Iterable[Seen]:
        exchange, _ = visit.answered(purpose)
        envelope, root = exchange.envelope, exchange.root
        if envelope is None or root is None or exchange.fault is not None:
            raise NotReached(f"{purpose}: {exchange.said()}")
        if safe_xml.namespace(root) != soap.SOAP:
            yield Seen(f"the envelope is in {safe_xml.namespace(root)}", exchange)
        if envelope.action != action:
            yield Seen(f"Action is {envelope.action or 'missing'}, not {action}", exchange)

    return check


def answers(purpose: str, asked: str, name: str) -> Check:
    """A good answer of this name."""

    def check(visit: Visit) -> Iterable[Seen]:
        exchange = visit.last(purpose)
        envelope = exchange.envelope
        good = exchange.response is not None and exchange.response.good
        if not good or envelope is None or safe_xml.local(envelope.operation) != name:
            yield Seen(f"{asked} was answered with {exchange.said()}", exchange)

    return check


CHECKS["DISC-ANSWER"] = answers(DISCOVER, "the Discover request", "DiscoverResponse")
CHECKS["POL-ANSWER"] = answers(POLICY, "GetPolicies", "GetPoliciesResponse")
for prefix, (service, answer) in SERVICES.items():
    CHECKS[f"{prefix}-LENGTH"] = length_of(service)
    CHECKS[f"{prefix}-TYPE"] = type_of(service)
    CHECKS[f"{prefix}-RELATES"] = relates(service)
    CHECKS[f"{prefix}-ENVELOPE"] = headed(service, answer)
