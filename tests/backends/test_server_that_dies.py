"""A server that is gone when the run asks for its records: what the device shows is told all the same."""

from __future__ import annotations

from autopilot_agent.backends.memory import MemoryBackend
from autopilot_agent.errors import ServiceUnavailable
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.testing.small import small_scenario


class Gone(MemoryBackend):
    def cloud(self) -> bytes | None:
        raise ServiceUnavailable("nobody answers.")

    def close(self) -> None:
        return


def test_what_the_device_shows_is_told_without_the_records_of_the_server() -> None:
    found = run_scenario(small_scenario(), backend=Gone).result
    assert (found.verdict, found.exit_code, found.problem) == ("error", 3, "nobody answers.")
    wanted = run_scenario(small_scenario()).result
    assert (found.end_state, found.states, found.trace_hash) == (wanted.end_state, wanted.states, wanted.trace_hash)
