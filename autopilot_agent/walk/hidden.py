"""What Windows hides behind keys: the prompt of Shift+F10 and the page of Ctrl+Shift+D. Looking changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.device import CspTree, Device
from autopilot_agent.device.mirror import mirror_tracking
from autopilot_agent.device.registry import DIAGNOSTICS, Registry
from autopilot_agent.events import LogWritten
from autopilot_agent.reports.words import clock
from autopilot_agent.scenario.plan import Plan

BANNER = ["Windows command prompt (Shift+F10). 'help' lists what can be looked at; 'exit' closes it."]
HELP = [
    "reg query KEY            values of a key and the keys below it; HKLM, HKCU; without KEY: the Autopilot key",
    "wevtutil [CHANNEL] [N]   event logs: without a channel the list, else its last N records (20)",
    "dsregcmd /status         how the device is joined",
    "type profile.json        the Autopilot profile as the device caches it",
    "csp [LOCURI]             nodes of the CSP tree",
    "dir                      files that setup left",
    "ipconfig                 the network",
    "tpmtool                  the security chip",
    "exit                     back to the page",
]
DEFAULT_KEY = DIAGNOSTICS
MOST = 200


def run(line: str, plan: Plan) -> list[str]:
    """The output of one command."""
    words = line.split()
    if not words:
        return []
    name = words[0].lower().removesuffix(".exe")
    handler = COMMANDS.get(name)
    if handler is None:
        return [f"'{words[0][:40]}' is not recognized as a command here; 'help' lists what is."]
    return handler(words[1:], plan)[:MOST] or ["(nothing)"]


def _help(words: list[str], plan: Plan) -> list[str]:
    return HELP


def _reg(words: list[str], plan: Plan) -> list[str]:
    if words and words[0].lower() == "query":
        words = words[1:]
    key = " ".join(words).strip('"') or DEFAULT_KEY
    for long, short in (("HKEY_LOCAL_MACHINE", "HKLM"), ("HKEY_CURRENT_USER", "HKCU"), ("HKEY_USERS", "HKU")):
        if key.upper().startswith(long):
            key = short + key[len(long) :]
    registry = _as_tools_see_it(plan.device)
    wanted = key.rstrip("\\").casefold()
    lines: list[str] = []
    below: set[str] = set()
    for path, values in registry.items():
        folded = path.casefold()
        if folded == wanted:
            lines.append(path)
            for name, value in values.items():
                kind = "REG_DWORD" if isinstance(value, int) else "REG_SZ"
                shown = f"0x{value:x}" if isinstance(value, int) else value
                lines.append(f"    {name}    {kind}    {shown}")
        elif folded.startswith(wanted + "\\"):
            below.add(path[: len(wanted)] + "\\" + path[len(wanted) + 1 :].split("\\")[0])
    lines += sorted(below)
    return lines or ["ERROR: The system was unable to find the specified registry key or value."]


def _as_tools_see_it(device: Device) -> dict[str, dict[str, str | int]]:
    """The registry with the tracking nodes mirrored into it, on a copy: looking must not write."""
    copy = Registry()
    for path, values in device.disk.registry.keys().items():
        copy.create(path)
        copy.update(path, dict(values))
    tree: CspTree = device.disk.csp
    mirror_tracking(tree, copy)
    return copy.keys()


def _events(words: list[str], plan: Plan) -> list[str]:
    logs = [event for event in plan.world.trace if isinstance(event, LogWritten)]
    words = [word for word in words if word.lower() not in ("qe", "el", "events") and not word.startswith("/")]
    if not words:
        counted: dict[str, int] = {}
        for event in logs:
            counted[event.channel] = counted.get(event.channel, 0) + 1
        return [f"{channel}  ({number} records)" for channel, number in sorted(counted.items())]
    number = int(words[1]) if len(words) > 1 and words[1].isascii() and words[1].isdigit() and len(words[1]) < 6 else 20
    known = rulebook.windows_events()
    lines: list[str] = []
    for event in [one for one in logs if one.channel.casefold() == words[0].casefold()][-number:]:
        row = known.get((event.channel, event.id))
        level = row.level if row is not None else "information"
        text = event.text or (row.meaning if row is not None else "")
        lines.append(f"{clock(event.at)}  {event.id}  {level}  {text}")
    return lines or [f"there is no log {words[0][:40]!r}, or it is empty; 'wevtutil' lists them."]


def _dsregcmd(words: list[str], plan: Plan) -> list[str]:
    disk = plan.device.disk

    def yes(value: object) -> str:
        return "YES" if value else "NO"

    domain = disk.domain is not None and disk.domain.joined
    lines = [
        "| Device State |",
        f"    AzureAdJoined : {yes(disk.join is not None or (disk.domain is not None and disk.domain.registration))}",
        f"    DomainJoined : {yes(domain)}",
        f"    Device Name : {disk.computer_name or '(not named yet)'}",
    ]
    if disk.domain is not None:
        lines.append(f"    DomainName : {disk.domain.domain}")
    if disk.join is not None:
        lines += [
            "| Device Details |",
            f"    DeviceId : {disk.join.device_id}",
            f"    Thumbprint : {disk.join.thumbprint}",
            f"    TpmProtected : {yes(plan.device.hardware.tpm.present)}",
            "| Tenant Details |",
            f"    TenantId : {disk.join.tenant_id}",
        ]
    if disk.enrolment is not None:
        lines.append(f"    MdmUrl : {disk.enrolment.management_url}")
    lines += ["| SSO State |", f"    AzureAdPrt : {yes(disk.join is not None and bool(disk.signed_in_user))}"]
    return lines


def _profile(words: list[str], plan: Plan) -> list[str]:
    profile = plan.device.memory.profile or plan.device.disk.profile
    if profile is None:
        why = plan.device.memory.profile_error
        return [f"no profile{f': {why}' if why else ''}"]
    text: str = msgspec.json.format(msgspec.json.encode(profile), indent=2).decode()
    return text.split("\n")


def _csp(words: list[str], plan: Plan) -> list[str]:
    tree = plan.device.disk.csp
    wanted = " ".join(words).removeprefix("./").casefold()
    folded = wanted.replace("device/", "d/", 1) if wanted.startswith("device/") else wanted
    folded = folded.replace("user/", "u/", 1) if folded.startswith("user/") else folded
    found = [
        f"{_shown(key)} = {value}" for key, value in sorted(tree.values.items()) if folded in key.casefold() or not folded
    ]
    return found[:MOST] + ([f"... {len(found) - MOST} more; name a part of the LocURI"] if len(found) > MOST else [])


def _shown(key: str) -> str:
    return f"./{'Device' if key.startswith('D/') else 'User'}{key[1:]}"


def _dir(words: list[str], plan: Plan) -> list[str]:
    return sorted(plan.device.disk.files)


def _network(words: list[str], plan: Plan) -> list[str]:
    network = plan.device.network
    link = network.link(plan.world.now)
    lines = [f"Adapter : {'Ethernet' if network.kind == 'ethernet' else 'Wi-Fi ' + network.ssid}"]
    lines.append(f"Media State : {'connected' if link else 'disconnected'}")
    lines.append(f"Internet : {'yes' if link and network.internet and not network.captive_portal else 'no'}")
    return lines


def _tpm(words: list[str], plan: Plan) -> list[str]:
    tpm = plan.device.hardware.tpm
    if not tpm.present:
        return ["TPM Present : False"]
    facts = (("Version", tpm.version), ("Manufacturer", tpm.vendor), ("Firmware", tpm.firmware))
    return ["TPM Present : True", *(f"TPM {name} : {value}" for name, value in facts)]


COMMANDS: dict[str, Callable[[list[str], Plan], list[str]]] = {
    "help": _help,
    "reg": _reg,
    "wevtutil": _events,
    "events": _events,
    "logs": _events,
    "dsregcmd": _dsregcmd,
    "type": _profile,
    "profile": _profile,
    "csp": _csp,
    "dir": _dir,
    "ipconfig": _network,
    "tpmtool": _tpm,
}


def diagnostics(plan: Plan) -> list[str]:
    """The page of Ctrl+Shift+D: network, Autopilot settings, enrolment status (Windows 11)."""
    device, state = plan.device, plan.state
    profile = device.memory.profile or device.disk.profile
    lines = ["Network connectivity", *(f"  {line}" for line in _network([], plan)), "Autopilot settings"]
    if profile is None:
        lines.append(f"  no profile{': ' + device.memory.profile_error if device.memory.profile_error else ''}")
    else:
        lines += [
            f"  Profile : {profile.deployment_profile_name}",
            f"  Tenant : {profile.cloud_assigned_tenant_domain} ({state.display_name})",
            f"  Device name template : {profile.cloud_assigned_device_name or '(none)'}",
            f"  Mode : {'self-deploying' if profile.self_deploying else 'user-driven'}",
        ]
    enrolment = device.disk.enrolment
    lines.append("Enrollment status")
    if enrolment is None:
        lines.append("  not enrolled")
        return lines
    lines.append(f"  Enrolled : {enrolment.enrolment_id}")
    for app in device.disk.apps.values():
        lines.append(f"  App {app.name} : {app.state}{' ' + app.code if app.code and app.code != '0' else ''}")
    for uri, status in state.history[-1].failed_commands.items() if state.history else ():
        lines.append(f"  Command {uri} : {status}")
    return lines


def why(plan: Plan, number: int = 6) -> list[str]:
    """The last rules that moved the device, with grade and source."""
    lines: list[str] = []
    told: set[str] = set()
    table = rulebook.rules()
    for event in reversed(plan.world.trace):
        if not event.rule or event.rule in told or event.rule not in table:
            continue
        told.add(event.rule)
        row = table[event.rule]
        lines.append(f"{clock(event.at)}  {row.id}: {row.statement}")
        lines.append(f"          {row.grade}; {row.source}")
        lines += [f"          {key}: {where}" for key, where in rulebook.cited_sources(row.source)]
        if len(told) >= number:
            break
    return lines or ["nothing has happened yet"]
