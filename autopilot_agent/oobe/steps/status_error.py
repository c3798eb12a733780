"""The error page of the Enrollment Status Page, what each of its buttons does, and the reset of the device."""

from __future__ import annotations

from autopilot_agent import rulebook
from autopilot_agent.clock import SECOND
from autopilot_agent.device import Device
from autopilot_agent.device.resetting import apply_reset
from autopilot_agent.errors import CallFailed
from autopilot_agent.oobe.engine import StepResult, reboot
from autopilot_agent.oobe.management.esp import TITLES, Page
from autopilot_agent.oobe.person import Question
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.join import start_management
from autopilot_agent.oobe.world import Failure, World
from autopilot_agent.service.network import UploadDiagnostics

LOGS = r"E:\MDMDiagReport.cab"
"""What Collect logs leaves on the USB drive."""

BEFORE_POLICY: tuple[str, ...] = ("Try again", "Reset device")
"""Buttons of a device that failed before any ESP policy had arrived (rule ERR-BEFORE-POLICY)."""

GENERIC_TEXT = "Setup could not be completed. Try again, or contact your support person for help."

AGAIN = {
    State.SECURE_HARDWARE: Outcome.RETRY_HARDWARE,
    State.DEVICE_JOIN: Outcome.RETRY_DEVICE_JOIN,
    State.DEVICE_ENROLMENT: Outcome.RETRY_DEVICE_ENROLMENT,
    State.HYBRID_REGISTRATION: Outcome.RETRY_REGISTRATION,
    State.DEVICE_PREPARATION: Outcome.RETRY_PREPARATION,
    State.DEVICE_SETUP: Outcome.RETRY_DEVICE_SETUP,
    State.ACCOUNT_SETUP: Outcome.RETRY_ACCOUNT_SETUP,
}


async def fail(device: Device, world: World, state: State, code: str, rule: str, why: str, page: Page) -> StepResult:
    """A phase failed: remember why, and send the logs that Windows sends by itself."""
    world.failure = Failure(code, state, rule, why, TITLES.get(page.failed_row, ""))
    expired = "TIME-EXPIRY" if code == "0x800705B4" else "EVT-SHELL"
    page_says = "WhiteGlove_Failed" if failed_outcome(device) is Outcome.TECHNICIAN_FAILED else "ErrorButtons_Displayed"
    world.log("ShellCore", 62407, f"CommercialOOBE_ESPProgress_{page_says}", expired)
    try:
        await world.call(UploadDiagnostics())
    except CallFailed:
        world.note("ERR-UPLOAD", "The diagnostics could not be uploaded.")
    return StepResult(failed_outcome(device), f"{code}: {why}", rule)


def failed_outcome(device: Device) -> Outcome:
    """Where a failure inside the ESP leads: to its error page, or to the red page of the technician."""
    return Outcome.TECHNICIAN_FAILED if device.disk.technician else Outcome.FAILED


async def error_page(device: Device, world: World) -> StepResult:
    """ESPERR: exactly the choices that BlockInStatusPage gives, and each does what it says (flows.md 5.6)."""
    failure = world.failure
    if failure is None:
        return StepResult(Outcome.GIVE_UP)
    if device.disk.enrolment is None:
        choices, default, message, rule = BEFORE_POLICY, "", GENERIC_TEXT, "ERR-BEFORE-POLICY"
    else:
        settings = start_management(device, world).esp
        choices = settings.buttons + (("Collect logs",) if settings.collect_logs else ())
        message, rule = settings.message or GENERIC_TEXT, "ERR-CHOICES"
        default = "" if settings.block else "Leave the page"
        if settings.message:
            world.note("ESP-MESSAGE", "The page shows the organisation's own text instead of the general one.")
        if settings.collect_logs:
            world.note("ESP-LOGS", "The ESP profile adds Collect logs.")
    text = f"{message} {failure.row}: {failure.code}"
    question = Question("ESPERR", choices, default, text=text, back=("Try again", "Reset device"))
    tried: set[str] = set()
    while (reply := await world.ask(question, rule)).choice not in tried:
        if reply.choice == "Reset device" and not device.windows.winre:
            world.note("REQ-WINRE", "The reset cannot begin: this PC has no recovery environment.")
        elif reply.choice == "Collect logs":
            device.disk.files[LOGS] = "mdmdiagnosticstool -area Autopilot;TPM"
            world.note("ERR-LOGS", "The logs were written to the USB drive.")
        else:
            return _chosen(device, world, reply.choice, failure)
        tried.add(reply.choice)  # the page stays, and pressing the same button again brings nothing new
    return _chosen(device, world, "", failure)


def _chosen(device: Device, world: World, choice: str, failure: Failure) -> StepResult:
    account = failure.state in (State.ACCOUNT_SETUP, State.HYBRID_REGISTRATION)
    if choice == "Try again":
        device.disk.esp_started.pop("account" if account else "device", None)
        device.disk.esp_started["retried"] = world.now
        forget_failures(device, world)
        world.note("ERR-TRY-AGAIN", "The part that failed begins anew, with a new timer.")
        return StepResult(AGAIN[failure.state], rule="ESP-RETRY")
    if choice in ("Continue anyway", "Leave the page"):
        device.disk.left_page = True
        rule = "ERR-CONTINUE" if choice == "Continue anyway" else "ERR-NOT-BLOCKING"
        world.note(rule, "What is left goes on in the background; the report keeps the failure.")
        chosen = "ESP-CONTINUE" if choice == "Continue anyway" else rule
        return StepResult(Outcome.CONTINUE_ACCOUNT if account else Outcome.CONTINUE_DEVICE, rule=chosen)
    if choice == "Reset device":
        return StepResult(Outcome.RESET, rule="ESP-RESET")
    return StepResult(Outcome.GIVE_UP, "nobody chose anything that helps", failure.rule)


def forget_failures(device: Device, world: World) -> None:
    """Try again runs the items that did not succeed once more."""
    if device.disk.enrolment is None:
        return
    values = device.disk.csp.values
    for key in [key for key, value in values.items() if value == "4" and key.endswith("/installationstate")]:
        values[key] = "1"
    for app in device.disk.apps.values():
        if app.state == "failed":
            app.state = "pending"
    start_management(device, world).retry()


def fresh_disk(device: Device, world: World, reason: str, rule: str) -> None:
    """What the reset of the error page leaves of the disk, on record."""
    apply_reset(device, rulebook.resets()["esp-reset"])
    world.disk_erased(reason, rule)


async def reset_device(device: Device, world: World) -> StepResult:
    """ESP "Reset device": back to OOBE with nothing left; the registration lives in the cloud and stays."""
    technician = device.disk.technician
    fresh_disk(device, world, "Reset device was chosen on the error page", "RST-ESP-RESET")
    device.disk.reset_by_technician = technician
    world.failure = None
    await world.spend("autopilot-reset")
    reboot(device, world, "Reset device was chosen on the error page", "ERR-RESET")
    world.note("RST-ESP-RESET", "Join, enrolment, apps and accounts are gone; setup begins again.")
    await world.sleep(SECOND)
    return StepResult(Outcome.OK)
