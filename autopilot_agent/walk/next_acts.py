"""What can be done with the PC once an act is over: the next act, as somebody at the desk would choose it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autopilot_agent.errors import InputError
from autopilot_agent.oobe.states import State
from autopilot_agent.scenario.act_specs import (
    ActSpec,
    FreshStart,
    Provision,
    Reseal,
    ResetLocal,
    ResetRemote,
    Retire,
    Ship,
    Technician,
    User,
    Wipe,
)
from autopilot_agent.scenario.plan import ActEnd, Plan
from autopilot_agent.walk import control

if TYPE_CHECKING:
    from autopilot_agent.walk.session import Session

Offer = tuple[str, ActSpec]


def offers(plan: Plan, end: State | None) -> list[Offer]:
    """The acts that are possible as the device stands, with words for them."""
    disk = plan.device.disk
    if end is State.AT_TECHNICIAN_SUCCESS:
        return [("Press Reseal", Reseal())]
    found: list[Offer] = []
    if disk.resealed and not disk.oobe_complete:
        found = [("Send the PC to its user (7 days)", Ship()), ("The user switches it on", User())]
    elif not disk.oobe_complete:
        if plan.scenario.mode == "pre-provisioned":
            found.append(("A technician switches it on again", Technician()))
        else:
            found.append(("Switch the PC on again", Provision()))
    else:
        found.append(("Somebody signs in to Windows", User()))
        found.append(("Lock it and press Ctrl+Win+R (local Autopilot Reset)", ResetLocal()))
    if disk.enrolment is not None:
        if disk.oobe_complete:
            found.append(("An administrator orders an Autopilot Reset", ResetRemote()))
            found.append(("An administrator retires the device", Retire()))
        found += [("An administrator orders a wipe", Wipe()), ("An administrator orders a fresh start", FreshStart())]
    return found


def drop_impossible(session: Session, index: int, end: ActEnd) -> None:
    """Acts of the scenario that what was done here has made impossible are left out, on record."""
    plan, disk = session.plan, session.plan.device.disk
    rest = plan.acts[index + 1 :]
    if rest and isinstance(rest[0], Reseal) and end.end_state != State.AT_TECHNICIAN_SUCCESS.value:
        dropped = 1 if end.end_state == State.RESEALED.value else len(rest)
    elif rest and isinstance(rest[0], User) and not (disk.resealed or disk.oobe_complete):
        dropped = len(rest)
    else:
        return
    plan.acts = (*plan.acts[: index + 1], *rest[dropped:])
    kept = {at: data for at, data in plan.changes.items() if at <= index}
    later = {at - dropped: data for at, data in plan.changes.items() if at > index + dropped}
    plan.changes = {**kept, **later}


def ask(session: Session, end: ActEnd) -> ActSpec | None:
    """Ask what comes next; None when the walk is over."""
    state = State(end.end_state) if end.end_state else None
    found = offers(session.plan, state)
    session.resuming = False
    while True:
        picture = session.desk.picture(session.plan.world.now)
        session.keep(picture)
        listed = [f"{number} = {words}" for number, (words, _) in enumerate(found, 1)]
        hints = ["What next?", *listed, "Enter = that was all; ctrl+win+r; :help"]
        line = session.stage.ask(picture, hints, "Next", secret=False)
        if line is None or not line.strip():
            return None
        text = line.strip()
        if text.startswith(":"):
            try:
                session.simulator.do(control.read(text))
            except InputError as error:
                session.stage.tell("", [str(error)])
            continue
        if text.lower().replace(" ", "") == "ctrl+win+r":
            wanted = next((act for _, act in found if isinstance(act, ResetLocal)), None)
            if wanted is not None:
                return wanted
        if text.isascii() and text.isdigit() and len(text) < 3 and 0 < int(text) <= len(found):
            return found[int(text) - 1][1]
        session.stage.tell("", [f"{text[:40]!r} is none of these."])
