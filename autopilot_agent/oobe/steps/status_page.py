"""U8 to U10 and U14: the three phases of the Enrollment Status Page, their reboots, and its error page."""

from __future__ import annotations

from autopilot_agent.clock import MINUTE, SECOND
from autopilot_agent.device import Device
from autopilot_agent.device.registry import ENROLLMENTS, REBOOT_REQUIRED, TRACKING
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.engine import StepResult, reboot
from autopilot_agent.oobe.management.client import ManagementClient
from autopilot_agent.oobe.management.esp import PREPARATION_ROWS, PROVIDER_TIMEOUT_MINUTES, TITLES, EspSettings, Page
from autopilot_agent.oobe.person import Question
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.join import start_management
from autopilot_agent.oobe.world import Failure, World
from autopilot_agent.service.network import UploadDiagnostics
from autopilot_agent.service.uris import PROVIDERS, SIDECAR

OK = StepResult(Outcome.OK)
TIMED_OUT = "0x800705B4"

CHECK_INS = (3 * MINUTE, 15 * MINUTE, 15 * MINUTE, 120 * MINUTE)
"""After enrolment: every 3 minutes for 15 minutes, then every 15 minutes for 2 hours (flows.md 10)."""


async def device_preparation(device: Device, world: World) -> StepResult:
    """U8. The first three rows are complete at once in user-driven mode; the fourth waits for policy providers."""
    if device.disk.enrolment is None:
        return StepResult(Outcome.SKIPPED, "not managed: no Enrollment Status Page", "ESP-WHERE")
    client = start_management(device, world)
    client.phase = "device"
    device.disk.esp_started.setdefault("device", world.now)
    page: Page | None = None
    if client.esp.device_page_shown:
        page = _show_preparation(device, world, client.esp)
    failed: CallFailed | None = None
    try:
        await client.session()
    except CallFailed as error:
        failed = error
        world.note(error.rule or "NET-INTUNE", f"The management session failed: {error}.")
    settings = client.esp
    _store_settings(device, settings)
    if not settings.device_page_shown:
        rule = "ESP-DEFAULT-HIDDEN" if settings.target == "default" else "ESP-SKIP-DEVICE"
        return StepResult(Outcome.SKIPPED, "the device page is not shown", rule)
    page = page or _show_preparation(device, world, settings)
    return await _wait_for_providers(device, world, client, page, failed)


def _show_preparation(device: Device, world: World, settings: EspSettings) -> Page:
    world.show("ESP", "ESP-PROGRESS", "Device preparation")
    page = Page(device, world, "preparation")
    for row in PREPARATION_ROWS[:3]:
        page.show(row, "succeeded", f"{TITLES[row]} (Complete)", "ESP-ROW-STATES")
    page.show("prepare", "inProgress", f"{TITLES['prepare']} (Working on it...)")
    return page


def _store_settings(device: Device, settings: EspSettings) -> None:
    enrolment = device.disk.enrolment
    device.disk.registry.update(
        rf"{ENROLLMENTS}\{enrolment.enrolment_id if enrolment else ''}\FirstSync",
        {
            "SkipDeviceStatusPage": 0 if settings.device_page_shown else 0xFFFFFFFF,
            "SkipUserStatusPage": 0 if settings.user_page_shown else 0xFFFFFFFF,
            "SyncFailureTimeout": settings.timeout // MINUTE,
            "BlockInStatusPage": settings.block,
            "AllowCollectLogsButton": int(settings.collect_logs),
            "CustomErrorText": settings.message,
        },
    )


