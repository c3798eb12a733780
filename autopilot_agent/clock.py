"""Virtual time: SimPy behind a few awaitables. The only module that imports simpy.

Times are whole milliseconds since power-on. A step is a native coroutine; SimPy runs it as a process because a coroutine has
``send`` and ``throw``, and what a step awaits are SimPy's events with an ``__await__``.

Where nobody else is due first, ``sleep`` moves the clock instead of queueing an event (a shortcut that changes no trace;
``tests/test_clock.py`` compares both ways).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from math import inf
from typing import Any, NoReturn, Protocol

from simpy.core import Environment
from simpy.events import URGENT, Event, Process, Timeout

from autopilot_agent.errors import Defect

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

MOST_TIMEOUTS = 200_000
"""Waits after which a run is broken off: something waits for what never comes, which is a defect of ours."""

class PowerCut(Exception):
    """The power went while a flow was being played; whoever plays it lets the device start again."""


_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF
_SPREAD = 0x5851F42D4C957F2D


class Moment(Protocol):
    """Whoever holds the time, in whole milliseconds."""

    _now: int


class _Pause(Timeout):
    """A time-out that can be awaited."""

    def __await__(self) -> Generator[Event, Any, Any]:
        return (yield self)


class _Wake(Event):
    """An event that can be awaited."""

    def __await__(self) -> Generator[Event, Any, Any]:
        return (yield self)


class _Work(Process):
    """A process whose end can be awaited."""

    def __await__(self) -> Generator[Event, Any, Any]:
        return (yield self)

    def close(self) -> None:
        """End it where it stands; what it waited for knows it, and a cycle would keep both until the collector comes by."""
        self._generator.close()
        self._target = None  # type: ignore[assignment]  # as SimPy leaves it at the end of a process


class _Environment(Environment):
    """SimPy's environment without the shortcuts to itself that it keeps in itself; nobody here uses them."""


class Signal:
    """Something to wait for again and again; ``fire`` wakes whoever waits now and is forgotten if nobody does."""

    __slots__ = ("_env", "_event", "fired")

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._event: Event | None = None
        self.fired = False

    def fire(self) -> None:
        """Wake the waiter, or the next one if nobody waits yet."""
        event = self._event
        if event is not None:
            self._event = None
            event.succeed()
        else:
            self.fired = True

    async def wait(self) -> None:
        """Return at the next ``fire``; at once if one came since the last wait."""
        if self.fired:
            self.fired = False
            return
        self._event = event = _Wake(self._env)
        await event


