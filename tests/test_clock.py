"""Virtual time: who wakes when, in which order, the same with and without the shortcut, and draws that need no order."""

from __future__ import annotations

import gc
import re
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.clock import HOUR, MINUTE, SECOND, Clock, Signal
from autopilot_agent.errors import Defect, InputError, Place, ServiceFault
from autopilot_agent.events import to_dict
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.testing import small_scenario

Scene = Callable[[Clock, Callable[[str], None]], Awaitable[None]]


def played(scene: Scene, *, shortcut: bool = True) -> list[tuple[int, str]]:
    clock = Clock(1, shortcut=shortcut)
    seen: list[tuple[int, str]] = []

    async def whole() -> None:
        await scene(clock, lambda what: seen.append((clock.now, what)))

    clock.run(whole())
    return seen


async def two_sleepers(clock: Clock, say: Callable[[str], None]) -> None:
    async def sleeper(name: str, *times: int) -> None:
        for time in times:
            await clock.sleep(time)
            say(name)

    first, second = clock.spawn(sleeper("a", 10, 20, 5)), clock.spawn(sleeper("b", 10, 5, 20))
    await clock.join(first)
    say("joined a")
    await clock.join(second)
    say("joined b")


async def ties(clock: Clock, say: Callable[[str], None]) -> None:
    async def sleeper(name: str, milliseconds: int) -> None:
        await clock.sleep(milliseconds)
        say(name)

    for name in "cab":
        clock.spawn(sleeper(name, 100))
    clock.alarm(100, lambda: say("alarm"))
    await clock.sleep(100)
    say("main")
    await clock.sleep(0)
    say("after")


async def signals(clock: Clock, say: Callable[[str], None]) -> None:
    signal = clock.signal()

    async def waiter() -> None:
        for turn in range(3):
            await signal.wait()
            say(f"woken {turn}")

    clock.spawn(waiter())
    signal.fire()
    signal.fire()
    await clock.sleep(10)
    signal.fire()
    await clock.sleep(10)
    signal.fire()
    await clock.sleep(10)
    say("end")


async def alarms(clock: Clock, say: Callable[[str], None]) -> None:
    clock.alarm(30, lambda: say("late"))
    clock.alarm(10, lambda: say("early"))
    clock.alarm(500, lambda: say("never"))
    await clock.sleep(20)
    say("between")
    await clock.sleep(20)
    say("end")


SCENES: list[Scene] = [two_sleepers, ties, signals, alarms]


def test_sleepers_wake_in_the_order_of_their_times() -> None:
    assert played(two_sleepers) == [
        (10, "a"), (10, "b"), (15, "b"), (30, "a"), (35, "b"), (35, "a"), (35, "joined a"), (35, "joined b"),
    ]  # fmt: skip


def test_ties_go_by_the_order_of_asking() -> None:
    names = [name for _, name in played(ties)]
    assert names.index("c") < names.index("a") < names.index("b")
    assert names[-1] == "after"
    assert played(ties) == played(ties)


def test_a_signal_wakes_who_waits_and_keeps_one_call_for_who_comes_late() -> None:
    woken = [(at, what) for at, what in played(signals) if what.startswith("woken")]
    assert woken[0] == (0, "woken 0")
    assert len(woken) == 3


def test_an_alarm_rings_once_and_never_after_the_end() -> None:
    assert played(alarms) == [(10, "early"), (20, "between"), (30, "late"), (40, "end")]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_the_shortcut_changes_nothing(scene: Scene) -> None:
    assert played(scene) == played(scene, shortcut=False)


@given(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=6), min_size=1, max_size=5))
def test_the_shortcut_changes_nothing_for_any_sleepers(plan: list[list[int]]) -> None:
    async def scene(clock: Clock, say: Callable[[str], None]) -> None:
        async def sleeper(name: int, times: list[int]) -> None:
            for time in times:
                await clock.sleep(time)
                say(f"{name}")

        others = [clock.spawn(sleeper(name, times)) for name, times in enumerate(plan)]
        for time in plan[0]:
            await clock.sleep(time)
            say("main")
        for other in others:
            await clock.join(other)

    found = played(scene)
    assert found == played(scene, shortcut=False)
    assert [at for at, _ in found] == sorted(at for at, _ in found)