async def _wait_for_providers(
    device: Device, world: World, client: ManagementClient, page: Page, failed: CallFailed | None
) -> StepResult:
    """Row 4: every policy provider must say that its agent is there, each within its own time."""
    csp = device.disk.csp
    if device.disk.ime_installed:
        client.ime.ready()
    limits = {
        name: int(csp.read(f"{PROVIDERS}/{name}/Timeout") or PROVIDER_TIMEOUT_MINUTES) * MINUTE
        for name in csp.children(PROVIDERS)
    }
    began = world.now
    esp_limit = client.esp.timeout
    wake = began
    while True:
        if SIDECAR in limits and device.disk.ime_installed and csp.read(f"{PROVIDERS}/{SIDECAR}/InstallationState") == "1":
            client.ime.ready()
        late, waiting = "", False
        for name, limit in limits.items():
            state = csp.read(f"{PROVIDERS}/{name}/InstallationState")
            if state in ("2", "3"):
                continue
            waiting = True
            if state == "4":
                code = f"0x{int(csp.read(f'{PROVIDERS}/{name}/LastError') or 0) & 0xFFFFFFFF:08X}"
                return await _preparation_failed(device, world, page, code, "F-43", f"{name} reports an error")
            if world.now - began >= limit:
                late = name
        if late:
            world.log("Autopilot", 289, f"policy provider {late} timed out", "TIME-PROVIDER")
            return await _preparation_failed(device, world, page, TIMED_OUT, "F-43", f"{late} was not ready in time")
        if not waiting and failed is None:
            break
        if world.now - device.disk.esp_started["device"] >= esp_limit:
            rule = failed.rule if failed is not None and failed.rule.startswith("F-") else "F-40"
            return await _preparation_failed(device, world, page, TIMED_OUT, rule, "the ESP's time is up")
        if failed is not None:
            await world.sleep(CHECK_INS[0])
            try:
                await client.session()
                failed = None
            except CallFailed as error:
                failed = error
            continue
        if world.now >= wake:
            wake = min(began + limit for limit in limits.values())
            client.world.clock.alarm(max(1, wake - world.now), client.changed.fire)
        await client.changed.wait()
    page.show("prepare", "succeeded", f"{TITLES['prepare']} (Complete)")
    page.store("succeeded")
    return OK


async def _preparation_failed(device: Device, world: World, page: Page, code: str, rule: str, why: str) -> StepResult:
    page.fail("prepare", code, rule)
    page.store("failed")
    await _failed(device, world, State.DEVICE_PREPARATION, code, rule, why, page)
    return StepResult(Outcome.FAILED, f"{code}: {why}", rule)


async def device_setup(device: Device, world: World) -> StepResult:
    """U9 and U10. Policies, certificates, network profiles and apps that the server named; reboots are coalesced."""
    if device.disk.enrolment is None:
        return StepResult(Outcome.SKIPPED, "not managed")
    client = start_management(device, world)
    client.phase = "device"
    resumed = device.disk.resume == "device_setup"
    device.disk.resume = ""
    if not client.esp.device_page_shown:
        await _quiet_session(world, client)
        reboot_reason = _policy_reboot(device)
        if reboot_reason:
            return _restart(device, world, reboot_reason, "REBOOT-POLICY", "first_sign_in")
        rule = "ESP-DEFAULT-HIDDEN" if client.esp.target == "default" else "ESP-SKIP-DEVICE"
        return StepResult(Outcome.SKIPPED, "the device page is not shown; apps install in the background", rule)
    return await _run_phase(device, world, client, "device", resumed=resumed)


async def account_setup(device: Device, world: World) -> StepResult:
    """U14. The same for what is targeted at the user, after the first sign-in; never for local accounts."""
    disk = device.disk
    if disk.enrolment is None or disk.accounts.get(disk.signed_in_user, None) is None:
        return StepResult(Outcome.SKIPPED, "not managed")
    account = disk.accounts[disk.signed_in_user]
    if account.kind == "local":
        return StepResult(Outcome.SKIPPED, "a local account gets no account setup", "ESP-LOCAL-ACCOUNT")
    client = start_management(device, world)
    client.phase = "account"
    disk.csp.user_sid = account.sid
    if not client.esp.user_page_shown or disk.left_page:
        await _quiet_session(world, client, disk.enrolment.user_id)
        hidden = not client.esp.user_page_shown
        return StepResult(
            Outcome.SKIPPED,
            "the account page is not shown" if hidden else "the page was left in device setup",
            "ESP-SKIP-USER" if hidden else "ERR-NOT-BLOCKING",
        )
    return await _run_phase(device, world, client, "account", resumed=False)


async def _quiet_session(world: World, client: ManagementClient, user_id: str = "") -> None:
    try:
        await client.session(user_id)
    except CallFailed as failed:
        world.note(failed.rule or "NET-INTUNE", f"The management session failed: {failed}. It is tried again later.")


