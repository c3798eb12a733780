"""Certificate enrolment: the answer and what is in it (MS-WSTEP as in MS-MDE2 3.4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from autopilot_agent.conform.checks.registry import Seen, tests
from autopilot_agent.conform.evidence import ENROL, POLICY, NotReached, Visit
from autopilot_agent.errors import Malformed
from autopilot_agent.wire import safe_xml, soap, wstep
from autopilot_agent.wire.pkcs10 import from_base64

REFUSED_WITHOUT = (401, 403, 496)
"""Statuses with which servers and the proxies before them ask for a certificate."""


@tests("ENR-ANSWER")
def answer(visit: Visit) -> Iterable[Seen]:
    """An answer, and no fault."""
    exchange = visit.last(ENROL)
    if _wants_certificate(visit):
        raise NotReached("the server wants a client certificate")
    envelope = exchange.envelope
    good = exchange.response is not None and exchange.response.good and exchange.fault is None
    name = safe_xml.local(envelope.operation) if envelope is not None else ""
    if not good or not name.startswith("RequestSecurityTokenResponse"):
        yield Seen(f"the request for a certificate was answered with {exchange.said()}", exchange)


@tests("ENR-NO-CERT")
def without_certificate(visit: Visit) -> Iterable[Seen]:
    """Nobody has a certificate yet."""
    if not visit.all(ENROL):
        visit.last(POLICY)
    for purpose in (POLICY, ENROL):
        for exchange in visit.all(purpose)[-1:]:
            response = exchange.response
            if response is not None and response.status in REFUSED_WITHOUT and exchange.envelope is None:
                yield Seen(f"the {purpose} service answers {exchange.said()} to a device without a certificate", exchange)


def _wants_certificate(visit: Visit) -> bool:
    return any(True for _ in without_certificate(visit))


@tests("ENR-DOCUMENT")
def document(visit: Visit) -> Iterable[Seen]:
    """A document in base64."""
    exchange, response = visit.answered(ENROL)
    if exchange.envelope is None or exchange.fault is not None or not response.good:
        raise NotReached(f"enrolment: {exchange.said()}")
    try:
        _, token = visit.token()
        from_base64(safe_xml.text(token))
    except NotReached as missing:
        yield Seen(str(missing), exchange)
    except Malformed:
        yield Seen("BinarySecurityToken is no base64", exchange)


@tests("ENR-TOKEN")
def token(visit: Visit) -> Iterable[Seen]:
    """ValueType and EncodingType."""
    exchange, found = visit.token()
    if found.get("ValueType", "") != wstep.DOCUMENT:
        yield Seen(f"ValueType is {found.get('ValueType') or 'missing'}", exchange)
    if found.get("EncodingType", "") != soap.BASE64:
        yield Seen(f"EncodingType is {found.get('EncodingType') or 'missing'}", exchange)


@tests("ENR-TIMESTAMP")
def timestamp(visit: Visit) -> Iterable[Seen]:
    """A time that includes now."""
    exchange, _ = visit.token()
    root = exchange.root
    stamp = safe_xml.child(root, "Header", "Security", "Timestamp")
    created, expires = _moment(soap.said(stamp, "Created")), _moment(soap.said(stamp, "Expires"))
    if created is None or expires is None:
        yield Seen("the Security header has no Timestamp with Created and Expires", exchange)
    elif max(created - visit.moment, visit.moment - expires) > timedelta(minutes=5):  # no sum: it may be the end of all time
        yield Seen(f"the Timestamp is {created:%Y-%m-%d %H:%M:%S} to {expires:%H:%M:%S} UTC, which is not now", exchange)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
