"""H9, H10 and H14: the sign-on screen of a domain member, the privacy page before it, and signing out at the end."""

from __future__ import annotations

import hashlib

from autopilot_agent.device import Device
from autopilot_agent.device.storage import Account
from autopilot_agent.errors import CallFailed, ServiceFault
from autopilot_agent.oobe.engine import StepResult
from autopilot_agent.oobe.management.vpn import connect, lacking, missing
from autopilot_agent.oobe.person import Question, Reply
from autopilot_agent.oobe.states import Outcome
from autopilot_agent.oobe.steps.sign_in import MOST_ATTEMPTS
from autopilot_agent.oobe.world import World
from autopilot_agent.service.domain import LogOnToDomain

OK = StepResult(Outcome.OK)

WITH_VPN = "Start the VPN and sign in"
NO_CONTROLLER = 3
"""Attempts without a domain controller after which our person walks away."""


async def domain_privacy(device: Device, world: World) -> StepResult:
    """H10. Before the sign-on screen, once, unless the profile hides it."""
    profile = device.memory.profile or device.disk.profile
    if profile is not None and profile.cloud_assigned_oobe_config & 4:
        return StepResult(Outcome.SKIPPED, "the profile hides the privacy page", "SET-PRIVACY")
    if "privacy" in device.disk.oobe_pages:
        return StepResult(Outcome.SKIPPED, "answered before", "H10")
    await world.ask(Question("PRIVACY", ("Accept",), "Accept"), "H10")
    device.disk.oobe_pages.add("privacy")
    return OK


async def domain_sign_in(device: Device, world: World) -> StepResult:
    """H9. The ESP steps aside; only Active Directory's credentials count here, and a controller has to confirm them."""
    device.disk.resume = ""
    network = device.network
    if not network.domain and not network.vpn:
        rule, why = lacking(device)
        world.note(rule or "V3", f"No VPN can be used: {why}." if why else "Device setup brought all that the VPN needs.")
        if not why and network.client is not None and network.client.by_itself:
            return await log_on(device, world, "H9", await connect(device, world))
    return await log_on(device, world, "H9")


async def sign_out(device: Device, world: World) -> StepResult:
    """H14. The user's part of the ESP ends with signing out; the next sign-in leads to the desktop."""
    reply = await world.ask(Question("HSIGNOUT", ("Sign out",), "Sign out"), "H14")
    if reply.choice != "Sign out":
        return StepResult(Outcome.STUCK, "nobody signed out", "H14")
    device.network.vpn = device.network.vpn and device.network.client is not None and device.network.client.by_itself
    return await log_on(device, world, "H14")


async def log_on(device: Device, world: World, rule: str, no_vpn: str = "") -> StepResult:
    """Ask for the credentials until the domain, or what it left on this PC, accepts them.

    ``no_vpn`` says why the VPN did not connect so far.
    """
    domain = device.disk.domain
    assert domain is not None
    name = await _who(device, world, rule)
    without = 0
    for _ in range(MOST_ATTEMPTS):
        reply = await _ask(device, world, domain.domain, name, rule)
        if not reply.choice or not reply.value:
            return StepResult(Outcome.STUCK, "nobody signed in", rule)
        if reply.choice == WITH_VPN:
            no_vpn = await connect(device, world)
        try:
            found = await world.call(LogOnToDomain(domain.domain, domain.computer_name, name, reply.value))
        except ServiceFault as refused:
            world.show("LOGON", refused.rule or rule, f"That did not work: {refused.reason}.")
            continue
        except CallFailed as failed:
            if _cached(device, name) == _digest(reply.value):
                world.note("V5", f"No controller answers; {name} signs in with the credentials that are cached.")
                return _signed_in(device, name)
            cause, why = _no_controller(device, no_vpn)
            world.show("LOGON", cause, f"No domain controller can be asked: {failed.reason}.")
            without += 1
            if without == NO_CONTROLLER:
                return StepResult(Outcome.STUCK, why, cause)
            continue
        await _first_time(device, world, found.user_name, found.sid)
        device.disk.accounts[found.user_name].cached = _digest(reply.value)
        return _signed_in(device, found.user_name)
    return StepResult(Outcome.STUCK, "the sign-in never succeeded", "F-18")


def _no_controller(device: Device, no_vpn: str) -> tuple[str, str]:
    """Why no controller can be asked: none answers in this network, no VPN can be used, or nobody started it (F-36)."""
    network = device.network
    if network.domain or network.vpn:
        return "H9", "no domain controller answers, and no credentials are cached"
    rule, why = lacking(device)
    if rule:
        return rule, why
    return ("V4", no_vpn) if no_vpn else ("F-36", "no domain controller, and no cached credentials")


async def unlock(device: Device, world: World) -> bool:
    """H13: the screen locked itself; the credentials that are cached open it."""
    name = device.disk.signed_in_user
    question = Question("LOGON", ("Sign in",), "Sign in", "password", "right password", secret=True, text=f"Locked: {name}")
    reply = await world.ask(question, "H13", "sign-in")
    device.memory.locked = _cached(device, name) != _digest(reply.value)
    return not device.memory.locked


async def _who(device: Device, world: World, rule: str) -> str:
    """Who signs in: whoever did before, else the enrolling user; a device without one asks."""
    disk = device.disk
    name = device.memory.user_name or disk.signed_in_user or (disk.enrolment.user_name if disk.enrolment is not None else "")
    if name:
        return name
    reply = await world.ask(Question("LOGON", ("Sign in",), "Sign in", "user name", text="Other user"), rule)
    return reply.value


async def _ask(device: Device, world: World, domain: str, name: str, rule: str) -> Reply:
    network = device.network
    choices: tuple[str, ...] = ("Sign in",)
    if not network.domain and not network.vpn and not missing(device):
        choices = (WITH_VPN, *choices)
    text = f"Ctrl+Alt+Del, then {domain}: {name}"
    question = Question("LOGON", choices, choices[0], "password", "right password", secret=True, text=text)
    return await world.ask(question, rule, "sign-in")


async def _first_time(device: Device, world: World, name: str, sid: str) -> None:
    """The account of somebody who was never here: its rights are the profile's, unless another administrator exists (F-108)."""
    disk = device.disk
    if name in disk.accounts:
        return
    profile = device.memory.profile or disk.profile
    standard = profile is not None and bool(profile.cloud_assigned_oobe_config & 2)
    others = [one.name for one in disk.accounts.values() if one.kind == "local" and one.group == "administrators"]
    if not standard and others:
        standard = True
        world.note("F-108", f"{others[0]} is a local administrator already: {name} stays a standard user.")
    disk.accounts[name] = Account(name, "domain", "users" if standard else "administrators", sid)
    world.note("SET-USER-TYPE", f"{name} is {'a standard user' if standard else 'a local administrator'}.")
    world.show("FSIA", "H9")
    await world.spend("fsia")


def _signed_in(device: Device, name: str) -> StepResult:
    disk, memory = device.disk, device.memory
    disk.signed_in_user = memory.user_name = name
    memory.single_sign_on = disk.domain is not None and bool(disk.domain.registration)
    return StepResult(Outcome.OK, f"{name} signed in with domain credentials")


def _cached(device: Device, name: str) -> str:
    account = device.disk.accounts.get(name)
    return account.cached if account is not None else ""


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest() if password else "nothing"
