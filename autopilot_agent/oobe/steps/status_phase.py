"""Device setup and Account setup while they run: the page watches, the management client works, the timer counts."""

from __future__ import annotations

from autopilot_agent.clock import MINUTE
from autopilot_agent.device import Device
from autopilot_agent.device.registry import ENROLLMENTS, REBOOT_REQUIRED, TRACKING
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.engine import StepResult, reboot
from autopilot_agent.oobe.management.client import ManagementClient
from autopilot_agent.oobe.management.esp import TITLES, EspSettings, Page
from autopilot_agent.oobe.management.lasting import locks_out
from autopilot_agent.oobe.person import Question
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.status_error import fail, failed_outcome
from autopilot_agent.oobe.steps.updates import after_device_phase
from autopilot_agent.oobe.world import World

TIMED_OUT = "0x800705B4"
REFUSED_BY_SE = ("0x87D300D9", "0x800711C7")
OBSTACLE = "0x80004005"
"""What the red page shows when a policy breaks pre-provisioning; which code it really is, is not published (rule F-56)."""
CHECK_INS = (3 * MINUTE, 15 * MINUTE, 15 * MINUTE, 120 * MINUTE, 480 * MINUTE)
"""After enrolment: every 3 minutes for 15 minutes, then every 15 for 2 hours, then every 8 hours (flows.md 10)."""


async def run_phase(device: Device, world: World, client: ManagementClient, phase: str, *, resumed: bool) -> StepResult:
    """Run one phase to its end: done, failed, left by the person, or interrupted by a restart."""
    disk = device.disk
    user_id = user_of_session(device, client) if phase == "account" else ""
    page = Page(device, world, phase)
    settings = client.esp
    title = "Device setup" if phase == "device" else "Account setup"
    world.show("ESP", "ESP-STAYS" if resumed else _page_rule(device, phase), title)
    if phase == "device":
        tell_time_limit(world, settings)
    elif disk.domain is not None and disk.domain.registration:
        page.rows["registration"] = "succeeded", f"{TITLES['registration']} (Complete)"
    if phase == "account":
        world.note("A-USER-TRACKING", f"Tracking for {disk.signed_in_user} begins; device setup succeeded.")
        disk.registry.create(rf"{TRACKING}\{disk.csp.user_sid}")
    begun = _timer(device, world, phase)
    if disk.csp.read(page.root + "/WasDeviceSuccessfullyProvisioned") == "1":
        if world.now > begun + settings.timeout:
            world.note("E-POWER", "This part had come to a good end before the power went; its time is not counted.")
        begun = world.now
    deadline = begun + settings.timeout
    world.clock.alarm(max(1, deadline - world.now), client.changed.fire)
    client.generation += 1
    client.left = False
    client.beside(_check_in(world, client, user_id, client.generation))
    if not settings.block:
        client.beside(offer_to_leave(world, client, client.generation))
    if resumed or phase == "account":  # a power cut may have interrupted the user's part
        client.jobs.resume()
    outcome = await _watch(device, world, client, page, deadline)
    client.background.watcher = None
    if outcome is None:
        return await _succeeded(device, world, client, page, user_id)
    if outcome.outcome is not Outcome.FAILED:
        return outcome
    client.ime.halted = True
    page.store("failed")
    record_result(device, page, "0")
    await client.report(user_id)
    state = State.DEVICE_SETUP if phase == "device" else State.ACCOUNT_SETUP
    await fail(device, world, state, outcome.detail, outcome.rule, TITLES[page.failed_row], page)
    return StepResult(failed_outcome(device), f"{outcome.detail} in {TITLES[page.failed_row]}", outcome.rule)


def user_of_session(device: Device, client: ManagementClient) -> str:
    """Whose sessions Account setup holds. A domain member's user has none before Entra gave a token for Intune (H12)."""
    enrolment = device.disk.enrolment
    if device.disk.domain is not None and device.memory.token is None:
        client.jobs.blame = client.jobs.blame or "H12"
        return ""
    return enrolment.user_id if enrolment is not None else ""


def tell_time_limit(world: World, settings: EspSettings) -> None:
    """Say how long the page waits where that is not the profile's number."""
    if settings.extra:
        own, extra = (settings.timeout - settings.extra) // MINUTE, settings.extra // MINUTE
        world.note("TIME-HYBRID", f"The page waits {own + extra} minutes: {own} of the profile and {extra} for hybrid join.")


