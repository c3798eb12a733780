"""A finished run, taken apart once so that every monitor looks at short lists."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from autopilot_agent import events
from autopilot_agent.device.nodes import resolve
from autopilot_agent.events import StateEntered, StateLeft

if TYPE_CHECKING:
    from autopilot_agent.scenario.plan import Plan
    from autopilot_agent.scenario.run import Result

Visit = tuple[StateEntered, StateLeft]
"""One stay in a state."""

PAGE_SETTINGS = (
    "SkipDeviceStatusPage",
    "SkipUserStatusPage",
    "TimeOutUntilSyncFailure",
    "BlockInStatusPage",
    "AllowCollectLogsButton",
)
SCOPES = {"device": "./Device", "account": "./User"}


@lru_cache(maxsize=64)
def first_sync_root(provider: str, phase: str) -> str:
    """FirstSyncStatus of a provider, for the phase device or account."""
    return f"{SCOPES[phase]}/Vendor/MSFT/DMClient/Provider/{quote(provider, safe='')}/FirstSyncStatus"


@lru_cache(maxsize=64)
def setting_keys(provider: str) -> tuple[str, ...]:
    """Where the CSP tree keeps ``PAGE_SETTINGS`` of a provider."""
    found = [resolve(f"{first_sync_root(provider, 'device')}/{name}") for name in PAGE_SETTINGS]
    return tuple([one.key for one in found if one is not None])


def last_before(numbers: Sequence[int], seq: int) -> int:
    """The last of ascending event numbers that is before ``seq``, or -1."""
    index = bisect_left(numbers, seq)
    return numbers[index - 1] if index else -1


class Sitting:
    """One flow played without a break: it ends with an end, with ``until`` of its act, or with the power.

    ``start`` is the state it had to begin in; ``begin`` and ``end`` are event numbers around it.
    """

    __slots__ = ("act", "begin", "cut", "end", "entered", "flow", "left", "start")

    def __init__(self, begin: int, act: str, flow: str, start: str) -> None:
        self.begin, self.act, self.flow, self.start = begin, act, flow, start
        self.end, self.cut = -1, False
        self.entered: list[StateEntered] = []
        self.left: list[StateLeft] = []


class CloudUnknown(Exception):
    """A monitor looked at a cloud that does not show its records; what it watches cannot be told."""


class Unknown:
    """The state of such a cloud."""

    def __getattr__(self, name: str) -> Any:
        raise CloudUnknown(name)


class Record:
    """Events by kind, calls by name, stays by state, rows by phase; and where the present disk, enrolment and boot begin.

    ``fresh`` is the number of the event after which the present disk began (-1: at power-on; else a reset), ``enrolled_at``
    that of the last good enrolment (-1: none), ``resealed_at`` that of the last reseal (-1: none), ``known`` what the tenant
    has on record about this enrolment. ``emptied`` is the number of the end of the last reset of any kind, ``arrivals`` are
    those of sign-ins to Windows once setup was over, and ``moved`` is that of the move to the present network.
    """

    __slots__ = (
        "answered",
        "answers",
        "apps",
        "arrivals",
        "autopilot",
        "calls",
        "commands",
        "device",
        "disk",
        "emptied",
        "enrolled_at",
        "entered",
        "finished",
        "fresh",
        "injected",
        "kinds",
        "known",
        "left",
        "logs",
        "losses",
        "moved",
        "nodes",
        "plan",
        "read",
        "reboots",
        "refused",
        "resealed_at",
        "result",
        "rows",
        "scenario",
        "screens",
        "sittings",
        "state",
        "status_pages",
        "stays",
        "trace",
        "unjoined",
    )

    def __init__(self, plan: Plan, result: Result) -> None:
        self.plan, self.result = plan, result
        self.scenario, self.device = plan.scenario, plan.device
        self.state: Any = plan.state if plan.cloud_known else Unknown()
        disk = self.disk = plan.device.disk
        self.trace = trace = plan.world.trace
        kinds: dict[type[events.Event], list[Any]] = {kind: [] for kind in events.KINDS}
        for event in trace:
            kinds[type(event)].append(event)
        self.kinds = kinds
        self.entered: list[StateEntered] = kinds[StateEntered]
        self.left: list[StateLeft] = kinds[StateLeft]
        self.screens: list[events.ScreenShown] = kinds[events.ScreenShown]
        self.status_pages = [page for page in self.screens if page.screen in ("ESP", "ESPERR")]
        self.answers: list[events.Answered] = kinds[events.Answered]
        self.answered: list[events.CallAnswered] = kinds[events.CallAnswered]
        self.refused: list[events.CallRefused] = kinds[events.CallRefused]
        self.commands: list[events.CommandApplied] = kinds[events.CommandApplied]
        self.nodes: list[events.NodeSet] = kinds[events.NodeSet]
        self.rows: dict[str, list[events.RowChanged]] = {"preparation": [], "device": [], "account": []}
        for row in kinds[events.RowChanged]:
            self.rows[row.phase].append(row)
        self.apps: list[events.AppChanged] = kinds[events.AppChanged]
        self.injected: list[events.FaultInjected] = kinds[events.FaultInjected]
        self.finished: list[events.Finished] = kinds[events.Finished]
        self.reboots: list[int] = [event.seq for event in kinds[events.Rebooted]]
        self.logs: list[events.LogWritten] = kinds[events.LogWritten]
        self.autopilot = [(log.seq, log.id) for log in self.logs if log.channel == "Autopilot"]
        self.calls: dict[str, list[int]] = {}
        for call in self.answered:
            name = call.call
            if name in self.calls:
                self.calls[name].append(call.seq)
            else:
                self.calls[name] = [call.seq]
        self.stays: dict[str, list[Visit]] = {}
        self.sittings = _sittings(kinds)
        for sitting in self.sittings:
            for stay in zip(sitting.entered, sitting.left, strict=False):
                name = stay[0].state
                if name in self.stays:
                    self.stays[name].append(stay)
                else:
                    self.stays[name] = [stay]
        powered = [event.seq for event in kinds[events.ActBegan] if event.flow and event.start != "technician_success"]
        cuts = [event.seq for event in kinds[events.PowerLost]]
        self.losses: list[int] = sorted([*self.reboots, *powered, *cuts])
        self.moved = plan.links[-1][0] if len(plan.links) > 1 else -1
        self.fresh = max(self.fresh_disks(), default=-1)
        self.resealed_at = max((left.seq for _, left in self.stays.get("reseal", ())), default=-1)
        retired = max((left.seq for left in self._resets("retired")), default=-1)
        self.emptied = max(self.fresh, retired, *[left.seq for left in self._resets("ok")], -1)
        kept = plan.world.assumptions.get("Q-06") == "join kept"
        self.unjoined = max(self.fresh, retired, -1 if kept else self.resealed_at)
        self.arrivals = [left.seq for _, left in self.stays.get("windows_sign_in", ()) if left.outcome == "ok"]
        enrolments = self.calls.get("EnrollMdm")
        self.enrolled_at = enrolments[-1] if enrolments and enrolments[-1] > max(self.fresh, retired) else -1
        self.read = disk.csp.read
        enrolled = plan.state.enrolled if plan.cloud_known and disk.enrolment is not None else {}
        self.known = enrolled.get(disk.enrolment.enrolment_id) if disk.enrolment is not None else None

    def root(self, phase: str) -> str:
        """FirstSyncStatus of the enrolment, for the phase device or account."""
        enrolment = self.disk.enrolment
        return first_sync_root(enrolment.provider_id if enrolment is not None else "", phase)

    def settings(self) -> list[str]:
        """``PAGE_SETTINGS`` as the device holds them now; "" for what nobody set."""
        enrolment, values = self.disk.enrolment, self.disk.csp.values
        return [values.get(key, "") for key in setting_keys(enrolment.provider_id if enrolment is not None else "")]

    def last_reboot_before(self, seq: int) -> int:
        """Number of the last event before this one at which memory was lost (a restart, no power, another act), or -1."""
        return last_before(self.losses, seq)

    def state_at(self, seq: int) -> str:
        """The state in which an event happened, whether it was left afterwards or the power went in it."""
        return next((event.state for event in reversed(self.entered) if event.seq < seq), "")

    def link_at(self, seq: int) -> str:
        """What the PC was plugged into at an event, and until the next act: ethernet or wifi."""
        return next(kind for at, kind in reversed(self.plan.links) if at <= max(seq, 0))

    def had_profile(self, seq: int) -> bool:
        """Whether a profile had arrived on the present disk before an event."""
        return any(number == 153 and self.fresh < at < seq for at, number in self.autopilot)

    def fresh_disks(self) -> list[int]:
        """Numbers of the events at which Windows began anew on an empty disk."""
        return [event.seq for event in self.kinds[events.DiskErased]]

    def _resets(self, outcome: str) -> list[StateLeft]:
        """Resets that ended in this way: wiped, retired, or ok where the device stays managed."""
        return [left for _, left in self.stays.get("resetting", ()) if left.outcome == outcome]

    def struck(self, where: str) -> bool:
        """Whether a fault of the scenario struck a call of that name."""
        return any(fault.where == where for fault in self.injected)

    def lives(self) -> list[tuple[int, int]]:
        """Ranges of event numbers between resets of the device: one, unless it was reset."""
        ends = self.fresh_disks()
        return list(zip([-1, *ends], [*ends, len(self.trace)], strict=True))


def _sittings(kinds: dict[type[events.Event], list[Any]]) -> list[Sitting]:
    """Every stretch of a flow, in order."""
    breaks = sorted([*kinds[events.ActBegan], *kinds[events.PowerLost]], key=attrgetter("seq"))
    found: list[Sitting] = []
    playing = False
    for event in breaks:
        if isinstance(event, events.ActBegan):
            playing = bool(event.flow)
            if playing:
                found.append(Sitting(event.seq, event.act, event.flow, event.start))
        elif playing:
            before = found[-1]
            before.cut = True
            found.append(Sitting(event.seq, before.act, before.flow, ""))
    for one, after in zip_longest(found, found[1:]):
        one.end = after.begin if after is not None else 1 << 62
    for name in ("entered", "left"):
        index = 0
        for event in kinds[StateEntered if name == "entered" else StateLeft]:
            while index < len(found) and event.seq > found[index].end:
                index += 1
            if index < len(found):
                getattr(found[index], name).append(event)
    return found
