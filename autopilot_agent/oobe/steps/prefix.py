"""C1 to C5: boot, language, region, keyboard, network."""

from __future__ import annotations

from autopilot_agent.device import Device
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.management.domain import begin_task
from autopilot_agent.oobe.management.lasting import locks_out
from autopilot_agent.oobe.person import Question
from autopilot_agent.oobe.states import Outcome
from autopilot_agent.oobe.steps.acquisition import acquire_profile, check_connectivity
from autopilot_agent.oobe.steps.join import start_management
from autopilot_agent.oobe.world import World

OK = StepResult(Outcome.OK)

TOO_MANY_RESTARTS = 5
"""Restarts of OOBE after which Windows shows the recovery OOBE; the number is not published (rule F-08, assumed)."""

RESTARTS = {
    "C9": "update-reboot",
    "F-93": "update-reboot",
    "C10": "rename-reboot",
    "P4": "rename-reboot",
    "O2": "rename-reboot",
}
"""Restarts with a duration of their own in flows.md 10, by the rule that caused them; the rest take as long as a power-on."""

WINDOWS_KEY = "Windows key five times"

PACKAGE_NAME = "PPKG-DEVICE"
"""What a provisioning package with a name calls the PC."""

RESUME = {
    "profile": Outcome.RESUME_PROFILE,
    "device_preparation": Outcome.RESUME_PREPARATION,
    "device_setup": Outcome.RESUME_DEVICE_SETUP,
    "deployment_done": Outcome.RESUME_DEPLOYMENT_DONE,
    "first_sign_in": Outcome.RESUME_FIRST_SIGN_IN,
    "domain_sign_in": Outcome.RESUME_DOMAIN_SIGN_IN,
}


async def boot(device: Device, world: World) -> StepResult:
    """C1. A cable that is in at power-on gives the profile before the first page, so pages can be skipped."""
    await world.spend(RESTARTS.get(device.disk.restart_kind, "power-on"), device.disk.reboots)
    if device.windows.oobe_restarts >= TOO_MANY_RESTARTS:
        world.show("RECOVERY", "F-08", "Language, region and keyboard on one page.")
        return StepResult(Outcome.TOO_MANY_RESTARTS, f"{device.windows.oobe_restarts} restarts of OOBE", "F-08")
    if not device.disk.computer_name:
        device.disk.computer_name = _default_name(world)
        _run_package(device, world)
    if not device.disk.free_mb:
        device.disk.free_mb = 200_000
    if not device.disk.resume and device.disk.checkpoint:  # the power went: on from where the disk says
        device.disk.resume = device.disk.checkpoint
        world.note("E-POWER", f"Setup goes on where it was: {device.disk.checkpoint.replace('_', ' ')}.")
        device.disk.locked_out = device.disk.checkpoint == "device_setup" and locks_out(device)
    elif not device.disk.resume and device.disk.technician:
        device.disk.resume = "profile"
    resume = device.disk.resume
    if resume:
        if resume != "profile":
            online = device.network.link(world.now) and await check_connectivity(device, world)
            if online or device.disk.profile is not None:
                await acquire_profile(device, world)
            if device.disk.domain is not None:
                begin_task(device, world, start_management(device, world))
        return StepResult(RESUME[resume], f"resumes at {resume.replace('_', ' ')}", "U10" if resume == "device_setup" else "")
    if device.network.kind == "ethernet" and device.network.link(world.now) and await check_connectivity(device, world):
        await acquire_profile(device, world)
    return OK


def _run_package(device: Device, world: World) -> None:
    """A provisioning package of the image runs before Autopilot; what it sets collides with Autopilot later."""
    package = device.windows.provisioning_package
    if package:
        world.note("F-91", f"A provisioning package has run before Autopilot; it sets: {', '.join(package)}.")
    if "name" in package:
        device.disk.computer_name = PACKAGE_NAME


