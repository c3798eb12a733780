"""The contract kit: our own backends pass it, and each way to break a promise is caught with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import pytest

from autopilot_agent.backends.faults import FaultPlan, FaultyBackend
from autopilot_agent.backends.memory import MemoryBackend
from autopilot_agent.backends.registry import make_backend
from autopilot_agent.errors import Defect, InputError, ServiceFault, Unreachable
from autopilot_agent.service import CALLS, Backend
from autopilot_agent.service.base import Answer, Call, Done, answer_type
from autopilot_agent.service.enrolment import EnrollMdm
from autopilot_agent.service.entra import SignIn
from autopilot_agent.service.ime import GetRequiredApps
from autopilot_agent.service.management import Commands, ManagementMessage
from autopilot_agent.service.network import DownloadProfile, ProbeConnectivity
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing import CONTRACT, check_backend, small_state
from autopilot_agent.testing.contract import MakeBackend


def behind_no_faults(state: TenantState) -> Backend:
    return FaultyBackend(MemoryBackend(state), FaultPlan([], lambda: "boot", lambda _fault, _where: None))


BACKENDS: dict[str, MakeBackend] = {"memory": MemoryBackend, "faults in front": behind_no_faults}


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("make", BACKENDS.values(), ids=list(BACKENDS))
def test_our_backends_keep_the_contract(make: MakeBackend, check: Callable[[MakeBackend], None]) -> None:
    check(make)


@pytest.mark.parametrize("name", sorted(point.name for point in entry_points(group="autopilot_agent.backends")))
def test_every_installed_backend_keeps_the_contract(name: str) -> None:
    check_backend(lambda state: make_backend(name, state))


class Broken:
    """A memory backend with one answer spoilt."""

    def __init__(self, state: TenantState, spoil: Callable[[Call[Any], Callable[[], Any]], Any]) -> None:
        self.inner = MemoryBackend(state)
        self.spoil = spoil

    def send(self, call: Call[Any], *, now: int) -> Any:
        return self.spoil(call, lambda: self.inner.send(call, now=now))


def spoilt(kind: type[Call[Any]], instead: Callable[[Callable[[], Any]], Any]) -> MakeBackend:
    return lambda state: Broken(state, lambda call, pass_on: instead(pass_on) if type(call) is kind else pass_on())


def fails(error: Exception) -> Callable[[Callable[[], Any]], Any]:
    def instead(_pass_on: Callable[[], Any]) -> Any:
        raise error

    return instead


def any_refusal_as(make_error: Callable[[ServiceFault], Exception]) -> MakeBackend:
    def spoil(call: Call[Any], pass_on: Callable[[], Any]) -> Any:
        try:
            return pass_on()
        except ServiceFault as fault:
            raise make_error(fault) from fault

    return lambda state: Broken(state, spoil)



class DeafToTime(MemoryBackend):
    def send(self, call: Call[Any], *, now: int) -> Any:
        return super().send(call, now=3_600_000)


class Moody(MemoryBackend):
    """Answers every other profile request with another correlation id."""

    asked = 0

    def send(self, call: Call[Any], *, now: int) -> Any:
        import msgspec

        answer = super().send(call, now=now)
        if isinstance(call, DownloadProfile):
            self.asked += 1
            return msgspec.structs.replace(answer, autopilot_service_correlation_id=str(self.asked))
        return answer


class Endless(MemoryBackend):
    """Repeats the first batch of commands for ever, with fresh ids."""

    number = 10_000

    def send(self, call: Call[Any], *, now: int) -> Any:
        import msgspec

        answer = super().send(call, now=now)
        if isinstance(answer, Commands) and not answer.commands:
            from autopilot_agent.service.management import Command

            Endless.number += 1
            return msgspec.structs.replace(answer, commands=(Command(Endless.number, "Get", "./DevDetail/SwV"),))
        return answer


class NoUnknownEnrolment(MemoryBackend):
    def send(self, call: Call[Any], *, now: int) -> Any:
        try:
            return super().send(call, now=now)
        except ServiceFault:
            if isinstance(call, GetRequiredApps | ManagementMessage):
                return answer_type(type(call))()
            raise


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (spoilt(ProbeConnectivity, lambda _pass_on: None), "ProbeConnectivity must be answered with Done, not with NoneType"),
        (spoilt(DownloadProfile, lambda _pass_on: Done()), "must be answered with CloudAssignedProfile, not with Done"),
        (spoilt(SignIn, fails(KeyError("password"))), "SignIn lets KeyError escape"),
        (spoilt(SignIn, fails(Defect("no handler"))), "SignIn lets Defect escape"),
        (spoilt(EnrollMdm, fails(ServiceFault("0x80180014"))), "EnrollMdm must be answered, but it is refused: 0x80180014"),
        (spoilt(EnrollMdm, fails(Unreachable("0x80072EE2"))), "EnrollMdm must be answered, but it is unreachable"),
        (any_refusal_as(lambda fault: ServiceFault("0x80004005")), "must be refused with 807, not with 0x80004005"),
        (any_refusal_as(lambda fault: ValueError(fault.code)), "must be a ServiceFault with 807, not ValueError: 807"),
        (any_refusal_as(lambda fault: Unreachable(fault.code)), "must be a ServiceFault with 807, not Unreachable"),
        (DeafToTime, "goes by another clock"),
        (Moody, "DownloadProfile asked twice is answered differently"),
        (Endless, "session 1 has not ended after 60 messages"),
        (NoUnknownEnrolment, "must be refused with 0x80190193"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_promise_is_caught(make: MakeBackend, sentence: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_backend(make)
    assert sentence in str(caught.value)


def test_a_backend_that_says_something_else_than_the_tenant_is_caught() -> None:
    import msgspec

    make = spoilt(SignIn, lambda pass_on: msgspec.structs.replace(pass_on(), display_name="Somebody Else"))
    with pytest.raises(AssertionError, match=r"SignIn is answered with .*Somebody Else.*the tenant says"):
        check_backend(make)


def test_every_call_declares_its_answer() -> None:
    kinds = {name: answer_type(kind) for name, kind in CALLS.items()}
    assert len(kinds) > 20
    assert all(issubclass(kind, Answer) and kind is not Answer for kind in kinds.values())


def test_a_call_without_a_declared_answer_is_refused() -> None:
    with pytest.raises(TypeError, match="Call declares no answer"):
        answer_type(Call)


def test_every_call_has_a_handler_and_no_handler_is_without_a_call() -> None:
    from autopilot_agent.tenant.cloud import HANDLERS

    assert {kind.__name__ for kind in HANDLERS} | TENANTLESS == set(CALLS)


TENANTLESS: set[str] = set()


def test_a_call_that_the_tenant_does_not_know_is_a_defect() -> None:
    class Unheard(Call[Done], frozen=True):
        """Nobody handles this."""

    with pytest.raises(Defect, match="call Unheard has no handler"):
        MemoryBackend(small_state()).send(Unheard(), now=0)


def test_an_unknown_backend_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"there is no backend 'htpp'; installed are: .*memory"):
        make_backend("htpp", small_state())
