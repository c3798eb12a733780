"""How a client recognises a tenant of ours, gets its authority's certificate, and reads what it recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import msgspec

from autopilot_agent import __version__
from autopilot_agent.scenario.saved_cloud import save_cloud
from autopilot_agent.simulator.graph_answers import guarded
from autopilot_agent.simulator.health import refuse
from autopilot_agent.wire.http import JSON, Desk, Incoming, Response, Route, as_json

if TYPE_CHECKING:
    from autopilot_agent.simulator.desk import TenantDesk

PRODUCT = "autopilot-agent"


def routes(token: str, tls: Callable[[], bool]) -> tuple[Route, ...]:
    """``/autopilot-agent``, ``/autopilot-agent/ca.pem``, ``/autopilot-agent/cloud``."""

    def about(incoming: Incoming, desk: Desk) -> Response:
        state = cast("TenantDesk", desk).state
        found = {"product": PRODUCT, "version": __version__, "tenant_id": state.tenant_id, "domain": state.domain, "tls": tls()}
        return as_json(found)

    def certificate(incoming: Incoming, desk: Desk) -> Response:
        return Response(200, {"content-type": "application/x-pem-file"}, desk.authority.certificate_pem())

    def cloud(incoming: Incoming, desk: Desk) -> Response:
        ours = cast("TenantDesk", desk)
        with ours.lock:
            return Response(200, {"content-type": JSON}, msgspec.json.encode(save_cloud(ours.state)))

    return (
        Route("GET", "/autopilot-agent", about, refuse, "about"),
        Route("GET", "/autopilot-agent/ca.pem", certificate, refuse, "ca"),
        Route("GET", "/autopilot-agent/cloud", guarded(token, cloud), refuse, "cloud"),
    )
