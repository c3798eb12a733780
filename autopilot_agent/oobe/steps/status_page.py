"""U8 to U10 and U14: the three phases of the Enrollment Status Page, and when each of them is shown."""

from __future__ import annotations

from autopilot_agent import rulebook
from autopilot_agent.clock import MINUTE
from autopilot_agent.device import Device
from autopilot_agent.device.registry import ENROLLMENTS
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.engine import StepResult, elsewhere
from autopilot_agent.oobe.management.client import ManagementClient
from autopilot_agent.oobe.management.esp import PREPARATION_ROWS, PROVIDER_TIMEOUT_MINUTES, TITLES, EspSettings, Page
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.join import start_management
from autopilot_agent.oobe.steps.status_error import error_page, fail, reset_device
from autopilot_agent.oobe.steps.status_phase import (
    CHECK_INS,
    OBSTACLE,
    TIMED_OUT,
    record_result,
    restart_device,
    run_phase,
    store_settings,
    user_of_session,
)
from autopilot_agent.oobe.steps.updates import after_device_phase
from autopilot_agent.oobe.world import World
from autopilot_agent.service.uris import CONFIGMGR, PROVIDERS, SIDECAR

PROVIDER_RULES = {SIDECAR: "F-43", CONFIGMGR: "F-105"}
"""Whose failure it is when a policy provider does not get ready; other MDMs have providers of their own."""

__all__ = ["account_setup", "device_preparation", "device_setup", "error_page", "reset_device"]


async def device_preparation(device: Device, world: World) -> StepResult:
    """U8. The first three rows are complete at once in user-driven mode; the fourth waits for policy providers."""
    if device.disk.enrolment is None:
        return StepResult(Outcome.SKIPPED, "not managed: no Enrollment Status Page", "ESP-WHERE")
    resumed = device.disk.resume == "device_preparation"
    device.disk.resume = ""
    client = start_management(device, world)
    client.effects.phase = "device"
    if resumed:
        client.jobs.resume()
    if device.disk.resealed:
        return StepResult(Outcome.SKIPPED, "device preparation is not repeated", "PU3")
    device.disk.esp_started.setdefault("device", world.now)
    if device.disk.domain is not None and not device.disk.technician:
        world.note("H8", "The device is a domain member; its part of the page has to bring a VPN where one is needed.")
    client.jobs.resume()
    page: Page | None = world.page
    if page is not None:
        page.find()  # it was there before the enrolment
        page.show("prepare", "inProgress", f"{TITLES['prepare']} (Working on it...)")
    elif client.esp.device_page_shown:
        page = _show_preparation(device, world, client.esp)
    failed: CallFailed | None = None
    try:
        await client.session()
    except CallFailed as error:
        failed = error
        world.note(error.rule or "NET-INTUNE", f"The management session failed: {error}.")
    client.jobs.resume()  # what a power cut interrupted
    settings = client.esp
    store_settings(device, settings)
    if not settings.device_page_shown:
        if settings.target == "other":
            world.note("ESP-FOREIGN-MDM", "The MDM did not hold the page in its first answer: setup goes past it.")
        return StepResult(Outcome.SKIPPED, "the device page is not shown", _hidden_rule(settings))
    page = page or _show_preparation(device, world, settings)
    return await _wait_for_providers(device, world, client, page, failed)


def _hidden_rule(settings: EspSettings) -> str:
    return {"default": "ESP-DEFAULT-HIDDEN", "other": "ESP-CSP-DEFAULTS"}.get(settings.target, "ESP-SKIP-DEVICE")


def _show_preparation(device: Device, world: World, settings: EspSettings) -> Page:
    world.show("ESP", "ESP-PROGRESS", "Device preparation")
    page = Page(device, world, "preparation")
    for row in PREPARATION_ROWS[:3]:
        page.show(row, "succeeded", f"{TITLES[row]} (Complete)")
    page.show("prepare", "inProgress", f"{TITLES['prepare']} (Working on it...)")
    return page


