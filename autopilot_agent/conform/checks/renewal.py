"""Renewal of the certificate on behalf of its holder (MS-MDE2, ROBO; certificate renewal of Windows MDM)."""

from __future__ import annotations

from collections.abc import Iterable

from autopilot_agent.conform.checks.registry import Check, Seen, tests
from autopilot_agent.conform.evidence import RENEW, RENEW_STRANGER, RENEW_UNSHOWN, NotReached, Visit


@tests("REN-REDIRECT")
def redirect(visit: Visit) -> Iterable[Seen]:
    """None."""
    exchange, response = visit.answered(RENEW)
    if 300 <= response.status < 400:
        yield Seen(f"the renewal was redirected to {response.headers.get('location', 'nowhere')[:100]}", exchange)


@tests("REN-ANSWER")
def answer(visit: Visit) -> Iterable[Seen]:
    """A document or a fault."""
    exchange = visit.last(RENEW)
    response = exchange.response
    if response is not None and 300 <= response.status < 400:
        raise NotReached("the renewal was redirected")
    if exchange.envelope is None:
        yield Seen(f"the renewal was answered with {exchange.said()}", exchange)


@tests("REN-DOCUMENT")
def document(visit: Visit) -> Iterable[Seen]:
    """A document that the device takes."""
    exchange, response = visit.answered(RENEW)
    if exchange.envelope is None or exchange.fault is not None or not response.good:
        raise NotReached(f"the server did not renew: {exchange.said()}")
    if RENEW in visit.shown:
        code, reason = visit.shown[RENEW]
        yield Seen(f"the device does not take the document: {reason} ({code})", exchange)


def _not_for(purpose: str, whom: str) -> Check:
    """A renewal that must not be; where nothing that is asked for a renewal has an answer, a refusal shows nothing."""

    def check(visit: Visit) -> Iterable[Seen]:
        exchange, response = visit.answered(purpose)
        if response.good and exchange.envelope is not None and exchange.fault is None:
            yield Seen(f"a certificate was renewed for {whom}", exchange)
        elif visit.last(RENEW).envelope is None:
            raise NotReached("the device's own renewal has no answer either")

    return check


tests("REN-STRANGER")(_not_for(RENEW_STRANGER, "somebody who signed with a key and a certificate of his own making"))
tests("REN-UNSHOWN")(_not_for(RENEW_UNSHOWN, "a connection that showed no certificate"))
