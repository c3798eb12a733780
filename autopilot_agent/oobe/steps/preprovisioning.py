"""P1 to P3 and P7: the technician's own pages, with what they show and what each button does."""

from __future__ import annotations

from autopilot_agent.device import Device
from autopilot_agent.device.registry import POLICY_CACHE
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.person import Question
from autopilot_agent.oobe.states import Outcome, State
from autopilot_agent.oobe.steps.acquisition import refresh_profile
from autopilot_agent.oobe.steps.join import start_management
from autopilot_agent.oobe.steps.status_error import LOGS as USB_LOGS
from autopilot_agent.oobe.steps.status_error import forget_failures
from autopilot_agent.oobe.world import Failure, World
from autopilot_agent.rulebook import diagnosis

OPTION = {True: "Pre-provision with Windows Autopilot", False: "Windows Autopilot provisioning"}
START = {True: "Next", False: "Provision"}
"""Choices of Windows 11 (True) and Windows 10 (False)."""
AGAIN = {
    State.SECURE_HARDWARE: Outcome.RETRY_HARDWARE,
    State.DEVICE_JOIN: Outcome.RETRY_DEVICE_JOIN,
    State.DEVICE_ENROLMENT: Outcome.RETRY_DEVICE_ENROLMENT,
    State.DOMAIN_JOIN_PROFILE: Outcome.RETRY_DOMAIN_JOIN,
    State.DOMAIN_JOIN_BLOB: Outcome.RETRY_DOMAIN_JOIN,
    State.DEVICE_PREPARATION: Outcome.RETRY_PREPARATION,
    State.DEVICE_SETUP: Outcome.RETRY_DEVICE_SETUP,
}
"""What Retry on the red page repeats."""
DOMAIN_ROWS = dict.fromkeys((State.DOMAIN_JOIN_PROFILE, State.DOMAIN_JOIN_BLOB), "Offline domain join")
"""What the red page calls steps that have no row: it cannot know what is wrong in the organisation's network."""
EDITIONS = ("Pro", "Enterprise", "Education")
"""Editions that pre-provisioning is documented for (rule REQ-TECHNICIAN-EDITION)."""
BACK = ("Back",)
LOGS = {True: "Export Logs", False: "View diagnostics"}


async def what_to_do(device: Device, world: World) -> StepResult:
    """P2. The page behind five presses of the Windows key; it opens whatever the profile allows."""
    world.note("P0", "A technician begins where the first page of setup stands.")
    option = OPTION[device.windows.eleven]
    reply = await world.ask(Question("WHATDO", (option,), option, actions=BACK, back=BACK), "P2", "region-keyboard")
    if reply.choice == option:
        return StepResult(Outcome.OK, option)
    if reply.choice:
        return StepResult(Outcome.BACK, "back to setup", "P1")
    reason = "nobody chose anything"
    world.failure = Failure("", State.WHAT_TO_DO, "P2", reason)
    return StepResult(Outcome.STUCK, reason, "P2")


async def preprovisioning(device: Device, world: World) -> StepResult:
    """P3 and P4. Organisation, profile, assigned user and QR code; Refresh downloads the profile again; then it starts."""
    start = START[device.windows.eleven]
    while True:
        found = device.memory.profile is not None
        choices = ("Refresh", start) if found else ("Refresh",)
        default, back = start if found else "", (*BACK, "Refresh")
        question = Question("PPINFO", choices, default, text=_facts(device), actions=BACK, back=back)
        reply = await world.ask(question, "P3", "region-keyboard")
        if reply.choice == "Back":
            return StepResult(Outcome.BACK, "back to setup", "P1")
        if reply.choice == "Refresh":
            world.note("P3", "Refresh: the profile is downloaded again.")
            await refresh_profile(device, world)
            continue
        if reply.choice != start:
            break
        if device.windows.edition not in EDITIONS:
            said = f"Windows {device.windows.edition} is not among the editions named for pre-provisioning."
            world.note("REQ-TECHNICIAN-EDITION", said)
        device.disk.technician = True
        device.disk.registry.set(POLICY_CACHE, "AutopilotMode", 2)
        device.disk.technician_began = world.now
        device.disk.resume = ""
        world.log("Autopilot", 509, "TPM requirement enabled by WhiteGlove policy", "P4")
        world.log("ShellCore", 62407, "CommercialOOBE_ESPProgress_WhiteGloveMode_True", "EVT-SHELL")
        return StepResult(Outcome.OK, start, "P4")
    why = device.memory.profile_error
    reason = f"no profile, so nothing can be started ({why})" if why else "nobody started it"
    world.failure = Failure(why if why.startswith("0x") or why.isdigit() else "", State.PREPROVISIONING, "P3", reason)
    return StepResult(Outcome.STUCK, reason, "P3")


