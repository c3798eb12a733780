"""The simulator's own prompt: lines that begin with a colon, and never stand for anything that Windows shows."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.act_specs import Admin
from autopilot_agent.scenario.durations import parse_duration
from autopilot_agent.scenario.model import FaultSpec, Happening
from autopilot_agent.scenario.names import check_happening

HELP = [
    ":why [N]              why the device did what it did: the last rules with their sources",
    ":fault F-26           bring about a fault of the catalogue from now on (autopilot-agent list faults)",
    ":fault EnrollMdm 503  spoil a call: with an HTTP status, a code such as 0x80180014, or 'drop'",
    ":clear [F-26|all]     end a fault, or all of them",
    ":net off|on|cable     take the network away, bring it back, plug in a cable",
    ":power off [1m]       pull the plug; the PC starts again after that time",
    ":jump 30m             let time pass on this page",
    ":in 20m COMMAND       one of net, power, fault, clear, admin, when that time has passed",
    ":admin sync           what an administrator does: sync, register, deregister, unblock, assign PROFILE,",
    "                      user UPN, group_tag TAG, cloud mfa=true, tenant {Graph resources as YAML}",
    ":save FILE            keep what was done so far as a scenario; walk --state FILE goes on there",
    ":speed X|max          X virtual seconds a second, or as fast as can be",
    ":export FILE          keep this screen as .svg or .html",
    ":quit                 end the walk",
]
_TIMED = ("net", "power", "fault", "clear", "admin")


class Command(msgspec.Struct):
    """One control line, read: its name, what it says besides, and what it makes happen (``after`` milliseconds from now)."""

    name: str
    rest: str = ""
    happening: Happening | None = None
    after: int = 0


def read(line: str) -> Command:
    """Read a line after its colon; raises ``InputError`` with a sentence."""
    name, _, rest = line.strip().removeprefix(":").strip().partition(" ")
    name, rest = name.lower(), rest.strip()
    if name in ("q", "exit"):
        name = "quit"
    if name in ("", "?", "h"):
        name = "help"
    if name == "in":
        span, _, command = rest.partition(" ")
        inner = read(command)
        if inner.name not in _TIMED:
            raise InputError(f"':in' takes one of {', '.join(_TIMED)}; as in ':in 20m net off'.")
        return Command("in", rest, inner.happening, max(1, _duration(span)))
    if name == "jump":
        _duration(rest)
        return Command(name, rest, Happening(wait=rest.replace(" ", "")))
    happening = _happening(name, rest)
    if happening is not None:
        check_happening(happening)
        return Command(name, rest, happening)
    if name not in ("help", "why", "save", "speed", "export", "quit", "hint", "answer"):
        raise InputError(f"{name[:30]!r} is not a command of the simulator; :help lists them.")
    return Command(name, rest)


def _happening(name: str, rest: str) -> Happening | None:
    if name == "net":
        ways: dict[str, Any] = {"off": "lost", "lost": "lost", "on": "back", "back": "back", "cable": "cable"}
        if rest.lower() not in ways:
            raise InputError("write ':net off', ':net on' or ':net cable'.")
        return Happening(network=ways[rest.lower()])
    if name == "power":
        word, _, span = rest.partition(" ")
        if word.lower() != "off":
            raise InputError("write ':power off', or ':power off 5m'.")
        span = span.replace(" ", "") or "1m"
        _duration(span)
        return Happening(power_off=span)
    if name == "fault":
        return Happening(inject=_fault(rest))
    if name == "clear":
        return Happening(clear=rest or "all")
    if name == "admin":
        return Happening(admin=_admin(rest))
    return None


def _fault(rest: str) -> FaultSpec:
    name, _, how = rest.partition(" ")
    if re.fullmatch(r"[Ff]-?\d+", name):
        number = name.lstrip("Ff-")
        return FaultSpec(fault=f"F-{number.zfill(2)}")
    if not name or not how:
        raise InputError("write a fault as ':fault F-26' or ':fault EnrollMdm 503'.")
    how = how.strip()
    if how == "drop":
        return FaultSpec(on=name, drop=True)
    if how.isascii() and how.isdigit() and len(how) == 3:
        return FaultSpec(on=name, status=int(how))
    return FaultSpec(on=name, code=how)


def _admin(rest: str) -> dict[str, Any]:
    """``assign Contoso Kiosk``, ``sync``, ``group_tag Sales``, ``cloud mfa=true``, ``tenant {...}`` as the words of the act."""
    name, _, value = rest.partition(" ")
    name = {"assign": "assign_profile", "user": "assigned_user", "group-tag": "group_tag", "tag": "group_tag"}.get(name, name)
    fields = {field.encode_name: field for field in msgspec.structs.fields(Admin)}
    if name not in fields or name in ("after", "at", "expect"):
        known = ", ".join(one for one in fields if one not in ("after", "at", "expect"))
        raise InputError(f"an administrator does one of: {known}.")
    value = value.strip()
    if fields[name].type is bool:
        return {name: True}
    if name in ("tenant", "cloud"):
        return {name: _mapping(value)}
    if not value:
        raise InputError(f"write ':admin {name} ...' with a value.")
    return {name: value}


def _mapping(text: str) -> dict[str, Any]:
    import yaml

    found = re.fullmatch(r"(\w+)=(.*)", text)
    try:
        value = yaml.safe_load(f"{found[1]}: {found[2]}" if found else text)
    except yaml.YAMLError:
        value = None
    if not isinstance(value, dict):
        raise InputError("write it as YAML in braces, such as ':admin cloud {mfa: true}'.")
    return value


def _duration(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise InputError(f"{error}.") from None
