"""Which protocol carries which call, and all routes of a served tenant."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from autopilot_agent.service.base import Call
from autopilot_agent.wire import (
    attestation,
    calls,
    connectivity,
    content,
    device_grants,
    discovery,
    drs,
    drs_server,
    endpoints,
    enrolling,
    enrolment_service,
    entra,
    ime,
    ime_gateway,
    msa,
    oauth,
    sign_in_page,
    syncml,
    terms,
    xcep,
    ztd,
)
from autopilot_agent.wire.http import Client, Flows, Route

PROTOCOLS: tuple[ModuleType, ...] = (
    msa,
    ztd,
    attestation,
    entra,
    oauth,
    device_grants,
    terms,
    drs,
    drs_server,
    discovery,
    sign_in_page,
    xcep,
    enrolling,
    enrolment_service,
    endpoints,
    syncml,
    ime,
    ime_gateway,
    content,
    connectivity,
    calls,
)
"""Every module with ``FLOWS`` (a client's side), ``ROUTES`` (a server's side) or both."""
FLOWS: Flows = {kind: flow for module in PROTOCOLS for kind, flow in getattr(module, "FLOWS", {}).items()}
"""The client of each call that has a protocol; every other one goes by ``calls.ask``."""
ROUTES: tuple[Route, ...] = tuple(route for module in PROTOCOLS for route in getattr(module, "ROUTES", ()))
"""Everything that a served tenant answers."""


def client_of(kind: type[Call[Any]]) -> Client:
    """How a call is made."""
    return FLOWS.get(kind, calls.ask)
