"""H11 to H13: Account setup waits for the registration in Entra, the screen may lock meanwhile, and Entra may ask once more."""

from __future__ import annotations

from msgspec import structs

from autopilot_agent.clock import MINUTE
from autopilot_agent.device import Device
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.management.domain import MISSING_DEVICE, register
from autopilot_agent.oobe.management.esp import TITLES, Page
from autopilot_agent.oobe.person import Question
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.domain_sign_in import unlock
from autopilot_agent.oobe.steps.join import start_management
from autopilot_agent.oobe.steps.sign_in import authenticate
from autopilot_agent.oobe.steps.status_error import fail
from autopilot_agent.oobe.steps.status_phase import TIMED_OUT, offer_to_leave, record_result, tell_time_limit
from autopilot_agent.oobe.world import World
from autopilot_agent.service.domain import GetUserToken
from autopilot_agent.service.entra import DiscoverRealm, SignedIn

PAGE_RUNS_TASK = 4 * MINUTE
"""How often the page starts the task again while it waits (rule H11-TASK)."""

LOCKS_AFTER = 15 * MINUTE
"""How long nobody touches the PC before the screen locks (estimate; the source says only that it may)."""

ROW = "registration"
ALLOW = "Allow my organization to manage my device"
UNTICKED = ("unticked", "no", "false", "off")


async def hybrid_registration(device: Device, world: World) -> StepResult:
    """H11. The task runs at the sign-in; then the page waits for it within its own time and 40 minutes."""
    disk = device.disk
    domain, account = disk.domain, disk.accounts[disk.signed_in_user]
    assert domain is not None
    client = start_management(device, world)
    client.effects.phase = "account"
    disk.csp.user_sid = account.sid
    code = await register(device, world, f"{disk.signed_in_user} signed in")
    if disk.enrolment is None or not client.esp.user_page_shown or disk.left_page:
        why = "registered" if not code else "no page waits for the registration; the task goes on every hour"
        return StepResult(Outcome.SKIPPED, why, "H11")
    page = Page(device, world, "account")
    world.show("ESP", "ESP-PROGRESS", "Account setup")
    tell_time_limit(world, client.esp)
    deadline = disk.esp_started.setdefault("account", world.now) + client.esp.timeout
    page.show(ROW, "inProgress", f"{TITLES[ROW]} (Working on it...)")
    client.generation += 1
    client.left = False
    if not client.esp.block and code:
        client.beside(offer_to_leave(world, client, client.generation))
    touched, runs_at = world.now, world.now + PAGE_RUNS_TASK
    while not domain.registration:
        if client.left:
            disk.left_page = True
            return StepResult(Outcome.SKIPPED, "the page does not block and was left", "ERR-NOT-BLOCKING")
        if world.now >= deadline:
            return await _too_late(device, world, page, code)
        if not device.memory.locked and world.now >= touched + LOCKS_AFTER:
            device.memory.locked = True
            if await unlock(device, world):
                world.show("ESP", "H13", "Account setup")
                touched = world.now
            continue
        if world.now >= runs_at:
            code = await register(device, world, "the page waits for the device to be registered")
            runs_at = world.now + PAGE_RUNS_TASK
            continue
        wake = min(runs_at, deadline)
        if not device.memory.locked:
            wake = min(wake, touched + LOCKS_AFTER)
        world.clock.alarm(max(1, wake - world.now), client.changed.fire)
        await client.changed.wait()
    page.show(ROW, "succeeded", f"{TITLES[ROW]} (Complete)")
    page.store("inProgress")
    return StepResult(Outcome.OK, domain.registration)


async def _too_late(device: Device, world: World, page: Page, code: str) -> StepResult:
    rule = "F-37" if code == MISSING_DEVICE else "H11" if device.network.domain else "V6"
    page.fail(ROW, TIMED_OUT, rule)
    page.store("failed")
    record_result(device, page, "0")
    why = f"the device was not registered in Entra in time ({code})"
    return await fail(device, world, State.HYBRID_REGISTRATION, TIMED_OUT, rule, why, page)


async def entra_prompt(device: Device, world: World) -> StepResult:
    """H12. Intune needs the user's token: AD FS or the registered device bring it, else somebody has to sign in once more."""
    disk, memory = device.disk, device.memory
    domain = disk.domain
    assert domain is not None
    if not domain.registration:
        return StepResult(Outcome.SKIPPED, "the device is not registered: nobody gets a token on it", "H12")
    if memory.locked and not await unlock(device, world):
        return StepResult(Outcome.SKIPPED, "nobody unlocked the screen", "H13")
    try:
        realm = await world.call(DiscoverRealm(disk.signed_in_user))
        if realm.account_type == "Federated" or memory.single_sign_on:
            memory.token = await world.call(GetUserToken(disk.signed_in_user, domain.registration))
            _belongs_to(device, memory.token)
            how = "AD FS" if realm.account_type == "Federated" else "the device's registration"
            return StepResult(Outcome.SKIPPED, f"single sign-on by {how}", "H12")
    except CallFailed as failed:
        world.note("H12", f"Single sign-on did not work: {failed.reason}.")
    label = "Sign in" if device.windows.eleven else "Next"
    question = Question("SIGNIN", (label,), label, "user name", disk.signed_in_user, text="Entra asks for the user once more")
    reply = await world.ask(question, "H12", "sign-in")
    if not reply.value:
        return _without(device, world, "nobody answered Entra's question")
    memory.user_name = reply.value.strip()
    result = await authenticate(device, world)
    memory.credentials = ""
    world.failure = None  # what goes wrong here leaves the token out, and nothing else
    memory.user_name = disk.signed_in_user
    if result.outcome is not Outcome.OK or memory.token is None:
        return _without(device, world, result.detail or "the sign-in did not succeed")
    stay = await world.ask(Question("STAY", ("OK",), "OK", ALLOW, "ticked"), "H12")
    if stay.value.strip().casefold() in UNTICKED:
        return _without(device, world, "the box that lets the organisation manage the device was unticked")
    _belongs_to(device, memory.token)
    await world.ask(Question("ALLSET", ("Done",), "Done"), "H12")
    return StepResult(Outcome.OK, memory.token.user_name)


def _without(device: Device, world: World, why: str) -> StepResult:
    device.memory.token = None
    world.note("H12", f"Intune gets no token of the user: {why}.")
    return StepResult(Outcome.SKIPPED, why, "H12")


def _belongs_to(device: Device, token: SignedIn) -> None:
    """From now on sessions are this user's."""
    enrolment = device.disk.enrolment
    device.memory.user_id = token.user_id
    if enrolment is not None:
        device.disk.enrolment = structs.replace(enrolment, user_id=token.user_id, user_name=token.user_name)