async def _wait_for_providers(
    device: Device, world: World, client: ManagementClient, page: Page, failed: CallFailed | None
) -> StepResult:
    """Row 4: every policy provider must say that its agent is there, each within its own time."""
    csp = device.disk.csp
    began = world.now
    deadline = device.disk.esp_started["device"] + client.esp.timeout
    world.clock.alarm(max(1, deadline - began), client.changed.fire)
    alarmed: set[str] = set()
    while True:
        if device.disk.ime_installed and csp.read(f"{PROVIDERS}/{SIDECAR}/InstallationState") == "1":
            client.ime.ready()
        waiting: list[str] = []
        for name in csp.children(PROVIDERS):
            node = f"{PROVIDERS}/{name}"
            state = csp.read(node + "/InstallationState")
            if state in ("2", "3"):
                continue
            waiting.append(name)
            if state == "4":
                code = f"0x{int(csp.read(node + '/LastError') or 0) & 0xFFFFFFFF:08X}"
                rule = PROVIDER_RULES.get(name, "ESP-FOREIGN-MDM")
                return await _preparation_failed(device, world, page, code, rule, f"{name} reports an error")
            limit = int(csp.read(node + "/Timeout") or PROVIDER_TIMEOUT_MINUTES) * MINUTE
            if world.now - began >= limit:
                late = f"policy provider {name} timed out after {limit // MINUTE} min"
                if name == CONFIGMGR:
                    world.note("TIME-CONFIGMGR", f"The ConfigMgr provider may take {limit // MINUTE} min here (Q-21).")
                world.log("Autopilot", 289, late, "TIME-PROVIDER")
                page_event = "CommercialOOBE_ESPDevicePreparation_PolicyProvidersInstallation_TimedOut"
                world.log("ShellCore", 62407, f"{page_event}: errorCode {int(TIMED_OUT, 16)}", "EVT-SHELL")
                rule = PROVIDER_RULES.get(name, "ESP-FOREIGN-MDM")
                rule = client.jobs.blame or rule
                return await _preparation_failed(device, world, page, TIMED_OUT, rule, f"{name} was not ready in time")
            if name not in alarmed:
                alarmed.add(name)
                if name not in PROVIDER_RULES:  # nothing on the device reports for it: its server does, in a later session
                    client.beside(_check_in(world, client, client.generation))
                world.clock.alarm(max(1, began + limit - world.now), client.changed.fire)
        if not waiting and failed is None:
            break
        if world.now >= deadline:
            comanaged = device.disk.domain is not None and CONFIGMGR in waiting
            rule = client.jobs.blame or ("F-39" if comanaged else "F-40")
            world.note("ESP-TIMEOUT", f"The {client.esp.timeout // MINUTE} min of the ESP profile are over.")
            if failed is not None:
                rule = failed.rule if failed.rule.startswith("F-") else "F-96"
            return await _preparation_failed(device, world, page, TIMED_OUT, rule, "the ESP's time is up")
        if failed is None:
            await client.changed.wait()
            continue
        await world.sleep(CHECK_INS[0])
        try:
            await client.session()
            failed = None
        except CallFailed as error:
            failed = error
    page.show("prepare", "succeeded", f"{TITLES['prepare']} (Complete)")
    page.store("succeeded")
    return StepResult(Outcome.OK, rule=userless_rule(device, "P5", "S4"))


def userless_rule(device: Device, technician: str, alone: str) -> str:
    """The row of flows.md that a step plays where nobody enrolled: the technician's, or the one of self-deploying."""
    enrolment = device.disk.enrolment
    if device.disk.technician:
        return technician
    if device.disk.resealed:
        return "PU3"
    return alone if enrolment is not None and not enrolment.user_id else ""


async def _check_in(world: World, client: ManagementClient, generation: int) -> None:
    while client.generation == generation:
        await world.sleep(CHECK_INS[0])
        if client.generation == generation:
            await _quiet_session(world, client)


async def _preparation_failed(device: Device, world: World, page: Page, code: str, rule: str, why: str) -> StepResult:
    start_management(device, world).generation += 1
    page.fail("prepare", code, rule)
    page.store("failed")
    record_result(device, page, "0")
    return await fail(device, world, State.DEVICE_PREPARATION, code, rule, why, page)


async def device_setup(device: Device, world: World) -> StepResult:
    """U9 and U10. Policies, certificates, network profiles and apps that the server named; reboots are coalesced."""
    result = await _device_setup(device, world)
    client: ManagementClient | None = world.management
    failed = result.outcome in (Outcome.FAILED, Outcome.TECHNICIAN_FAILED)  # the page has said so then
    if client is not None and client.effects.obstacle and not failed and device.disk.technician:
        page = Page(device, world, "device")
        page.fail("policies", OBSTACLE, "F-56")
        return await fail(device, world, State.DEVICE_SETUP, OBSTACLE, "F-56", client.effects.obstacle, page)
    if result.outcome is Outcome.OK:
        result = StepResult(Outcome.OK, result.detail, result.rule or userless_rule(device, "P6", "S5"))
    if device.disk.technician and result.outcome in (Outcome.OK, Outcome.SKIPPED, Outcome.LEFT_PAGE):
        return elsewhere(Outcome.TECHNICIAN_DONE, result)
    return result


