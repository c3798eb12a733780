"""The cloud's front door: one handler per call, found by the call's type."""

from __future__ import annotations

from typing import TypeVar, cast

from autopilot_agent.errors import Defect
from autopilot_agent.service.base import Answer, Call
from autopilot_agent.tenant import attestation, directory, domain, gateway, intune, onboarding, sessions
from autopilot_agent.tenant.state import Handlers, TenantState

A = TypeVar("A", bound=Answer)

HANDLERS: Handlers = {
    **onboarding.HANDLERS,
    **attestation.HANDLERS,
    **directory.HANDLERS,
    **intune.HANDLERS,
    **sessions.HANDLERS,
    **gateway.HANDLERS,
    **domain.HANDLERS,
}


def answer(state: TenantState, call: Call[A], now: int) -> A:
    """Answer one call from the tenant. Raises ``ServiceFault`` when the tenant refuses, ``Defect`` for an unknown call."""
    handler = HANDLERS.get(type(call))
    if handler is None:
        raise Defect(f"call {type(call).__name__} has no handler")
    return cast(A, handler(state, call, now))
