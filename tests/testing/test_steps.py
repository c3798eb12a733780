"""The step driver: one step, a scripted cloud and person, and loud failures for whatever the script forgot."""

from __future__ import annotations

import pytest

from autopilot_agent.device import Device
from autopilot_agent.errors import InputError, ServiceFault, Unreachable
from autopilot_agent.events import CallRefused, LogWritten
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.person import Reply
from autopilot_agent.oobe.states import Outcome
from autopilot_agent.oobe.steps import prefix, sign_in, updates
from autopilot_agent.oobe.world import World
from autopilot_agent.service.base import Done
from autopilot_agent.service.entra import DiscoverRealm, Realm, SignedIn, SignIn
from autopilot_agent.service.network import (
    Activate,
    CloudAssignedProfile,
    DownloadProfile,
    GetDeviceTicket,
    NetworkTime,
    ProbeConnectivity,
    SynchronizeTime,
)
from autopilot_agent.testing import ScriptedBackend, StepDriver, run_step, small_device

TOKEN = SignedIn("u1", "user1@contoso.example", "User One", "t1")
ONLINE = {ProbeConnectivity: Done(), SynchronizeTime: NetworkTime(), GetDeviceTicket: Done()}


def test_a_step_is_played_with_scripted_answers() -> None:
    run = run_step(updates.activation, answers={Activate: Done()})
    assert run.result.outcome is Outcome.OK
    assert run.milliseconds > 0


def test_a_refusal_is_raised_where_the_step_calls() -> None:
    run = run_step(updates.activation, answers={Activate: Unreachable("0x80072EE2", "nobody there")})
    assert run.result.outcome is Outcome.SKIPPED
    assert [event.code for event in run.events if isinstance(event, CallRefused)] == ["0x80072EE2"]


def test_a_step_takes_as_long_as_its_rows_say() -> None:
    one, same, other = (run_step(updates.activation, answers={Activate: Done()}, seed=seed) for seed in (1, 1, 2))
    assert one.milliseconds == same.milliseconds != other.milliseconds


def test_a_person_answers_page_by_page() -> None:
    device = small_device({"device.network": "wifi"})
    person: dict[str, str | Reply | list[str | Reply]] = {"REGION": "DE", "KBD2": Reply("Add layout", "0000040C")}
    run = StepDriver(device, person=person).run(prefix.region, prefix.keyboard)
    assert run.screens == ("REGION", "KBD", "KBD2")
    assert (run.device.disk.region, run.device.disk.second_keyboard) == ("DE", "0000040C")
    assert [one.outcome for one in run.results] == [Outcome.OK, Outcome.OK]


def test_answers_come_one_after_the_other_and_may_look_at_the_call() -> None:
    def check(call: SignIn) -> SignedIn:
        if call.password != "right":
            raise ServiceFault("AADSTS50126", "wrong user name or password", "F-18")
        return TOKEN

    device = small_device()
    device.memory.user_name = "user1@contoso.example"
    run = run_step(
        sign_in.authenticate,
        device,
        answers={DiscoverRealm: Realm("Managed", "contoso.example", "t1"), SignIn: [check, check, check]},
        person={"PWD": ["nonsense", "other", "right"]},
    )
    assert run.result.outcome is Outcome.OK
    assert run.screens.count("PWD") == 5
    assert "F-18" in run.rules


@pytest.mark.parametrize(
    ("code", "number", "rule"), [("807", 807, "F-02"), ("809", 809, "F-04"), ("815", 815, "F-03"), ("908", 908, "F-05")]
)
def test_a_refused_profile_leaves_its_event_behind(code: str, number: int, rule: str) -> None:
    run = run_step(prefix.boot, answers={**ONLINE, DownloadProfile: ServiceFault(code, "refused", rule)})
    assert run.device.memory.profile is None
    assert (number, f"EVT-{number}") in [(event.id, event.rule) for event in run.events if isinstance(event, LogWritten)]
    assert rule in run.rules


def test_a_profile_without_a_tenant_is_no_profile() -> None:
    run = run_step(prefix.boot, answers={**ONLINE, DownloadProfile: CloudAssignedProfile()})
    assert run.device.disk.profile is None
    assert 704 in [event.id for event in run.events if isinstance(event, LogWritten)]


def test_a_call_that_is_not_scripted_fails_loudly() -> None:
    with pytest.raises(AssertionError, match=r"the step calls Activate, which the script does not answer .answered: none"):
        run_step(updates.activation)


def test_a_script_that_is_too_short_fails_loudly() -> None:
    with pytest.raises(AssertionError, match="the step calls Activate more often than the script answers it"):
        StepDriver(answers={Activate: [Done()]}).run(updates.activation, updates.activation)


@pytest.mark.parametrize("answers", [{Activate: Done(), SignIn: TOKEN}, {Activate: [Done(), Done()]}])
def test_an_answer_that_nobody_asked_for_fails_loudly(answers: dict) -> None:
    with pytest.raises(AssertionError, match=r"the step never asked for: (SignIn|Activate)"):
        run_step(updates.activation, answers=answers)


def test_an_answer_of_the_wrong_type_fails_loudly() -> None:
    with pytest.raises(AssertionError, match="the script answers Activate with SignedIn, not Done"):
        run_step(updates.activation, answers={Activate: TOKEN})


def test_a_choice_that_the_page_does_not_offer_fails_loudly() -> None:
    with pytest.raises(InputError, match="on page EULA"):
        run_step(sign_in.eula, person={"EULA": "Perhaps"})


def test_a_driver_is_used_once() -> None:
    driver = StepDriver()
    driver.run(sign_in.eula)
    with pytest.raises(RuntimeError, match="used once"):
        driver.run(sign_in.eula)


def test_calls_are_kept_with_their_times() -> None:
    backend = ScriptedBackend({Activate: Done()})
    run = run_step(updates.activation, backend=backend)
    assert [(at <= run.milliseconds, type(call)) for at, call in backend.calls] == [(True, Activate)]
    assert backend.unused() == ()


def test_what_a_step_raises_comes_out_as_itself() -> None:
    async def broken(device: Device, world: World) -> StepResult:
        raise LookupError("nothing")

    with pytest.raises(LookupError, match="nothing"):
        run_step(broken)
