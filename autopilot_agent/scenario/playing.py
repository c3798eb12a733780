"""Playing the acts of a plan, one after the other, on one device and one tenant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autopilot_agent.clock import PowerCut as Cut
from autopilot_agent.errors import Defect, Endless, InputError
from autopilot_agent.events import ActBegan, Finished, PowerLost
from autopilot_agent.oobe.engine import play, switch_off
from autopilot_agent.oobe.flow import Flow
from autopilot_agent.oobe.modes import flow_for
from autopilot_agent.oobe.states import ENDS, Outcome, State
from autopilot_agent.oobe.steps import STEPS
from autopilot_agent.scenario.act_specs import (
    ActSpec,
    Admin,
    CaptureHash,
    FreshStart,
    PowerCut,
    Provision,
    ReplaceMotherboard,
    Reseal,
    ResetLocal,
    ResetRemote,
    Retire,
    Ship,
    TaskSequence,
    Technician,
    User,
    Wait,
    Wipe,
    name_of,
)
from autopilot_agent.scenario.durations import format_duration, parse_duration
from autopilot_agent.scenario.hash_capture import capture_hash
from autopilot_agent.scenario.orders import give_order, withdraw_orders
from autopilot_agent.scenario.pc import make_adapter
from autopilot_agent.scenario.plan import ActEnd, Plan
from autopilot_agent.service.management import RemoteAction

MOST_CUTS = 100
"""How often the power may go in one act; a scenario that cuts it more often than this means something else."""
OFF_FOR = 60_000
"""How long a PC stays off after a power cut that does not say (milliseconds)."""


def play_acts(plan: Plan, after: Callable[[int, ActEnd], None] | None = None) -> State:
    """Play every act; returns the state in which the last played one ended. ``after`` is told the end of each.

    Raises ``InputError`` for an act that is impossible as the device stands; the acts before it have happened then.
    """
    index = -1
    while (index := index + 1) < len(plan.acts):  # whoever is told of an end may add acts
        act = plan.acts[index]
        if act.after:
            _pass_time(plan, parse_duration(act.after))
        plan.agenda.apply(plan.world.now)
        plan.person.begin(index, act)
        began = plan.world.now
        ended = _Act(plan, index, act, plan.last).play()
        plan.last = ended or plan.last
        summary = _summary(plan, act, ended, began)
        plan.ends.append(summary)
        if after is not None:
            after(index, summary)
    plan.world.management = plan.world.page = None  # they know the world: a cycle would outlive the run
    plan.agenda.apply(plan.world.now)
    missed = plan.agenda.missed
    if missed is not None:
        over, due = format_duration(plan.world.now), format_duration(missed)
        late = [i for i, act in enumerate(plan.acts) if isinstance(act, Admin) and act.at and parse_duration(act.at) == missed]
        raise InputError(f"the act admin at {due} never came: everything was over at {over}.", _place(plan, late[0]))
    if plan.last is None:
        raise InputError("no act plays anything; add provision.", _place(plan, 0))
    return plan.last


class _Act:
    """One act on its way: what the device is like decides what is possible."""

    def __init__(self, plan: Plan, index: int, act: ActSpec, last: State | None) -> None:
        self.plan, self.index, self.act, self.last = plan, index, act, last
        self.world, self.device, self.disk = plan.world, plan.device, plan.device.disk
        self.name = name_of(act)

    def play(self) -> State | None:
        """Do it; the end state of what was played, None for an act that plays nothing."""
        return _DO[type(self.act)](self, self.act)

    def refuse(self, why: str) -> InputError:
        """The act cannot be done."""
        return InputError(f"the act {self.name} is impossible here: {why}", _place(self.plan, self.index))

    def endless(self, why: str) -> InputError:
        """The act cannot come to an end, by what the scenario makes happen."""
        said = f"the act {self.name} never ends: {why}; write 'times' or 'until' for what goes wrong again and again."
        spot = ("faults", 0) if self.plan.scenario.faults else ("person",)
        loaded = self.plan.loaded
        return InputError(said, loaded.document.place(spot) if loaded is not None else None)

    def began(self, detail: str, flow: Flow | None = None, start: State | None = None) -> None:
        """Put the beginning on record."""
        first = start or (flow.start if flow is not None else None)
        self.world.began(self.name, detail, "", flow.name if flow is not None else "", first.value if first is not None else "")

    def run(
        self, flow: Flow, detail: str, *, start: State | None = None, until: str | None = None, keep: bool = False
    ) -> State:
        """Play a flow; the device is switched on for it unless ``keep`` says that it is still on."""
        if self.last is not None and not keep:
            switch_off(self.device, self.world)
        self.world.failure = None
        self.began(detail, flow, start)
        plan, world = self.plan, self.world
        last = State(until) if until else None
        cuts = 0
        while True:
            if plan.cut_at is not None and plan.cut_at > plan.clock.timeouts:
                plan.clock.cut_power_after(plan.cut_at - plan.clock.timeouts, world.mute)
            plan.agenda.arm(plan.clock)
            if plan.happenings is not None:
                plan.happenings.arm()
            mark = len(world.trace)
            try:
                end: State = plan.clock.run(play(flow, STEPS, self.device, world, start=start, until=last))
            except Cut:
                plan.cut_at = None
                cuts += 1
                if cuts > MOST_CUTS:
                    raise self.endless(f"the power went {MOST_CUTS} times in it") from None
                if any(isinstance(event, Finished) for event in world.trace[mark:]):  # only background work was left
                    world.unmute()
                    world.off_for = 0
                    return world.state
                self.lose_power("the power went", world.off_for or OFF_FOR, "E-POWER")
                start = world.state if flow.name == "reset" and world.state in AGAIN_AFTER_CUT else None
                continue
            except Endless as error:
                if not plan.scenario.faults and not plan.scenario.person and not getattr(self.act, "person", None):
                    raise  # nobody but ourselves can have made this
                raise self.endless(str(error)) from None
            if until and end is not last:
                plan.never_reached.append((self.index, until, end.value))
            if end is last:
                switch_off(self.device, world)
            return end

    def still_on(self) -> bool:
        """Whether nobody switched the PC off since a flow was played last."""
        for event in reversed(self.world.trace):
            if isinstance(event, PowerLost) or (isinstance(event, ActBegan) and event.act in SWITCHED_OFF):
                return False
            if isinstance(event, Finished):
                return True
        return False

    def lose_power(self, reason: str, off: int, rule: str) -> None:
        """No power: memory is gone at once, and time passes."""
        self.world.unmute()
        self.world.off_for = 0
        self.disk = self.device.disk
        self.disk.power_losses += 1
        switch_off(self.device, self.world)
        self.world.power_lost(reason, off, rule)
        _pass_time(self.plan, off)

    # One method an act.

    def provision(self, act: Provision) -> State:
        if self.disk.oobe_complete:
            raise self.refuse("setup is over on this PC; reset or wipe it first, or write user for another sign-in.")
        return self.run(self.plan.flow, "power on", until=act.until)

    def technician(self, act: Technician) -> State:
        flow = self.plan.flow
        if not any(edge.outcome is Outcome.WINDOWS_KEY for edge in flow.edges):
            raise self.refuse(f"the mode {flow.name} has no technician; write mode: pre-provisioned.")
        if self.disk.resealed or self.disk.oobe_complete:
            raise self.refuse("this PC is past its technician flow; reset or wipe it first.")
        return self.run(flow, "a technician powers on", until=act.until)

    def reseal(self, act: Reseal) -> State:
        if self.last is not State.AT_TECHNICIAN_SUCCESS:
            raise self.refuse("there is no green page; it follows a technician flow that succeeded.")
        if not self.still_on():
            raise self.refuse("the PC was switched off since the green page; write technician once more before it.")
        return self.run(self.plan.flow, "press Reseal", start=State.TECHNICIAN_SUCCESS, keep=True)

    def user(self, act: User) -> State:
        if self.disk.oobe_complete:
            return self.run(flow_for("sign-in"), f"{act.name or 'a user'} comes", until=act.until)
        if not self.disk.resealed:
            raise self.refuse("setup is not over and the PC was not resealed; write provision.")
        return self.run(self.plan.flow, f"{act.name or 'the user'} powers on", until=act.until)

    def reset(self, action: RemoteAction | None, detail: str) -> State:
        if self.last is None:
            raise self.refuse("the PC was never set up; write provision before.")
        self.world.order = action
        if action is None:
            return self.run(flow_for("reset"), detail)
        try:
            give_order(self.plan, action)
        except InputError as error:
            raise self.refuse(error.message) from None
        end = self.run(flow_for("reset"), detail)
        withdraw_orders(self.plan)
        return end

    def reset_local(self, act: ResetLocal) -> State:
        if not self.disk.oobe_complete:
            raise self.refuse("there is no lock screen before setup is over.")
        return self.reset(None, "somebody presses Ctrl+Win+R on the lock screen")

    def remote(self, action: RemoteAction, detail: str) -> State:
        if self.disk.enrolment is None:
            raise self.refuse("the device is not managed, so no order reaches it.")
        if not self.disk.oobe_complete and action not in (RemoteAction.WIPE, RemoteAction.FRESH_START):
            raise self.refuse("setup is not over on this PC; only a wipe, or a fresh start that keeps nothing, can be ordered.")
        return self.reset(action, detail)

    def reset_remote(self, act: ResetRemote) -> State:
        return self.remote(RemoteAction.AUTOPILOT_RESET, "an administrator orders an Autopilot Reset")

    def wipe(self, act: Wipe) -> State:
        action = RemoteAction.WIPE_KEEP if act.keep_enrollment_and_user else RemoteAction.WIPE
        return self.remote(action, "an administrator orders a wipe")

    def fresh_start(self, act: FreshStart) -> State:
        action = RemoteAction.FRESH_START_KEEP if act.keep_user_data else RemoteAction.FRESH_START
        return self.remote(action, "an administrator orders a fresh start")

    def retire(self, act: Retire) -> State:
        return self.remote(RemoteAction.RETIRE, "an administrator retires the device")

    def ship(self, act: Ship) -> None:
        self.began(f"on its way for {act.duration}")
        if self.last is not None:
            switch_off(self.device, self.world)
        _pass_time(self.plan, parse_duration(act.duration))
        if act.network is not None:
            faults = {host: fault for host, fault in self.device.network.blocked.items() if fault}
            client = self.device.network.client
            self.device.network = make_adapter(act.network, faults, self.world.now)
            self.device.network.client = client
            self.plan.links.append((len(self.world.trace), self.device.network.kind))

    def wait(self, act: Wait) -> None:
        self.began(f"{act.duration} pass")
        if self.last is not None:
            switch_off(self.device, self.world)
        _pass_time(self.plan, parse_duration(act.duration))

    def power_cut(self, act: PowerCut) -> None:
        if self.last is None:
            raise self.refuse("the PC was never switched on.")
        self.began("somebody pulls the plug")
        self.lose_power("somebody pulled the plug", parse_duration(act.off_for), "E-POWER")

    def replace_motherboard(self, act: ReplaceMotherboard) -> None:
        from autopilot_agent.scenario.workshop import replace_motherboard

        self.began("the motherboard is replaced")
        switch_off(self.device, self.world)
        replace_motherboard(self.plan, act)

    def task_sequence(self, act: TaskSequence) -> None:
        from autopilot_agent.scenario.workshop import run_task_sequence

        self.began("a ConfigMgr task sequence")
        switch_off(self.device, self.world)
        run_task_sequence(self.plan, act)

    def capture_hash(self, act: CaptureHash) -> None:
        self.began(f"somebody captures the hardware hash: {act.way}")
        capture_hash(self.plan, act)

    def admin(self, act: Admin) -> None:
        from autopilot_agent.scenario.administration import administer

        self.began("an administrator at work")
        administer(self.plan, self.index, act)


SWITCHED_OFF = ("ship", "wait", "replace_motherboard", "task_sequence")
"""Acts that switch the PC off; a power cut has a record of its own."""

AGAIN_AFTER_CUT = (State.RESETTING, State.RESTORING)
"""States of a reset that go on after a power cut; one that had not begun is simply forgotten."""

_DO: dict[type[Any], Callable[[_Act, Any], State | None]] = {
    Provision: _Act.provision,
    Technician: _Act.technician,
    Reseal: _Act.reseal,
    Ship: _Act.ship,
    Wait: _Act.wait,
    User: _Act.user,
    ResetLocal: _Act.reset_local,
    ResetRemote: _Act.reset_remote,
    Wipe: _Act.wipe,
    FreshStart: _Act.fresh_start,
    Retire: _Act.retire,
    PowerCut: _Act.power_cut,
    ReplaceMotherboard: _Act.replace_motherboard,
    TaskSequence: _Act.task_sequence,
    CaptureHash: _Act.capture_hash,
    Admin: _Act.admin,
}


def _pass_time(plan: Plan, milliseconds: int) -> None:
    plan.clock.run(plan.world.sleep(milliseconds))
    plan.agenda.apply(plan.world.now)


def _place(plan: Plan, index: int):  # type: ignore[no-untyped-def]  # a Place, or None for a plan made in Python
    if plan.loaded is None:
        return None
    return plan.loaded.document.place(("acts", index) if plan.scenario.acts else ("mode",))


def _summary(plan: Plan, act: ActSpec, end: State | None, began: int) -> ActEnd:
    disk, world = plan.device.disk, plan.world
    if end is not None and end not in ENDS and getattr(act, "until", None) is None:
        raise Defect(f"the act {name_of(act)} ended in {end.value}, which is no end")
    stopped = isinstance(act, TaskSequence) and world.failure is not None  # it plays no flow and can fail all the same
    failure = world.failure if stopped or (end is not None and ENDS.get(end) != "completed") else None
    return ActEnd(
        name_of(act),
        end.value if end is not None else "",
        ENDS.get(end, "interrupted") if end is not None else "failed" if stopped else "",
        join_of(plan),
        disk.enrolment is not None,
        disk.computer_name,
        began / 1000,
        (world.now - began) / 1000,
        failure.code if failure is not None else "",
    )


def join_of(plan: Plan) -> str:
    """How the device is joined: none, entra, domain (Active Directory alone) or hybrid."""
    disk = plan.device.disk
    if disk.domain is not None and disk.domain.joined:
        return "hybrid" if disk.domain.registration else "domain"
    return "entra" if disk.join is not None else "none"
