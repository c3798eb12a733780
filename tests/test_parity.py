"""Every scenario of the repository takes the same course in memory, over HTTP in one process, and over a socket with TLS."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from autopilot_agent.backends.addresses import Addresses
from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.backends.net import RequestsNet
from autopilot_agent.scenario.loader import find_scenarios, load_scenario
from autopilot_agent.scenario.run import Run, run_scenario
from autopilot_agent.simulator.server import Served, serving
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing.in_process import in_process_backend, one_authority
from autopilot_agent.testing.small import small_state
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.wallet import Wallet

ROOT = Path(__file__).parent.parent
SCENARIOS = find_scenarios([ROOT / "scenarios"])


@cache
def in_memory(path: Path) -> Run:
    """The run that the others must be equal to; without its plan, which is large."""
    run = run_scenario(load_scenario(path))
    return Run(run.result, run.events)


def first_difference(found: Run, wanted: Run) -> str:
    for mine, theirs in zip(found.events, wanted.events, strict=False):
        if mine != theirs:
            return f"{mine!r} instead of {theirs!r}"
    return f"{len(found.events)} events instead of {len(wanted.events)}"


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_scenario_over_http_is_the_scenario_in_memory(path: Path) -> None:
    wanted = in_memory(path)
    found = run_scenario(load_scenario(path), backend=in_process_backend)
    assert found.result.trace_hash == wanted.result.trace_hash, first_difference(found, wanted)
    assert (found.result.verdict, found.result.problem) == (wanted.result.verdict, wanted.result.problem)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, RequestsNet]]:
    """A server with TLS on a free port, and connections that trust it; each scenario brings it another tenant."""
    with serving(small_state(), tls=True, authority=one_authority) as served:
        ca = tmp_path_factory.mktemp("ca") / "ca.pem"
        ca.write_bytes(served.ca_pem)
        net = RequestsNet(Addresses(served.url), ca=str(ca))
        yield served, net
        net.close()


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_scenario_over_a_socket_with_tls_is_the_scenario_in_memory(path: Path, server: tuple[Served, RequestsNet]) -> None:
    served, net = server

    def backend(state: TenantState) -> HttpBackend:
        served.serve(state)
        return HttpBackend(net, Wallet(KeySource(pooled=True)), tell=lambda rule, text: state.tell(rule, text))

    wanted = in_memory(path)
    found = run_scenario(load_scenario(path), backend=backend)
    assert found.result.trace_hash == wanted.result.trace_hash, first_difference(found, wanted)
    assert (found.result.verdict, found.result.problem) == (wanted.result.verdict, wanted.result.problem)