class Clock:
    """One device's time. ``seed`` drives every draw; ``speed`` paces the run against real time (None: as fast as possible).

    ``pace`` is told the time and when the next thing is due before the clock moves there. It may take as long as it likes, and
    may set an ``alarm_at`` for an earlier moment.
    """

    def __init__(
        self,
        seed: int,
        *,
        speed: float | None = None,
        shortcut: bool = True,
        pace: Callable[[int, int], None] | None = None,
    ) -> None:
        self.seed = seed & _MASK
        self._started: list[_Work] = []
        self._pace = pace
        self._shortcut = shortcut and speed is None and pace is None
        self.timeouts = 0
        self._most = MOST_TIMEOUTS
        self._cut: Callable[[], None] | None = None
        if speed is None:
            self._env: Environment = _Environment()
        else:
            from simpy.rt import RealtimeEnvironment

            self._env = RealtimeEnvironment(factor=0.001 / speed, strict=False)

    @property
    def environment(self) -> Moment:
        """SimPy's environment as a holder of the time; for the one reader that cannot afford a detour (the world)."""
        return self._env  # type: ignore[return-value]  # we only ever schedule whole numbers

    @property
    def now(self) -> int:
        """Milliseconds since power-on."""
        return self._env._now  # type: ignore[return-value]  # we only ever schedule whole numbers

    async def sleep(self, milliseconds: int) -> None:
        """Let virtual time pass."""
        if not self.skip(milliseconds):
            await _Pause(self._env, milliseconds)

    def skip(self, milliseconds: int) -> bool:
        """Move the clock at once if nobody else is due by then; False means that ``pause`` has to be awaited."""
        self.timeouts += 1
        if self.timeouts > self._most:
            self._too_many()
        if not self._shortcut:
            return False
        env = self._env
        due = env._now + milliseconds
        queue = env._queue
        if queue and queue[0][0] <= due:
            return False
        env._now = due
        return True

    def _too_many(self) -> None:
        if self._cut is not None:
            self.cut_power(self._cut)
        raise Defect(f"still no end after {MOST_TIMEOUTS} waits, {self.now // HOUR} virtual hours after power-on")

    def cut_power_at(self, moment: int, told: Callable[[], None]) -> None:
        """Cut the power at a virtual time (milliseconds); ``told`` is called just before ``run`` raises ``PowerCut``."""

        self.alarm(max(0, moment - self.now), partial(self.cut_power, told))

    def cut_power(self, told: Callable[[], None]) -> NoReturn:
        """Cut the power now: nothing that waits goes on, not even at this moment. Raises ``PowerCut``."""
        told()
        self._env._queue.clear()
        raise PowerCut

    def cut_power_after(self, waits: int, told: Callable[[], None]) -> None:
        """The same at the wait of that number (from 1) of the next ``run``: every place where a flow can be interrupted."""
        self._most, self._cut = self.timeouts + waits - 1, told

    def pause(self, milliseconds: int) -> Awaitable[Any]:
        """An awaitable time-out for whoever asked ``skip`` first."""
        return _Pause(self._env, milliseconds)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> _Work:
        """Start something that runs beside the caller."""
        work = _Work(self._env, coroutine)  # type: ignore[arg-type]  # a coroutine has send and throw, which is all SimPy needs
        self._started.append(work)
        return work

    async def join(self, process: _Work) -> Any:
        """Wait for the end of what ``spawn`` started."""
        return await process

    def signal(self) -> Signal:
        """A fresh signal on this clock."""
        return Signal(self._env)

    def begin_at(self, now: int) -> None:
        """Let the time of a clock that was not used yet begin later (milliseconds)."""
        self._env._now = now

    def alarm(self, milliseconds: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` once, that much later; it must be cheap and must not block."""
        self.timeouts += 1
        timeout = Timeout(self._env, milliseconds)
        timeout.callbacks.append(lambda _event: callback())

    def alarm_at(self, moment: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` at a virtual time to come, before whatever else is due then; what it raises ends ``run``."""
        event = Event(self._env)
        event._ok, event._value = True, None
        assert event.callbacks is not None
        event.callbacks.append(lambda _event: callback())
        self._env.schedule(event, URGENT, moment - self.now)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run ``coroutine`` to its end and return what it returns; everything still running beside it is closed.

        Raises ``PowerCut`` when that was asked for and came first. A clock runs one thing after the other.
        """
        try:
            process = self.spawn(coroutine)
            return self._env.run(process) if self._pace is None else self._paced(process, self._pace)
        finally:
            for work in self._started:
                work.close()
            self._started.clear()
            self._env._queue.clear()
            self._most, self._cut = self.timeouts + MOST_TIMEOUTS, None

    def _paced(self, process: Process, pace: Callable[[int, int], None]) -> Any:
        """``run`` one event at a time, asking before the clock moves."""
        env = self._env
        while not process.processed:
            while (due := env.peek()) > env.now and due != inf:
                pace(env.now, due)  # type: ignore[arg-type]  # we only ever schedule whole numbers
                if env.peek() == due:
                    break
            if due == inf:
                raise Defect("everything waits, and nothing is due")
            env.step()
        return process.value

    def draw(self, *names: str | int) -> float:
        """A number in [0, 1) that depends on the seed and the names alone, not on what was drawn before (splitmix64)."""
        return (_mixed(self._state(names)) >> 11) / 9007199254740992.0

    def guid(self, *names: str | int) -> str:
        """A GUID made the same way; version and variant bits are those of a random one."""
        high = _mixed(self._state(names))
        low = _mixed(high)
        text = f"{high:016x}{low:016x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[low >> 62]}{text[17:20]}-{text[20:]}"

    def _state(self, names: tuple[str | int, ...]) -> int:
        state = self.seed
        for name in names:
            number = _numbers.get(name)
            if number is None:
                number = name if isinstance(name, int) else _number(name)
            state = (state * _SPREAD + number + 1) & _MASK
        return state


def _mixed(state: int) -> int:
    state = (state + _GOLDEN) & _MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)


_numbers: dict[str | int, int] = {}


def _number(name: str) -> int:
    """A stable 64-bit number for a name (``hash`` differs between processes); FNV-1a, remembered."""
    found = _numbers.get(name)
    if found is None:
        found = 0xCBF29CE484222325
        for byte in name.encode():
            found = ((found ^ byte) * 0x100000001B3) & _MASK
        if len(_numbers) < 100_000:
            _numbers[name] = found
    return found
