"""The contract of the recording backend, and that the contract notices when it is broken."""

from __future__ import annotations

import pytest
from recording import RecordingBackend, create

from autopilot_agent.backends.memory import MemoryBackend
from autopilot_agent.errors import ServiceFault
from autopilot_agent.testing import CONTRACT, check_backend


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_the_contract_is_kept(check) -> None:
    check(create)


class Polite(RecordingBackend):
    """Makes the mistake that wrappers make: it answers a refusal with None."""

    def send(self, call, *, now):
        try:
            return super().send(call, now=now)
        except ServiceFault:
            return None


def test_a_swallowed_refusal_is_noticed() -> None:
    with pytest.raises(AssertionError, match="must be refused with 807"):
        check_backend(lambda state: Polite(MemoryBackend(state)))