def _timer(device: Device, world: World, phase: str) -> int:
    """When the time of the phase began: each has a timer of its own, or one spans both (Q-02)."""
    started = device.disk.esp_started
    first = started.get("device")
    one = phase == "account" and world.chosen("Q-02") == "one timer" and "retried" not in started
    return started.setdefault(phase, first if one and first is not None else world.now)


def _tell_timer(device: Device, world: World, client: ManagementClient, *, expired: bool) -> None:
    """Say it where the number of timers decided how account setup ended."""
    started = device.disk.esp_started
    first, own = started.get("device"), started.get("account")
    if first is None or own is None or world.now < first + client.esp.timeout:
        return
    if expired and own == first and world.chosen("Q-02") == "one timer":
        world.note("TIME-PER-PHASE", "One timer spans device setup and account setup, and it is over (Q-02).")
    elif not expired:
        world.note("TIME-PER-PHASE", "Account setup has a timer of its own; one timer for both would be over (Q-02).")


def _page_rule(device: Device, phase: str) -> str:
    """A hybrid account setup begins with the wait for the registration; else the page is just the progress."""
    return "ESP-ROW-USER-JOIN" if phase == "account" and device.disk.domain is not None else "ESP-PROGRESS"


async def offer_to_leave(world: World, client: ManagementClient, generation: int) -> None:
    """A page that does not block can be left at any time; the work goes on without it."""
    reply = await world.ask(Question("ESP", ("Leave the page", "Wait"), "Wait"), "ERR-NOT-BLOCKING")
    if reply.choice == "Leave the page" and client.generation == generation:
        client.left = True
        client.changed.fire()


async def _watch(device: Device, world: World, client: ManagementClient, page: Page, deadline: int) -> StepResult | None:
    """Look at the tree until the phase is done (None), failed, out of time, left, or wants a restart."""
    ime, csp = client.ime, device.disk.csp
    seen, version = "waiting", -1

    def look() -> bool:
        """Look if the tree changed; whether the phase has something to decide."""
        nonlocal seen, version
        if world.now > deadline:  # a restart may outlast the time that was left
            seen = "waiting"
        elif csp.version != version and not client.effects.obstacle:  # nothing is done any more after such a policy
            version = csp.version
            seen = page.look()
        wanted = ime.restart is not None or client.effects.restart is not None
        return seen != "waiting" or wanted or client.left or bool(client.effects.obstacle)

    client.background.watcher = look
    while True:
        look()
        if client.effects.obstacle:
            page.fail("policies", OBSTACLE, "F-56")
            return StepResult(Outcome.FAILED, OBSTACLE, "F-56")
        restart = ime.restart or client.effects.restart
        if restart is not None and page.phase == "device":
            return restart_device(device, world, restart[0], restart[1], "device_setup", page)
        if restart is not None and client.jobs.blame != "F-46":
            client.effects.restart = None
            world.note("REBOOT-ACCOUNT", f"{restart[0]}: a restart in account setup is not supported.")
            if restart[1] == "F-46":  # the extension never comes back to its list: the page hangs until its time is up
                client.jobs.blame = "F-46"
        if seen == "done":
            reason = device.memory.reboot_reasons[0] if page.phase == "device" and device.memory.reboot_reasons else ""
            if reason:
                rule = "F-47" if reason.startswith("./") else "REBOOT-SOFT"
                rule = "C-DFCI" if "/uefi/" in reason.casefold() else rule
                return restart_device(device, world, reason, rule, "device_setup", page)
            return None
        if seen == "failed":
            rule = "ESP-ROW-CERTIFICATES" if page.failed_row == "certificates" else ime.failed_rule or "F-41"
            if rule == "F-41" and device.windows.se and page.code in REFUSED_BY_SE:
                rule = "EDU-APPS"
            return StepResult(Outcome.FAILED, page.code, rule)
        if client.left:
            device.disk.left_page = True
            return StepResult(Outcome.LEFT_PAGE, "the page does not block and was left", "ESP-BLOCK")
        if world.now >= deadline:
            rule = _blame(device, client)
            minutes = client.esp.timeout // MINUTE
            if page.phase == "account":
                _tell_timer(device, world, client, expired=True)
            world.note("TIME-ESP", f"The {minutes} min that the ESP profile gives are over: {rule}.")
            page.fail(page.first_open(), TIMED_OUT, rule)
            return StepResult(Outcome.FAILED, TIMED_OUT, rule)
        await client.changed.wait()


def _blame(device: Device, client: ManagementClient) -> str:
    """Why the time ran out: the most particular known cause, else the load itself (F-40)."""
    network = device.network
    if not network.link(client.world.now):
        return "F-13"
    return client.last_failure or client.jobs.blame or client.ime.no_list or "F-40"


