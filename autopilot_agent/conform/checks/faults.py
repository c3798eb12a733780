"""How the enrolment services refuse (MS-MDE2 2.2.6 and 3.4: faults and their subcodes)."""

from __future__ import annotations

from collections.abc import Iterable

from autopilot_agent.conform.checks.registry import Check, Seen, tests
from autopilot_agent.conform.evidence import (
    NO_XML,
    WRONG_CREDENTIALS,
    WRONG_REQUEST,
    Exchange,
    NotReached,
    Visit,
)
from autopilot_agent.wire import safe_xml, soap, soap_faults
from autopilot_agent.wire.soap_faults import (
    AUTHENTICATION,
    AUTHORIZATION,
    CERTIFICATE_REQUEST,
    MESSAGE_FORMAT,
    SECURITY,
)


def code_in(exchange: Exchange) -> str:
    """What Windows shows for the fault in an answer; "" where there is none."""
    envelope = exchange.envelope
    found = soap_faults.decode(envelope) if envelope is not None else None
    return found.code if found is not None else ""


def _refused(purpose: str) -> Check:
    """The wrong thing does not pass, and is refused with a fault."""

    def check(visit: Visit) -> Iterable[Seen]:
        exchange = visit.last(purpose)
        if exchange.response is None:
            yield Seen(f"the request with {purpose} got {exchange.said()}", exchange)
        elif not code_in(exchange):
            yield Seen(f"the request with {purpose} was answered with {exchange.said()}", exchange)

    return check


def _coded(purpose: str, *codes: str) -> Check:
    """With the subcode that says what is wrong."""

    def check(visit: Visit) -> Iterable[Seen]:
        exchange, _ = visit.answered(purpose)
        found = code_in(exchange)
        if not found:
            raise NotReached(f"there is no fault: {exchange.said()}")
        if found not in codes:
            said = soap.said(exchange.fault, "Code", "Subcode", "Value") or "no subcode"
            yield Seen(f"{purpose}: the fault has {said}, which Windows shows as {found}", exchange)

    return check


tests("FLT-CREDENTIALS")(_refused(WRONG_CREDENTIALS))
tests("FLT-CREDENTIALS-CODE")(_coded(WRONG_CREDENTIALS, AUTHENTICATION, AUTHORIZATION, SECURITY))
tests("FLT-REQUEST")(_refused(WRONG_REQUEST))
tests("FLT-REQUEST-CODE")(_coded(WRONG_REQUEST, CERTIFICATE_REQUEST, MESSAGE_FORMAT))


@tests("FLT-XML")
def no_xml(visit: Visit) -> Iterable[Seen]:
    """What is no XML is refused."""
    exchange = visit.last(NO_XML)
    response = exchange.response
    if response is None or (response.good and not code_in(exchange)):
        yield Seen(f"a body that is no XML was answered with {exchange.said()}", exchange)


@tests("FLT-SHAPE")
def shape(visit: Visit) -> Iterable[Seen]:
    """Code, subcode, reason, and whose answer it is."""
    found = [one for name in (WRONG_CREDENTIALS, WRONG_REQUEST) for one in visit.all(name) if one.fault is not None]
    if not found:
        raise NotReached("nothing was refused with a SOAP fault")
    for one in found:
        fault = one.fault
        missing = [
            name
            for name, path in (("Subcode", ("Code", "Subcode", "Value")), ("Reason", ("Reason", "Text")))
            if not soap.said(fault, *path)
        ]
        root = one.root
        if soap.said(root, "Header", "RelatesTo") != soap.message_id_of(one.request.body):
            missing.append("RelatesTo")
        if root is not None and safe_xml.namespace(root) != soap.SOAP:
            missing.append("the namespace of SOAP 1.2")
        if missing:
            yield Seen(f"the fault for {one.purpose} lacks {', '.join(missing)}", one)
            return
