"""A backend that writes down every call, and what came of it, in front of another backend."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from autopilot_agent.backends.memory import MemoryBackend
from autopilot_agent.errors import CallFailed
from autopilot_agent.service import Answer, Backend, Call
from autopilot_agent.tenant.state import TenantState

A = TypeVar("A", bound=Answer)


class Recorded(NamedTuple):
    """One call: virtual milliseconds, name of the call, host, and the name of the answer or the code of the refusal."""

    now: int
    call: str
    host: str
    answer: str


class RecordingBackend:
    """``calls`` has one record per call, in order."""

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.calls: list[Recorded] = []

    def send(self, call: Call[A], *, now: int) -> A:
        """Pass the call on; refusals are recorded and raised again, anything else is none of our business."""
        try:
            answer = self.inner.send(call, now=now)
        except CallFailed as failed:
            self._write(call, failed.code, now)
            raise
        self._write(call, type(answer).__name__, now)
        return answer

    def _write(self, call: Call[A], what: str, now: int) -> None:
        self.calls.append(Recorded(now, type(call).__name__, call.host, what))


def create(state: TenantState) -> RecordingBackend:
    """What the entry point ``autopilot_agent.backends`` of a package would name."""
    return RecordingBackend(MemoryBackend(state))