async def _device_setup(device: Device, world: World) -> StepResult:
    disk = device.disk
    if disk.enrolment is None:
        return StepResult(Outcome.SKIPPED, "not managed")
    client = start_management(device, world)
    client.effects.phase = "device"
    resumed = disk.resume == "device_setup"
    disk.resume = ""
    settings = client.esp
    if disk.locked_out:
        return await _locked_out(device, world, settings)
    if settings.device_page_shown:
        return await run_phase(device, world, client, "device", resumed=resumed)
    await _quiet_session(world, client)
    if device.memory.reboot_reasons:
        return restart_device(device, world, device.memory.reboot_reasons[0], "F-47", after_device_phase(device))
    return StepResult(Outcome.SKIPPED, "the device page is not shown; apps install in the background", _hidden_rule(settings))


async def _locked_out(device: Device, world: World, settings: EspSettings) -> StepResult:
    """A device lock and a restart before the end of device setup: no automatic sign-in, nothing is ever done again (F-48)."""
    page = Page(device, world, "device")
    world.show("LOGON", "REBOOT-DEVICELOCK", "The device lock policy asks for credentials; device setup does not go on.")
    deadline = device.disk.esp_started.setdefault("device", world.now) + settings.timeout
    await world.sleep(max(0, deadline - world.now))
    page.fail("policies", TIMED_OUT, "F-48")
    page.store("failed")
    return await fail(device, world, State.DEVICE_SETUP, TIMED_OUT, "F-48", "device setup never completes", page)


async def account_setup(device: Device, world: World) -> StepResult:
    """U14. The same for what is targeted at the user, after the first sign-in; never for local accounts."""
    result = await _account_setup(device, world)
    if device.disk.domain is not None and result.outcome in (Outcome.OK, Outcome.LEFT_PAGE):
        return elsewhere(Outcome.DOMAIN, result)
    return result


async def _account_setup(device: Device, world: World) -> StepResult:
    disk = device.disk
    account = disk.accounts.get(disk.signed_in_user)
    if account is not None and account.kind == "local":
        return StepResult(Outcome.SKIPPED, "a local account gets no account setup", "ESP-LOCAL-ACCOUNT")
    if disk.enrolment is None or account is None:
        return StepResult(Outcome.SKIPPED, "not managed")
    if disk.late_updates:
        return StepResult(Outcome.SKIPPED, "done before the restart of the quality updates", "QU-POSITION")
    client = start_management(device, world)
    client.effects.phase = "account"
    disk.csp.user_sid = account.sid
    later = _no_later_page(device)
    if later is not None:
        await _quiet_session(world, client, disk.enrolment.user_id)
        return later
    shown = client.esp.user_page_shown
    done = rf"{ENROLLMENTS}\{disk.enrolment.enrolment_id}\FirstSync\{account.sid}"
    if shown and disk.registry.get(done, "IsSyncDone") == 1:
        return StepResult(Outcome.SKIPPED, "this user's part was done before", "E-POWER")
    if shown and not disk.left_page:
        return await run_phase(device, world, client, "account", resumed=False)
    await _quiet_session(world, client, user_of_session(device, client))
    if shown:
        return StepResult(Outcome.SKIPPED, "the status page was left before", "ERR-NOT-BLOCKING")
    return StepResult(Outcome.SKIPPED, "the account page is not shown", "ESP-SKIP-USER")


def _no_later_page(device: Device) -> StepResult | None:
    """Why somebody who signs in once setup is over gets no Account setup; None for those who get it."""
    disk = device.disk
    if disk.signed_in_user in disk.users:
        return StepResult(Outcome.SKIPPED, f"{disk.signed_in_user} was here before", "SIGNIN-LATER")
    if disk.reset and rulebook.resets()[disk.reset].esp_tracks_apps == "no":
        return StepResult(Outcome.SKIPPED, "after the reset apps come once the user is at the desktop", "R8")
    return None


async def _quiet_session(world: World, client: ManagementClient, user_id: str = "") -> None:
    try:
        await client.session(user_id)
    except CallFailed as failed:
        world.note(failed.rule or "NET-INTUNE", f"The management session failed: {failed}. It is tried again later.")
