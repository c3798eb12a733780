"""Faults in front of a backend: which call they strike, how often, when, and what the device then sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.backends.faults import DROPPED, CallFault, FaultPlan, FaultyBackend
from autopilot_agent.errors import CallFailed, ServiceFault, Unreachable
from autopilot_agent.service.base import Done
from autopilot_agent.service.ime import GetContentInfo
from autopilot_agent.service.network import Activate, ProbeConnectivity
from autopilot_agent.testing import ScriptedBackend


class Line:
    """A faulty backend as the world uses it: the delay first, then the call."""

    def __init__(self, *faults: CallFault, state: str = "boot") -> None:
        self.reports: list[tuple[str, str]] = []
        self.state = state
        self.plan = FaultPlan(list(faults), lambda: self.state, lambda fault, where: self.reports.append((fault, where)))
        self.inner = ScriptedBackend({ProbeConnectivity: Done(), Activate: Done()})
        self.backend = FaultyBackend(self.inner, self.plan)

    def call(self, call: ProbeConnectivity | Activate | None = None, now: int = 0) -> str:
        call = call or ProbeConnectivity()
        delay = self.plan.delay(call, now)
        try:
            self.backend.send(call, now=now)
        except CallFailed as failed:
            return f"{type(failed).__name__} {failed.code}"
        return f"ok after {delay}" if delay else "ok"


def fault(**given: object) -> CallFault:
    return CallFault(**{"name": "F-26", "on": "ProbeConnectivity", **given})  # type: ignore[arg-type]


def test_without_a_fault_everything_passes() -> None:
    assert Line().call() == "ok"


def test_a_code_is_refused_with_the_rule_of_its_fault() -> None:
    line = Line(fault(code="0x80180014"))
    line.plan.delay(ProbeConnectivity(), 0)
    with pytest.raises(ServiceFault) as caught:
        line.backend.send(ProbeConnectivity(), now=0)
    assert (caught.value.code, caught.value.rule) == ("0x80180014", "F-26")
    assert line.reports == [("F-26", "ProbeConnectivity")]
    assert line.inner.calls == []


def test_a_status_is_shown_as_a_hresult() -> None:
    assert Line(fault(status=503)).call() == "ServiceFault 0x801901F7"


def test_a_dropped_call_is_unreachable() -> None:
    line = Line(fault(drop=True))
    call = ProbeConnectivity()
    line.plan.delay(call, 0)
    with pytest.raises(Unreachable) as caught:
        line.backend.send(call, now=0)
    assert caught.value.code == DROPPED


def test_a_fault_of_the_scenario_s_own_words_cites_no_rule() -> None:
    assert fault(name="a slow proxy").rule == ""
    assert fault(name="F-26").rule == "F-26"


def test_a_delay_only_takes_time() -> None:
    line = Line(fault(delay=5000))
    assert line.call() == "ok after 5000"
    assert line.reports == [("F-26", "ProbeConnectivity takes 5 s longer")]


def test_delays_of_several_faults_add_up_until_one_refuses() -> None:
    line = Line(fault(delay=5000), fault(delay=1000, code="0x1"), fault(delay=7000))
    call = ProbeConnectivity()
    assert line.plan.delay(call, 0) == 6000
    assert line.plan.refusing(call) is not None


def test_other_calls_are_left_alone() -> None:
    assert Line(fault(code="0x1")).call(Activate()) == "ok"


def test_a_fault_begins_at_the_nth_call_and_ends_after_some() -> None:
    line = Line(fault(code="0x1", nth=2, times=2))
    assert [line.call() for _ in range(5)] == ["ok", "ServiceFault 0x1", "ServiceFault 0x1", "ok", "ok"]


def test_a_fault_counts_only_what_it_could_strike() -> None:
    line = Line(fault(code="0x1", nth=2, times=1), state="boot")
    line.call(Activate())
    assert [line.call() for _ in range(3)] == ["ok", "ServiceFault 0x1", "ok"]


def test_a_fault_has_its_hours() -> None:
    line = Line(fault(code="0x1", since=1000, until=2000))
    assert [line.call(now=now) for now in (999, 1000, 1999, 2000)] == ["ok", "ServiceFault 0x1", "ServiceFault 0x1", "ok"]


def test_a_fault_has_its_state() -> None:
    line = Line(fault(code="0x1", in_state="network"))
    assert line.call() == "ok"
    line.state = "network"
    assert line.call() == "ServiceFault 0x1"


def test_a_fault_has_its_app() -> None:
    plan = FaultPlan([CallFault("x", "GetContentInfo", code="0x1", app="a1")], lambda: "", lambda _f, _w: None)
    one, other = GetContentInfo("e", "a1"), GetContentInfo("e", "a2")
    plan.delay(other, 0)
    assert plan.refusing(other) is None
    plan.delay(one, 0)
    assert plan.refusing(one) is not None


def test_a_refusal_strikes_one_call() -> None:
    line = Line(fault(code="0x1", times=1))
    call = ProbeConnectivity()
    line.plan.delay(call, 0)
    assert line.plan.refusing(call) is not None
    assert line.plan.refusing(call) is None


def test_a_refusal_strikes_its_own_call_when_calls_overlap() -> None:
    line = Line(fault(code="0x1", times=1))
    slow, quick = ProbeConnectivity(), Activate()
    line.plan.delay(slow, 0)
    line.plan.delay(quick, 0)
    assert line.plan.refusing(quick) is None
    assert line.plan.refusing(slow) is not None


def test_a_fault_on_commands_forces_their_status() -> None:
    line = Line(fault(uri="./Vendor/MSFT/Policy", status=405, times=1), fault(uri="./Vendor/MSFT/WiFi"))
    assert line.plan.command_status("./DevDetail/SwV") == 0
    assert line.plan.command_status("./Vendor/MSFT/Policy/Config/X/Y") == 405
    assert line.plan.command_status("./Vendor/MSFT/Policy/Config/X/Y") == 0
    assert line.plan.command_status("./Vendor/MSFT/WiFi/Profile/x") == 500
    assert line.call() == "ok"


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 12))
def test_a_fault_strikes_exactly_the_calls_it_names(nth: int, times: int, calls: int) -> None:
    line = Line(fault(code="0x1", nth=nth, times=times))
    struck = [number for number in range(1, calls + 1) if line.call() != "ok"]
    assert struck == [number for number in range(nth, nth + times) if number <= calls]