REAL_RUNS: list[dict[str, object]] = [
    {},
    {"device.network": "wifi"},
    {"device.registered": False},
    {"cloud.mfa": True, "person": {"PWD": ["wrong", "right password"]}},
    {"cloud.enrolled_devices": 15, "person": {"WRONG": ["Try again", "nothing"]}},
    {"installers": {"Editor": {"return_codes": [1603]}}},
    {"windows_update.critical": [{"kb": "KB1", "duration": "3m", "restart": True}]},
    {"faults": [{"on": "ManagementMessage", "status": 503, "times": 2}]},
]


@pytest.mark.parametrize("changes", REAL_RUNS, ids=lambda changes: " ".join(changes) or "plain")
def test_a_deployment_has_the_same_trace_without_the_shortcut(changes: dict[str, object]) -> None:
    fast, slow = run_scenario(small_scenario(changes)), run_scenario(small_scenario(changes), shortcut=False)
    for mine, theirs in zip(fast.events, slow.events, strict=False):
        assert to_dict(mine) == to_dict(theirs)
    assert len(fast.events) > 20
    assert fast.result.trace_hash == slow.result.trace_hash


def test_what_still_runs_at_the_end_is_closed_without_a_warning() -> None:
    closed: list[str] = []

    async def endless(clock: Clock) -> None:
        try:
            while True:
                await clock.sleep(HOUR)
        finally:
            closed.append("endless")

    async def whole(clock: Clock) -> str:
        clock.spawn(endless(clock))
        clock.spawn(endless(clock))
        await clock.sleep(MINUTE)
        clock.spawn(endless(clock))
        return "done"

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clock = Clock(1)
        assert clock.run(whole(clock)) == "done"
        del clock
        gc.collect()
    assert closed == ["endless"] * 3


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(
    "error",
    [Defect("state x has no step"), InputError("wrong", Place("a", 1, 2)), ServiceFault("807", "no", "F-02"), KeyError("k")],
    ids=repr,
)
def test_an_exception_escapes_as_itself(error: Exception, beside: bool) -> None:
    async def breaks(clock: Clock) -> None:
        await clock.sleep(SECOND)
        raise error

    async def whole(clock: Clock) -> None:
        await (clock.join(clock.spawn(breaks(clock))) if beside else breaks(clock))

    clock = Clock(1)
    with pytest.raises(type(error)) as caught:
        clock.run(whole(clock))
    assert type(caught.value) is type(error)
    assert caught.value.args == error.args


def test_pacing_waits_in_the_environment_made_for_it() -> None:
    from simpy.rt import RealtimeEnvironment

    clock = Clock(1, speed=1_000_000)
    assert isinstance(clock._env, RealtimeEnvironment)
    assert played(two_sleepers) == played(two_sleepers, shortcut=False)

    async def whole() -> int:
        await clock.sleep(5 * SECOND)
        return clock.now

    assert clock.run(whole()) == 5 * SECOND


NAMES = st.lists(st.one_of(st.text(max_size=8), st.integers(0, 2**32)), min_size=1, max_size=3)


@given(st.integers(0, 2**64), NAMES, NAMES)
def test_a_draw_depends_on_seed_and_names_alone(seed: int, names: list[Any], others: list[Any]) -> None:
    clock = Clock(seed)
    first = clock.draw(*names)
    clock.draw(*others)
    clock.guid(*others)
    assert clock.draw(*names) == first == Clock(seed).draw(*names)
    assert 0 <= first < 1


def test_draws_differ_by_seed_and_name() -> None:
    drawn = {Clock(seed).draw(name, number) for seed in range(10) for name in ("a", "b") for number in range(10)}
    assert len(drawn) == 200


def test_draws_are_pinned() -> None:
    """Another number here means that every stored trace hash changes."""
    assert Clock(7).guid("tenant") == Clock(7 + 2**64).guid("tenant")
    assert [round(Clock(7).draw("a", n), 6) for n in range(3)] == PINNED_DRAWS


PINNED_DRAWS = [0.101054, 0.199184, 0.961086]


@given(st.integers(0, 2**64), NAMES)
def test_a_guid_has_the_shape_of_a_random_one(seed: int, names: list[Any]) -> None:
    guid = Clock(seed).guid(*names)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", guid)


def test_a_signal_is_made_on_its_clock() -> None:
    assert isinstance(Clock(1).signal(), Signal)