async def technician_success(device: Device, world: World) -> StepResult:
    """P7. The green page with the elapsed time. With the ESP off it only proves that the device is enrolled (F-59)."""
    client = start_management(device, world)
    shown = client.esp.device_page_shown
    world.log("ShellCore", 62407, "CommercialOOBE_ESPProgress_WhiteGlove_Success", "EVT-SHELL")
    if not shown:
        world.note("F-59", "The page is green although apps are still to come: the Enrollment Status Page is off.")
    if client.esp.install_quality_updates:
        world.note("QU-TECHNICIAN", "Quality updates wait for the user flow.")
    reply = await world.ask(Question("PPOK", ("Reseal",), "", text=_result(device, world)), "P7")
    if reply.choice == "Reseal":
        return StepResult(Outcome.OK, "resealed by the technician")
    await client.settle("APP-DEFERRED" if shown else "F-59")
    return StepResult(Outcome.STUCK, "nobody pressed Reseal")


async def technician_failure(device: Device, world: World) -> StepResult:
    """P7. The red page: Retry repeats the step that failed, Reset begins again, logs can be taken (Q-08)."""
    failure = world.failure
    if failure is None:
        return StepResult(Outcome.GIVE_UP)
    eleven = device.windows.eleven
    code = diagnosis.meaning_at(failure.code, failure.state.value, failure.rule)
    what = failure.row or DOMAIN_ROWS.get(failure.state, failure.reason)
    text = f"{_result(device, world)} - {what}: {failure.code}{f' {code.meaning}' if code else ''}"
    buttons: tuple[str, ...] = ("Retry", "Reset") if eleven else ("Retry", "Reset", LOGS[eleven])
    actions = (LOGS[eleven],) if eleven else ()  # Ctrl+Shift+D, then the button of the page that it opens
    question = Question("PPFAIL", buttons, "", text=text, actions=actions, back=("Retry", "Reset"))
    reply = await world.ask(question, failure.rule)
    if reply.choice == LOGS[eleven]:
        if eleven:
            world.show("DIAG", "P7", "Enrolment status and network connectivity.", ("Export logs", "Back"))
        device.disk.files[USB_LOGS] = "mdmdiagnosticstool -area Autopilot;TPM"
        world.note("ERR-LOGS", "The logs were written to the USB drive.")
        reply = await world.ask(question, failure.rule)  # the page stays; the same button again brings nothing new
    if reply.choice == "Retry":
        device.disk.esp_started.pop("device", None)
        forget_failures(device, world)
        world.failure = None
        return StepResult(AGAIN[failure.state], f"tries {failure.state.value.replace('_', ' ')} again", "P7")
    if reply.choice == "Reset":
        return StepResult(Outcome.RESET, "starts over", "RST-ESP-RESET")
    return StepResult(Outcome.GIVE_UP, f"{failure.code}: the technician left it", failure.rule)


def _facts(device: Device) -> str:
    """What the technician's pages show; the QR code holds the registration."""
    profile = device.memory.profile
    if profile is None:
        return f"No profile was found ({device.memory.profile_error or 'not asked for'})."
    parts = (
        f"Organization: {profile.cloud_assigned_tenant_domain}",
        f"Profile: {profile.deployment_profile_name}",
        f"Assigned user: {profile.cloud_assigned_tenant_upn or 'none'}",
        f"QR code: {profile.ztd_registration_id}",
    )
    return " - ".join(parts)


def _result(device: Device, world: World) -> str:
    """The same with the time it took; after success and failure alike the QR code is a matter of Windows 10."""
    facts = _facts(device)
    if device.windows.eleven:
        facts = facts.partition(" - QR code")[0]
    return f"{facts} - Elapsed time: {(world.now - device.disk.technician_began) // 60_000} min"