async def language(device: Device, world: World) -> StepResult:
    """C2. Asked only when the image brings several languages and no early profile answers it."""
    disk = device.disk
    if "language" in disk.oobe_pages and device.network.kind == "ethernet":
        return StepResult(Outcome.SKIPPED, "answered before the restart", "C9")
    disk.language = disk.language or device.windows.languages[0]
    early = early_locale(device)
    if early:
        if early != "os-default":
            disk.language = early
        return StepResult(Outcome.SKIPPED, f"the profile says {early}", "SET-LOCALE")
    if len(device.windows.languages) == 1:
        return StepResult(Outcome.SKIPPED, "only one language is installed")
    reply = await world.ask(
        Question("LANG", device.windows.languages, device.windows.languages[0], actions=windows_key(device, world)),
        _page_rule(device, "C2"),
        "region-keyboard",
    )
    if reply.choice == WINDOWS_KEY:
        return StepResult(Outcome.WINDOWS_KEY, rule="P1")
    disk.language = reply.choice or disk.language
    disk.oobe_pages.add("language")
    return OK


async def region(device: Device, world: World) -> StepResult:
    """C3. Skipped only when the profile is known before the page and sets a language."""
    disk = device.disk
    disk.region = disk.region or device.windows.region
    if "region" in disk.oobe_pages and device.network.kind == "ethernet":
        return StepResult(Outcome.SKIPPED, "answered before the restart", "C9")
    early = early_locale(device)
    if early:
        if early != "os-default" and "-" in early:
            disk.region = early.rsplit("-", 1)[1]
        return StepResult(Outcome.SKIPPED, f"the profile says {early}", "SET-LOCALE")
    rule = _page_rule(device, "C3" if device.network.kind == "ethernet" else "C-WIFI-FIRST")
    question = Question("REGION", ("Yes",), "Yes", "region", disk.region, actions=windows_key(device, world))
    reply = await world.ask(question, rule, "region-keyboard")
    if reply.choice == WINDOWS_KEY:
        return StepResult(Outcome.WINDOWS_KEY, rule="P1")
    disk.region = reply.value or disk.region
    disk.oobe_pages.add("region")
    return OK


async def keyboard(device: Device, world: World) -> StepResult:
    """C4. Skipped only when wired, with the keyboard bit and a language in the profile; the second layout can be declined."""
    disk, profile = device.disk, device.memory.profile
    disk.keyboard = disk.keyboard or device.windows.keyboard
    if "keyboard" in disk.oobe_pages and device.network.kind == "ethernet":
        return StepResult(Outcome.SKIPPED, "answered before the restart", "C9")
    if early_locale(device) and profile is not None and profile.cloud_assigned_oobe_config & 1024:
        return StepResult(Outcome.SKIPPED, "the profile configures the keyboard", "SET-KEYBOARD")
    rule = _page_rule(device, "C4" if device.network.kind == "ethernet" else "C-WIFI-FIRST")
    question = Question("KBD", ("Yes",), "Yes", "layout", disk.keyboard, actions=windows_key(device, world))
    reply = await world.ask(question, rule)
    if reply.choice == WINDOWS_KEY:
        return StepResult(Outcome.WINDOWS_KEY, rule="P1")
    disk.keyboard = reply.value or disk.keyboard
    second = await world.ask(Question("KBD2", ("Add layout", "Skip"), "Skip", "layout", ""), rule)
    if second.choice == "Add layout" or second.value:
        disk.second_keyboard = second.value or "0000040C"
    disk.oobe_pages.add("keyboard")
    return OK


