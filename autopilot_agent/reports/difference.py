"""What differs between two runs: where they part and by which rule, the end, the path, the pages, the apps, the time."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

import msgspec

from autopilot_agent.events import Event, StateEntered, StateLeft
from autopilot_agent.reports.recording import Recording, recording_of
from autopilot_agent.reports.sentences import sentence
from autopilot_agent.reports.spent import time_spent
from autopilot_agent.scenario.run import Run

LEAST = 1_000
"""Milliseconds from which on a difference of time is told."""
NEAR = 12
"""Events after a divergence in which the rule that decided is looked for."""
ITSELF = ("seq", "at")
"""What does not make two events different by itself."""


class Changed(msgspec.Struct, frozen=True):
    """One fact in both runs; None where a run has none."""

    name: str
    a: object
    b: object


class Spot(msgspec.Struct, frozen=True):
    """One event of a run as a sentence; ``at`` is virtual milliseconds, ``rule`` the one it cites or that follows next."""

    at: int
    text: str
    rule: str = ""


class Divergence(msgspec.Struct, frozen=True):
    """Where two runs part: the last thing they share, and the first that each does alone (None: its run is over)."""

    before: Spot | None
    a: Spot | None
    b: Spot | None
    kind: str = "event"
    """``event``, ``path``, or ``time`` where the same happens at other times."""

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that decided, each once."""
        return tuple(dict.fromkeys(spot.rule for spot in (self.a, self.b) if spot is not None and spot.rule))


class Hunk(msgspec.Struct, frozen=True):
    """A piece of a sequence that the runs do not share, after ``before``."""

    before: str
    a: list[str]
    b: list[str]


class Took(msgspec.Struct, frozen=True):
    """How long the runs spent in a state, in milliseconds."""

    state: str
    a: int
    b: int


class Difference(msgspec.Struct, kw_only=True):
    """Everything that differs between run ``a`` and run ``b``. ``seconds`` are virtual."""

    a: str
    b: str
    first: Divergence | None
    parting: Divergence | None
    end: list[Changed]
    path: list[Hunk]
    screens: list[Hunk]
    apps: list[Changed]
    seconds: Changed | None
    times: list[Took]
    trace: bool
    """Whether the traces are known to differ, although perhaps nothing else does."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        rest = (self.end, self.path, self.screens, self.apps, self.times)
        return self.first is None and self.seconds is None and not any(rest) and not self.trace


def compare(a: Run | Recording, b: Run | Recording) -> Difference:
    """Compare two runs; the first counts as what was. Raises ``InputError`` for a run that could not be played to its end."""
    one = recording_of(a) if isinstance(a, Run) else a
    other = recording_of(b) if isinstance(b, Run) else b
    both = one.events is not None and other.events is not None
    hashes = bool(one.trace_hash and other.trace_hash) and one.trace_hash != other.trace_hash
    return Difference(
        a=one.name,
        b=other.name,
        first=_first(one.events or [], other.events or []) if both else None,
        parting=_parting(one.events or [], other.events or []) if both else None,
        end=[Changed(name, was, other.end[name]) for name, was in one.end.items() if other.end.get(name, was) != was],
        path=hunks(one.states, other.states),
        screens=hunks(one.screens, other.screens),
        apps=_apps(one, other),
        seconds=Changed("seconds", one.seconds, other.seconds) if one.seconds != other.seconds else None,
        times=_times(one.events or [], other.events or []) if both else [],
        trace=hashes,
    )


def _apps(one: Recording, other: Recording) -> list[Changed]:
    """Apps in other states. Of the json and the events of runs only what both can tell is compared, so of one run nothing."""
    a, b = one.apps, other.apps
    if one.pending != other.pending:
        if one.trace_hash == other.trace_hash:
            return []
        a, b = ({name: state for name, state in apps.items() if state != "pending"} for apps in (a, b))
    names = dict.fromkeys([*a, *b])
    return [Changed(name, a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)]


def hunks(a: Sequence[str], b: Sequence[str]) -> list[Hunk]:
    """The pieces of two sequences that are not shared, in order."""
    found: list[Hunk] = []
    for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag != "equal":
            found.append(Hunk(a[i - 1] if i else "", list(a[i:j]), list(b[k:m])))
    return found


def _first(a: list[Event], b: list[Event]) -> Divergence | None:
    """The first event that is not the same in both, else the first that comes at another time."""
    for index, (one, other) in enumerate(zip(a, b, strict=False)):
        if not same(one, other):
            return _divergence(a, b, index, index)
    if len(a) != len(b):
        shorter = min(len(a), len(b))
        return _divergence(a, b, shorter, shorter)
    late = next((index for index, one in enumerate(a) if one.at != b[index].at), None)
    return _divergence(a, b, late, late, "time") if late is not None else None


def _parting(a: list[Event], b: list[Event]) -> Divergence | None:
    """Where the paths part: the last state that both leave, and how each of them leaves it."""
    mine, theirs = _steps(a), _steps(b)
    pairs = list(zip(mine, theirs, strict=False))
    shared = next((k for k, ((_, one), (_, other)) in enumerate(pairs) if not _same_step(one, other)), len(pairs))
    if shared == len(mine) == len(theirs):
        return None
    before = _spot(a, mine[shared - 1][0]) if shared else None
    one = _spot(a, mine[shared][0]) if shared < len(mine) else None
    return Divergence(before, one, _spot(b, theirs[shared][0]) if shared < len(theirs) else None, "path")


def _steps(events: list[Event]) -> list[tuple[int, StateEntered | StateLeft]]:
    return [(index, event) for index, event in enumerate(events) if isinstance(event, StateEntered | StateLeft)]


def _same_step(one: Event, other: Event) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, StateLeft) and isinstance(other, StateLeft):
        return (one.state, one.outcome, one.skipped) == (other.state, other.outcome, other.skipped)
    return getattr(one, "state", "") == getattr(other, "state", "")


def same(one: Event, other: Event) -> bool:
    """Whether two events say the same, whenever and as whichever of their runs they come."""
    if type(one) is not type(other):
        return False
    return all(getattr(one, name) == getattr(other, name) for name in one.__struct_fields__ if name not in ITSELF)


def _divergence(a: list[Event], b: list[Event], i: int, j: int, kind: str = "event") -> Divergence:
    before = _spot(a, i - 1) if i else None
    return Divergence(before, _spot(a, i), _spot(b, j), kind)


def _spot(events: list[Event], index: int) -> Spot | None:
    """An event with its rule; one that cites none goes by the next one that does."""
    if not 0 <= index < len(events):
        return None
    rule = next((event.rule for event in events[index : index + NEAR] if event.rule), "")
    return Spot(events[index].at, sentence(events[index]), rule)


def _times(a: list[Event], b: list[Event]) -> list[Took]:
    """States in which the runs spent another time, the greatest difference first."""
    one, other = time_spent(a).states, time_spent(b).states
    found = [Took(state, one.get(state, 0), other.get(state, 0)) for state in dict.fromkeys([*one, *other])]
    kept = [took for took in found if abs(took.a - took.b) >= LEAST]
    return sorted(kept, key=lambda took: -abs(took.a - took.b))