async def _run_phase(device: Device, world: World, client: ManagementClient, phase: str, *, resumed: bool) -> StepResult:
    disk = device.disk
    user_id = disk.enrolment.user_id if phase == "account" and disk.enrolment else ""
    state = State.DEVICE_SETUP if phase == "device" else State.ACCOUNT_SETUP
    page = Page(device, world, phase)
    settings = client.esp
    world.show("ESP", "ESP-PROGRESS", "Device setup" if phase == "device" else "Account setup")
    if phase == "account":
        world.note("A-USER-TRACKING", f"Tracking for {disk.signed_in_user} begins; device setup succeeded.")
        disk.registry.create(rf"{TRACKING}\{disk.csp.user_sid}")
    if not settings.block:
        reply = await world.ask(Question("ESP", ("Leave the page", "Wait"), "Wait"), "ERR-NOT-BLOCKING")
        if reply.choice == "Leave the page":
            disk.left_page = True
            await _quiet_session(world, client, user_id)
            return StepResult(Outcome.LEFT_PAGE, "the page does not block and was left", "ERR-NOT-BLOCKING")
    started = disk.esp_started.setdefault(phase, world.now)
    deadline = started + settings.timeout
    world.clock.alarm(max(1, deadline - world.now), client.changed.fire)
    client.generation += 1
    world.beside(_check_in(world, client, user_id, client.generation))
    if resumed:
        client.jobs.resume()
    outcome = await _watch(device, world, client, page, deadline)
    if outcome is None:
        return await _succeeded(device, world, client, page, user_id)
    if outcome.outcome is Outcome.REBOOT:
        return outcome
    code = outcome.detail
    page.store("failed")
    _result(device, page, "0")
    await client.report(user_id)
    await _failed(device, world, state, code, outcome.rule, page.failed_row, page)
    return StepResult(Outcome.FAILED, f"{code} in {TITLES[page.failed_row]}", outcome.rule)


async def _watch(
    device: Device, world: World, client: ManagementClient, page: Page, deadline: int
) -> StepResult | None:
    """Look at the tree until the phase is done (None), failed, out of time, or wants a restart."""
    while True:
        seen = page.look()
        restart = client.ime.restart or client.restart
        if restart is not None and page.phase == "device":
            return _restart(device, world, restart[0], restart[1], "device_setup")
        if restart is not None:
            world.note("REBOOT-ACCOUNT", f"{restart[0]}: restarts in account setup are not supported and wait for the desktop.")
            client.ime.restart = client.restart = None
        if seen == "done":
            reason = _policy_reboot(device) if page.phase == "device" else ""
            if reason:
                world.note("REBOOT-CREDENTIALS", "The restart loses the cached credentials.")
                rule = "REBOOT-POLICY" if reason.startswith("./") else "REBOOT-SOFT"
                return _restart(device, world, reason, rule, "device_setup")
            return None
        if seen == "failed":
            rule = next((app.code and "F-41" for app in device.disk.apps.values() if app.state == "failed"), "F-41")
            rule = "F-42" if page.code == "1618" else rule or "F-41"
            return StepResult(Outcome.FAILED, page.code, rule if page.failed_row == "apps" else "ESP-ROW-CERTIFICATES")
        if world.now >= deadline:
            rule = _blame(device, client)
            page.fail(page.first_open(), TIMED_OUT, rule)
            return StepResult(Outcome.FAILED, TIMED_OUT, rule)
        await client.changed.wait()


def _blame(device: Device, client: ManagementClient) -> str:
    """Why the time ran out: the most particular known cause, else the load itself (F-40)."""
    if client.last_failure:
        return client.last_failure
    network = device.network
    if network.lost_at is not None and not network.link(client.world.now):
        return "F-13"
    if any("/Office/" in uri for uri in device.disk.jobs) and device.memory.office_hung:
        return "F-49"
    if client.phase == "account" and client.ime.no_list:
        return "F-45"
    if client.ime.no_end:
        return "F-46"
    return "F-40"


async def _check_in(world: World, client: ManagementClient, user_id: str, generation: int) -> None:
    """The first session of the phase, the extension's work, then sessions at the cadence after enrolment."""
    began = world.now
    ime = None
    while not client.stopped and client.generation == generation:
        try:
            await client.session(user_id)
            client.last_failure = ""
        except CallFailed as failed:
            client.last_failure = failed.rule if failed.rule.startswith("F-") else "F-96"
            world.note(failed.rule or "NET-INTUNE", f"The management session failed: {failed}.")
        if ime is None and not client.last_failure:
            ime = world.beside(client.ime.run(client.phase, user_id))
        elapsed = world.now - began
        await world.sleep(CHECK_INS[0] if elapsed < CHECK_INS[1] else CHECK_INS[2] if elapsed < CHECK_INS[3] else 480 * MINUTE)


async def _succeeded(device: Device, world: World, client: ManagementClient, page: Page, user_id: str) -> StepResult:
    page.store("succeeded")
    _result(device, page, "1")
    client.generation += 1
    await client.report(user_id)
    world.log("ShellCore", 62407, "CommercialOOBE_ESPProgress_Page_Exiting", "EVT-SHELL")
    if page.phase == "device":
        device.disk.bitlocker = "waiting"
    return OK