async def network(device: Device, world: World) -> StepResult:
    """C5. A cable that already gives internet skips the page; without internet nobody gets past it."""
    adapter = device.network
    if adapter.connected and adapter.link(world.now):
        return StepResult(Outcome.SKIPPED, "the cable gives internet")
    if adapter.kind == "wifi" and adapter.ssid in device.disk.wifi_profiles and adapter.link(world.now):
        return StepResult(Outcome.SKIPPED, f"{adapter.ssid} is known")
    tried = world.count(f"network page of boot {device.disk.boots}")
    if tried and not (adapter.back_at is not None and world.now < adapter.back_at):
        rule = "F-11" if adapter.captive_portal else "F-09" if adapter.link(world.now) else "F-13"
        reply = await world.ask(Question("NET", ("Connect", "Next"), "", text="No internet. Next stays disabled."), rule)
        if not reply.choice or tried >= 5:
            return StepResult(Outcome.STUCK, "no internet: Next stays disabled", rule)
        return StepResult(Outcome.OK, "tries again")
    question = Question("NET", ("Connect", "Next"), "Next", "network", adapter.ssid)
    await world.ask(question, _page_rule(device, "C5"), "network-page")
    if not adapter.link(world.now) and adapter.back_at is not None:
        await world.sleep(adapter.back_at - world.now)
        world.note("F-13", "The network is back.")
    return OK


async def connectivity(device: Device, world: World) -> StepResult:
    """C6. A Wi-Fi is remembered once it gave internet; one that gave none is asked for again."""
    if device.network.connected and device.network.link(world.now):
        return StepResult(Outcome.OK, "checked at power-on")
    if not device.network.link(world.now):
        return StepResult(Outcome.FAILED, "the link is down", "F-13")
    if await check_connectivity(device, world):
        if device.network.kind == "wifi":
            device.disk.wifi_profiles[device.network.ssid] = "OOBE"
        return OK
    device.disk.wifi_profiles.pop(device.network.ssid, None)
    return StepResult(Outcome.FAILED, "no internet", "F-11" if device.network.captive_portal else "F-09")


async def profile(device: Device, world: World) -> StepResult:
    """C7. Once per boot; at a wired power-on it happened before the first page."""
    if not device.memory.profile_asked:
        await acquire_profile(device, world)
    if device.disk.resume == "profile" and device.disk.technician and device.disk.restart_kind != "P4":
        device.disk.resume = ""  # a restart for updates, or none at all: the device has yet to be named
    if device.disk.resume == "profile":
        device.disk.resume = ""
        return StepResult(Outcome.RESUME_BRANCH, "goes on where it was before the restart", "C10")
    found = device.memory.profile
    if found is None:
        blank = device.memory.profile_error == "empty profile"
        rule = "C-BLANK-PROFILE" if blank else ""
        return StepResult(Outcome.OK, f"no profile: {device.memory.profile_error}", rule)
    rule = "C-ONE-DOWNLOAD" if device.memory.profile_resident else "EDU-DETECT" if device.windows.se else ""
    name = "profile of the file" if found.offline else f"profile {found.deployment_profile_name!r}"
    return StepResult(Outcome.OK, name, rule)


def windows_key(device: Device, world: World) -> tuple[str, ...]:
    """Five presses of the Windows key open pre-provisioning once the network is there (P1); an action that no page names."""
    profile = device.memory.profile
    if profile is not None and profile.offline:  # a file cannot bring pre-provisioning (I-07)
        return ()
    return (WINDOWS_KEY,) if device.network.connected and world.offers(Outcome.WINDOWS_KEY) else ()


def _page_rule(device: Device, rule: str) -> str:
    """On Windows 11 SE the guide for schools describes the first pages."""
    return "EDU-PAGES" if device.windows.se else rule


def early_locale(device: Device) -> str:
    """The profile's language, if the profile was there before the pages: a matter of Ethernet alone; "" otherwise."""
    found = device.memory.profile
    if found is None or device.network.kind != "ethernet":
        return ""
    return found.cloud_assigned_language


def _default_name(world: World) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    number = int(world.clock.draw("computer name") * 36**7)
    return "DESKTOP-" + "".join(letters[number // 36**place % 36] for place in range(7))
