"""The directory's list of Intune's addresses, where clients look the enrolment service up (protocols.md 7.5).

Windows does not ask it in an Autopilot enrolment, so a device of ours does not either; other clients do.
"""

from __future__ import annotations

from autopilot_agent.errors import ServiceFault
from autopilot_agent.wire import clients, tokens
from autopilot_agent.wire.enrolment_service import STATELESS_PATH
from autopilot_agent.wire.http import Desk, Incoming, Response, Route, as_json, status_of

INTUNE = "0000000a-0000-0000-c000-000000000000"
"""The application id of Intune in every tenant."""
PATH = "/v1.0/myorganization/servicePrincipals/appId=<app_id>/endpoints"
ADDRESSES = {
    "WindowsEnrollment": ("fef.manage.microsoft.com", STATELESS_PATH),
    "IWService": ("fef.manage.microsoft.com", "/StatelessIWService"),
    "TokenRenewalService": ("fef.manage.microsoft.com", "/StatelessOAuthService"),
}
"""Host and path of each. Only the first is answered here; the paths of the others are made up, the hosts name no scale unit."""


def serve(incoming: Incoming, desk: Desk) -> Response:
    """The addresses, for anybody with a token. Raises ``ServiceFault``: HTTP 401 without one, 404 for another application."""
    if not clients.bearer_of(incoming, desk):
        raise ServiceFault(tokens.UNAUTHORIZED, "the request has no token")
    if incoming.parameters["app_id"].casefold() != INTUNE:
        raise ServiceFault("0x80190194", "the directory has no such application")
    found = [{"providerName": name, "uri": incoming.url(*place)} for name, place in ADDRESSES.items()]
    return as_json({"value": found})


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """An error as Graph writes it."""
    return as_json({"error": {"code": "InvalidAuthenticationToken", "message": fault.reason}}, status_of(fault.code))


ROUTES = (Route("GET", PATH, serve, refuse, "endpoints"),)
