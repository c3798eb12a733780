"""Which protocol carries which call, and all routes of a served tenant."""

from __future__ import annotations

from typing import Any

from autopilot_agent.service.base import Call
from autopilot_agent.wire import attestation, calls, device_grants, drs, drs_server, entra, msa, oauth, terms, ztd
from autopilot_agent.wire.http import Client, Flows, Route

FLOWS: Flows = {
    **msa.FLOWS,
    **ztd.FLOWS,
    **entra.FLOWS,
    **oauth.FLOWS,
    **device_grants.FLOWS,
    **terms.FLOWS,
    **drs.FLOWS,
    **attestation.FLOWS,
}
"""The client of each call that has a protocol; every other one goes by ``calls.ask``."""
ROUTES: tuple[Route, ...] = (
    *msa.ROUTES,
    *ztd.ROUTES,
    *entra.ROUTES,
    *oauth.ROUTES,
    *terms.ROUTES,
    *drs_server.ROUTES,
    *attestation.ROUTES,
    *calls.ROUTES,
)
"""Everything that a served tenant answers."""


def client_of(kind: type[Call[Any]]) -> Client:
    """How a call is made."""
    return FLOWS.get(kind, calls.ask)
