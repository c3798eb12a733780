"""Payloads of the extension's gateway: apps, scripts, results (protocols.md 15.3), in the members that are known of them.

The reference lists names, not all of their values. What is assumed here: rules are written as in Graph (formats.md, the table
of win32LobApp) with its numbers; ``InstallEx`` holds limit and restart behaviour; dependencies carry ``Action``, 0 to detect
and 10 to install; TargetType is 1 for a user and 2 for the device. Members that only this project reads and writes have names
that say what they hold (``ContentSizeInBytes``); a foreign gateway need not send them, and a foreign agent passes over them.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import struct
import zlib
from typing import Any, NamedTuple

from autopilot_agent.errors import Malformed
from autopilot_agent.service.ime import Apps, FileRule, Script, Scripts, Win32App
from autopilot_agent.wire import members

LARGEST = 20_000_000
"""Bytes that a packed payload may unpack to."""
MOST = 10**12
"""Beyond this a time, a size or a demand is taken for missing."""
DEPENDENCY, AVAILABLE, REQUIRED, UNINSTALL = 0, 1, 3, 4
"""Values of Intent; 0 for an app that is there only because others need it is an assumption."""
CONTEXTS = {"user": 1, "system": 2}
TARGETS = {"account": 1, "device": 2}
PHASES = {"": 0, "device": 1, "account": 2}
EXECUTION = {"system": 0, "user": 1}
RULES = {"registry": 0, "product_code": 1, "file_system": 2, "script": 3}
RESTARTS = {"basedOnReturnCode": 0, "allow": 1, "suppress": 2, "force": 3}
MEANINGS = {"failed": 0, "success": 1, "softReboot": 2, "hardReboot": 3, "retry": 4}
ACTIONS = {"detect": 0, "autoInstall": 10}
ARCHITECTURES = {"x86": 1, "x64": 2, "arm": 4, "neutral": 8, "arm64": 16}
OPERATORS = {
    "notConfigured": 0, "equal": 1, "notEqual": 2, "greaterThan": 4, "greaterThanOrEqual": 5, "lessThan": 8,
    "lessThanOrEqual": 9,
}  # fmt: skip
FILES = {
    "notConfigured": 0, "exists": 1, "modifiedDate": 2, "createdDate": 3, "version": 4, "sizeInMB": 5, "doesNotExist": 6,
}  # fmt: skip
VALUES = {"notConfigured": 0, "exists": 1, "doesNotExist": 2, "string": 3, "integer": 4, "version": 5}
OUTPUTS = {"notConfigured": 0, "string": 1, "dateTime": 2, "integer": 3, "float": 4, "version": 5, "boolean": 6}


class RuleForm(NamedTuple):
    """How a kind of rule names its five facts, and the numbers of its operations."""

    path: str
    name: str
    operations: dict[str, int]
    operator: str = "Operator"
    value: str = "DetectionValue"


FORMS = {
    "file_system": RuleForm("Path", "FileOrFolderName", FILES),
    "registry": RuleForm("KeyPath", "ValueName", VALUES),
    "product_code": RuleForm("ProductCode", "DisplayName", FILES, "ProductVersionOperator", "ProductVersion"),
    "script": RuleForm("ScriptBody", "DisplayName", OUTPUTS),
}
OPERATION = "DetectionType"


def pack(payload: Any) -> str:
    """A payload in base64: its length in four bytes, then gzip; equal payloads give equal strings."""
    data = members.encode(payload).encode()
    return base64.b64encode(struct.pack("<I", len(data)) + gzip.compress(data, 6, mtime=0)).decode()


def unpack(packed: str) -> Any:
    """The payload; None for an empty one. Raises ``Malformed``, also for one that would become too large."""
    if not packed:
        return None
    try:
        data = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("the payload is no base64") from None
    if len(data) < 4:
        raise Malformed("the payload has no length")
    (length,) = struct.unpack_from("<I", data)
    if length > LARGEST:
        raise Malformed(f"the payload has {length} bytes, more than {LARGEST}")
    unzip = zlib.decompressobj(wbits=31)
    try:
        plain = unzip.decompress(data[4:], length + 1)
    except zlib.error as error:
        raise Malformed(f"the payload is no gzip: {error}") from None
    if len(plain) != length or not unzip.eof:
        raise Malformed("the payload has not the length that it names")
    return members.decode(plain) if plain else None


def encode_apps(apps: Apps) -> list[dict[str, Any]]:
    """All apps as one list; those that are only needed by others come last."""
    return [_encode(app, REQUIRED) for app in apps.apps] + [_encode(app, DEPENDENCY) for app in apps.others]


def decode_apps(payload: Any) -> Apps:
    """The apps of a list. What has no id is left out, and so is what is to be removed."""
    found = [one for one in members.objects(payload) if isinstance(one.get("Id"), str)]
    intents = [members.number(one, "Intent", REQUIRED) for one in found]
    apps = tuple(_decode(one) for one, intent in zip(found, intents, strict=True) if intent == REQUIRED)
    others = (DEPENDENCY, AVAILABLE)
    return Apps(apps, tuple(_decode(one) for one, intent in zip(found, intents, strict=True) if intent in others))


def _encode(app: Win32App, intent: int) -> dict[str, Any]:
    return {
        "Id": app.id,
        "Name": app.name,
        "Version": app.version,
        "Intent": intent,
        "TargetType": TARGETS.get(app.target, app.target),
        "InstallContext": CONTEXTS.get(app.context, app.context),
        "DetectionRule": _encode_rules(app.detection, "Detection"),
        "InstallCommandLine": app.command_line,
        "UninstallCommandLine": "",
        "RequirementRules": members.encode(_encode_requirements(app)),
        "ExtendedRequirementRules": _encode_rules(app.requirements, "Requirement"),
        "InstallEx": members.encode(
            {
                "RunAs": CONTEXTS.get(app.context, app.context),
                "DeviceRestartBehavior": RESTARTS.get(app.restart_behavior, app.restart_behavior),
                "MaxRunTimeInMinutes": app.milliseconds // 60_000,
            }
        ),
        "ReturnCodes": members.encode(
            [{"ReturnCode": code, "Type": MEANINGS.get(meaning, meaning)} for code, meaning in app.return_codes]
        ),
        "FlatDependencies": [
            {"AppId": app.id, "ChildId": child, "Action": ACTIONS.get(action, action), "Type": 0, "Level": 1}
            for child, action in app.dependencies
        ],
        "AppKind": app.kind,
        "MaxRunTimeInMilliseconds": app.milliseconds,
        "ContentSizeInBytes": app.size,
        "UsesWindowsInstaller": app.msi,
        "IsUntracked": app.untracked,
    }


def _encode_requirements(app: Win32App) -> dict[str, Any]:
    return {
        "RequiredOSArchitecture": sum({ARCHITECTURES.get(one, 0) for one in app.architectures}),
        "Architectures": app.architectures,
        "MinimumFreeDiskSpaceInMB": app.minimum_disk_mb,
        # Spelt as agents are known to read it.
        "MinimumWindows10BuildNumer": f"10.0.{app.minimum_build}" if app.minimum_build else "",
        "MinimumMemoryInMB": app.minimum_memory_mb,
        "MinimumNumberOfProcessors": app.minimum_processors,
        "MinimumCpuSpeed": app.minimum_mhz,
    }


def _decode(one: dict[str, Any]) -> Win32App:
    install = members.an_object(members.embedded(one, "InstallEx") or members.embedded(one, "InstallBehavior"))
    limits = members.an_object(members.embedded(one, "RequirementRules"))
    limit = _natural(install, "MaxRunTimeInMinutes", 60) * 60_000
    app_id, build = members.text(one, "Id"), members.text(limits, "MinimumWindows10BuildNumer").rpartition(".")[2]
    return Win32App(
        app_id,
        members.text(one, "Name", app_id),
        members.number(one, "Version", 1),
        _word(one, "InstallContext", CONTEXTS, "system"),
        _word(one, "TargetType", TARGETS, "device"),
        members.text(one, "InstallCommandLine"),
        _natural(one, "MaxRunTimeInMilliseconds", limit),
        members.text(one, "AppKind", "win32LobApp"),
        _word(install, "DeviceRestartBehavior", RESTARTS, "basedOnReturnCode"),
        _decode_rules(members.embedded(one, "DetectionRule"), "Detection"),
        _decode_rules(members.embedded(one, "ExtendedRequirementRules"), "Requirement"),
        _architectures(limits),
        _natural({"build": build}, "build"),
        _natural(limits, "MinimumFreeDiskSpaceInMB"),
        _natural(limits, "MinimumMemoryInMB"),
        _natural(limits, "MinimumNumberOfProcessors"),
        _natural(limits, "MinimumCpuSpeed"),
        tuple(
            (members.number(code, "ReturnCode"), _word(code, "Type", MEANINGS, "failed"))
            for code in members.objects(members.embedded(one, "ReturnCodes"))
        ),
        tuple(
            (members.text(child, "ChildId"), _word(child, "Action", ACTIONS, "autoInstall"))
            for child in members.objects(members.embedded(one, "FlatDependencies"))
            if members.text(child, "AppId", app_id) == app_id and members.number(child, "Action") in ACTIONS.values()
        ),
        _natural(one, "ContentSizeInBytes"),
        members.truth(one, "UsesWindowsInstaller"),
        members.truth(one, "IsUntracked"),
    )


def _natural(holder: dict[str, Any], name: str, default: int = 0) -> int:
    """A number that time, memory or bytes can have."""
    found = members.number(holder, name, default)
    return found if 0 <= found <= MOST else default


def _word(holder: dict[str, Any], name: str, words: dict[str, int], default: str) -> str:
    """The word for a number; a word that is written out stands for itself."""
    found = holder.get(name)
    if isinstance(found, str) and not found.isdecimal():
        return found
    wanted = members.number(holder, name, -1)
    return next((word for word, value in words.items() if value == wanted), default)


def _architectures(limits: dict[str, Any]) -> tuple[str, ...]:
    listed = limits.get("Architectures")
    if isinstance(listed, list):
        return tuple(one for one in listed if isinstance(one, str))
    flags = members.number(limits, "RequiredOSArchitecture")
    return tuple(name for name, flag in ARCHITECTURES.items() if flags & flag)


def _encode_rules(rules: tuple[FileRule, ...], purpose: str) -> str:
    return members.encode([_encode_rule(rule, purpose) for rule in rules])


def _encode_rule(rule: FileRule, purpose: str) -> dict[str, Any]:
    form = FORMS.get(rule.kind, FORMS["file_system"])
    facts = {
        form.path: rule.path,
        form.name: rule.name,
        OPERATION: form.operations.get(rule.operation, rule.operation),
        form.operator: OPERATORS.get(rule.operator, rule.operator),
        form.value: rule.value,
    }
    return {f"{purpose}Type": RULES.get(rule.kind, rule.kind), f"{purpose}Text": members.encode(facts)}


def _decode_rules(found: Any, purpose: str) -> tuple[FileRule, ...]:
    return tuple(_decode_rule(one, purpose) for one in members.objects(found))


def _decode_rule(one: dict[str, Any], purpose: str) -> FileRule:
    kind = _word(one, f"{purpose}Type", RULES, "file_system")
    form = FORMS.get(kind, FORMS["file_system"])
    facts = members.an_object(members.embedded(one, f"{purpose}Text"))
    return FileRule(
        kind,
        members.text(facts, form.path),
        members.text(facts, form.name),
        _word(facts, OPERATION, form.operations, "exists"),
        _word(facts, form.operator, OPERATORS, "notConfigured"),
        members.text(facts, form.value),
    )


def encode_scripts(scripts: Scripts) -> list[dict[str, Any]]:
    """Platform scripts; their text is not part of a simulation."""
    return [
        {
            "PolicyId": one.id,
            "PolicyName": one.name,
            "PolicyType": 1,
            "PolicyVersion": 1,
            "PolicyBody": "",
            "PolicyHash": "",
            "ExecutionContext": EXECUTION.get(one.context, one.context),
        }
        for one in scripts.scripts
    ]


def decode_scripts(payload: Any) -> Scripts:
    """The scripts of a list; what has no id is left out."""
    return Scripts(
        tuple(
            Script(
                members.text(one, "PolicyId"),
                members.text(one, "PolicyName", members.text(one, "PolicyId")),
                _word(one, "ExecutionContext", EXECUTION, "system"),
            )
            for one in members.objects(payload)
            if isinstance(one.get("PolicyId"), str)
        )
    )
