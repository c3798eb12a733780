"""The memory backend: calls go straight to the embedded tenant as objects."""

from __future__ import annotations

from typing import TypeVar

from autopilot_agent.service.base import Answer, Call
from autopilot_agent.tenant.cloud import HANDLERS, answer
from autopilot_agent.tenant.state import TenantState

A = TypeVar("A", bound=Answer)


class MemoryBackend:
    """Answers from one tenant state."""

    def __init__(self, state: TenantState) -> None:
        self.state = state

    def send(self, call: Call[A], *, now: int) -> A:
        """Answer one call; see ``autopilot_agent.service.Backend``."""
        handler = HANDLERS.get(type(call))
        if handler is None:
            return answer(self.state, call, now)
        return handler(self.state, call, now)  # type: ignore[return-value]  # the table pairs calls with their answers


def create(state: TenantState) -> MemoryBackend:
    """Entry point ``autopilot_agent.backends``: make a backend for one run."""
    return MemoryBackend(state)
