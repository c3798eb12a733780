"""What a device can ask the cloud: each call is data that names its answer type; nothing here does anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from autopilot_agent.service import attestation, content, domain, enrolment, entra, ime, management, network
from autopilot_agent.service.base import Answer, Call

if TYPE_CHECKING:
    from typing import TypeVar

    A = TypeVar("A", bound=Answer)

__all__ = ["CALLS", "Answer", "Backend", "Call"]


class Backend(Protocol):
    """Who answers a call. ``send`` is the only method.

    It answers with the call's answer type, or raises ``ServiceFault`` (refused) or ``Unreachable`` (nobody there). ``now`` is
    virtual milliseconds since power-on. Anything else that escapes is a defect of the backend.
    """

    def send(self, call: Call[A], *, now: int) -> A:
        """Answer one call."""
        ...


def _calls() -> dict[str, type[Call[Answer]]]:
    found: dict[str, type[Call[Answer]]] = {}
    for module in (network, attestation, entra, enrolment, management, ime, content, domain):
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, Call) and value is not Call:
                found[name] = value
    return found


CALLS: dict[str, type[Call[Answer]]] = _calls()
"""Every call by name; scenario files use these names in ``faults: - on: ...``."""
