"""The connectivity probe (NCSI): a page over plain HTTP whose text is known."""

from __future__ import annotations

from autopilot_agent.errors import ServiceFault, Unreachable
from autopilot_agent.service.base import Done
from autopilot_agent.service.network import ProbeConnectivity
from autopilot_agent.wire.http import Desk, Flow, Flows, Incoming, Request, Response, Route, refused, status_of
from autopilot_agent.wire.wallet import Wallet

PATH = "/connecttest.txt"
TEXT = b"Microsoft Connect Test"
CAPTIVE = "0x80072EFD"
"""No connection to the internet could be made: whoever answers is not who was asked."""


def probe(call: ProbeConnectivity, wallet: Wallet) -> Flow[Done]:
    """Fetch the page; any other text, and a redirection, is a captive portal and no internet (F-11)."""
    response = yield Request("GET", f"http://{ProbeConnectivity.host}{PATH}")
    if response.status >= 400:
        raise refused(response)
    if response.status != 200 or response.body.strip() != TEXT:
        raise Unreachable(CAPTIVE, "something else than the test page answers the connectivity probe", "F-11")
    return Done()


def serve(incoming: Incoming, desk: Desk) -> Response:
    """The page."""
    desk.answer(ProbeConnectivity(), incoming)
    return Response(200, {"content-type": "text/plain"}, TEXT)


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """A status."""
    return Response(status_of(fault.code))


FLOWS: Flows = {ProbeConnectivity: probe}
ROUTES = (Route("GET", PATH, serve, refuse, "connectivity"),)