def _result(device: Device, page: Page, result: str) -> None:
    """WasDeviceSuccessfullyProvisioned is final once it is 0 or 1, so a second attempt cannot mend the report (I-30)."""
    csp = device.disk.csp
    if csp.read(page.root + "/WasDeviceSuccessfullyProvisioned") not in ("0", "1"):
        csp.write(page.root + "/WasDeviceSuccessfullyProvisioned", result)
    if result == "1":
        csp.write(page.root + "/IsSyncDone", "true")


def _policy_reboot(device: Device) -> str:
    reasons = device.memory.reboot_reasons
    return reasons[0] if reasons else ""


def _restart(device: Device, world: World, reason: str, rule: str, resume: str) -> StepResult:
    device.disk.resume = resume
    device.disk.registry.delete(REBOOT_REQUIRED)
    reboot(device, world, reason, rule)
    return StepResult(Outcome.REBOOT, reason, rule)


async def _failed(device: Device, world: World, state: State, code: str, rule: str, why: str, page: Page) -> None:
    world.failure = Failure(code, state, rule, why, TITLES.get(page.failed_row, ""))
    world.log("ShellCore", 62407, "CommercialOOBE_ESPProgress_ErrorButtons_Displayed", "EVT-SHELL")
    try:
        await world.call(UploadDiagnostics())
    except CallFailed:
        world.note("ERR-UPLOAD", "The diagnostics could not be uploaded.")


async def error_page(device: Device, world: World) -> StepResult:
    """ESPERR: exactly the choices that BlockInStatusPage gives, and each does what it says (flows.md 5.6)."""
    failure = world.failure
    if failure is None:
        return StepResult(Outcome.GIVE_UP)
    settings = start_management(device, world).esp
    choices = settings.buttons + (("Collect logs",) if settings.collect_logs else ())
    text = settings.message or "Setup could not be completed. Try again, or contact your support person for help."
    default = "Leave the page" if not settings.block else ""
    while True:
        shown = f"{text} {failure.row}: {failure.code}"
        reply = await world.ask(Question("ESPERR", choices, default, text=shown), "ERR-CHOICES")
        if reply.choice != "Collect logs":
            break
        device.disk.files[r"E:\MDMDiagReport.cab"] = "mdmdiagnosticstool -area Autopilot;TPM"
        world.note("ERR-LOGS", "The logs were written to the USB drive.")
    return _chosen(device, world, reply.choice, failure)


def _chosen(device: Device, world: World, choice: str, failure: Failure) -> StepResult:
    account = failure.state is State.ACCOUNT_SETUP
    if choice == "Try again":
        device.disk.esp_started.pop("account" if account else "device", None)
        _forget_failures(device, world)
        again = {
            State.DEVICE_PREPARATION: Outcome.RETRY_PREPARATION,
            State.DEVICE_SETUP: Outcome.RETRY_DEVICE_SETUP,
            State.ACCOUNT_SETUP: Outcome.RETRY_ACCOUNT_SETUP,
        }
        return StepResult(again[failure.state], rule="ERR-TRY-AGAIN")
    if choice in ("Continue anyway", "Leave the page"):
        device.disk.left_page = True
        rule = "ERR-CONTINUE" if choice == "Continue anyway" else "ERR-NOT-BLOCKING"
        return StepResult(Outcome.CONTINUE_ACCOUNT if account else Outcome.CONTINUE_DEVICE, rule=rule)
    if choice == "Reset device":
        return StepResult(Outcome.RESET, rule="ERR-RESET")
    return StepResult(Outcome.GIVE_UP, "nobody chose anything", failure.rule)


def _forget_failures(device: Device, world: World) -> None:
    """Try again runs the items that did not succeed once more."""
    csp = device.disk.csp
    for key in [key for key, value in csp.values.items() if value == "4" and key.endswith("/installationstate")]:
        csp.values[key] = "1"
    for app in device.disk.apps.values():
        if app.state == "failed":
            app.state = "pending"
    client = world.management
    if client is not None:
        client.retry()


async def reset_device(device: Device, world: World) -> StepResult:
    """ESP "Reset device": back to OOBE with nothing left; the registration lives in the cloud and stays."""
    from autopilot_agent.device.storage import Disk

    boots, reboots = device.disk.boots, device.disk.reboots
    device.disk = Disk()
    device.disk.boots, device.disk.reboots = boots, reboots
    world.failure = None
    await world.spend("autopilot-reset")
    reboot(device, world, "Reset device was chosen on the error page", "ERR-RESET")
    world.note("RST-ESP-RESET", "Join, enrolment, apps and accounts are gone; setup begins again.")
    await world.sleep(SECOND)
    return OK