async def _check_in(world: World, client: ManagementClient, user_id: str, generation: int) -> None:
    """The first session of the phase, the extension's work, then sessions at the cadence after enrolment."""
    began = world.now
    often, first, seldom, second, rarely = CHECK_INS
    working = False
    while client.generation == generation:
        try:
            await client.session(user_id, patient=True)
            client.last_failure = ""
        except CallFailed as failed:
            client.last_failure = failed.rule if failed.rule.startswith("F-") else "F-96"
            world.note(failed.rule or "NET-INTUNE", f"The management session failed: {failed}.")
        if not working and not client.last_failure and (client.effects.phase == "device" or user_id):
            working = True
            client.beside(client.ime.run(client.effects.phase, user_id))
        elapsed = world.now - began
        await world.sleep(often if elapsed < first else seldom if elapsed < second else rarely)


async def _succeeded(device: Device, world: World, client: ManagementClient, page: Page, user_id: str) -> StepResult:
    client.generation += 1
    if page.phase == "device" and not device.disk.technician:
        device.disk.checkpoint = after_device_phase(device)
    if page.phase == "account":
        _tell_timer(device, world, client, expired=False)
    page.store("succeeded")
    record_result(device, page, "1")
    await client.report(user_id)
    world.log("ShellCore", 62407, "CommercialOOBE_ESPProgress_Page_Exiting", "EVT-SHELL")
    if page.phase == "device":
        device.disk.bitlocker = "waiting"
    return StepResult(Outcome.OK)


def record_result(device: Device, page: Page, result: str) -> None:
    """WasDeviceSuccessfullyProvisioned is final once it is 0 or 1, so a second attempt cannot mend the report (I-30)."""
    csp = device.disk.csp
    known = csp.read(page.root + "/WasDeviceSuccessfullyProvisioned")
    if known not in ("0", "1"):
        csp.write(page.root + "/WasDeviceSuccessfullyProvisioned", result)
    elif known == "0" and result == "1":
        page.world.note("F-106", "Everything is there now, but the deployment report keeps the first result: failed.")
    if result == "1":
        csp.write(page.root + "/IsSyncDone", "true")
    store_settings(device, EspSettings.read(device), page.root)


def store_settings(device: Device, settings: EspSettings, root: str = "") -> None:
    """The registry's mirror of FirstSyncStatus (diagnostics.md 1.6)."""
    enrolment, csp = device.disk.enrolment, device.disk.csp
    values: dict[str, str | int] = {
        "SkipDeviceStatusPage": 0 if settings.device_page_shown else 0xFFFFFFFF,
        "SkipUserStatusPage": 0 if settings.user_page_shown else 0xFFFFFFFF,
        "SyncFailureTimeout": (settings.timeout - settings.extra) // MINUTE,
        "BlockInStatusPage": settings.block,
        "AllowCollectLogsButton": int(settings.collect_logs),
        "CustomErrorText": settings.message,
    }
    if root:
        values["IsServerProvisioningDone"] = int(csp.read(root + "/ServerHasFinishedProvisioning") == "true")
        values["IsSyncDone"] = int(csp.read(root + "/IsSyncDone") == "true")
        values["ProvisioningStatus"] = int(csp.read(root + "/WasDeviceSuccessfullyProvisioned") or 2)
    key = rf"{ENROLLMENTS}\{enrolment.enrolment_id if enrolment else ''}\FirstSync"
    if root.startswith("./User"):
        key += "\\" + csp.user_sid
    device.disk.registry.update(key, values)


def restart_device(device: Device, world: World, reason: str, rule: str, resume: str, page: Page | None = None) -> StepResult:
    """Restart in device setup: supported, but the cached credentials are lost; with a device lock nobody gets back (F-48)."""
    disk = device.disk
    if page is not None:
        page.store("inProgress")
    had_credentials = bool(device.memory.credentials)
    disk.resume, disk.restart_rule = resume, rule
    if rule == "F-46" and disk.kiosk_app:
        disk.auto_logon_lost = reason
    disk.locked_out = resume == "device_setup" and locks_out(device)
    disk.registry.delete(REBOOT_REQUIRED)
    reboot(device, world, reason, "REBOOT-POLICY" if rule == "F-47" else rule)
    if had_credentials:
        world.note("REBOOT-CREDENTIALS", "The restart loses the cached credentials.")
    return StepResult(Outcome.REBOOT, reason, rule)
