"""OMA-DM sessions in SyncML 1.2 (MS-MDM; protocols.md 12): how ``ManagementMessage`` travels, for client and server."""

from __future__ import annotations

from autopilot_agent.service.management import ManagementMessage
from autopilot_agent.wire.http import Flows
from autopilot_agent.wire.syncml_client import manage
from autopilot_agent.wire.syncml_server import ROUTES as ROUTES

FLOWS: Flows = {ManagementMessage: manage}
