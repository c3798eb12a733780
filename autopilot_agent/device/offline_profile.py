"""AutopilotConfigurationFile.json as Windows reads it: the profile of existing devices, or why there is none (formats.md 2).

Files on the disk are text with one character per byte, so that what an editor did to the encoding can still be seen.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import msgspec

from autopilot_agent.service.network import CloudAssignedProfile

FOLDER = r"%WINDIR%\Provisioning\Autopilot"
NAME = "AutopilotConfigurationFile.json"
PATH = rf"{FOLDER}\{NAME}"
UNATTEND = r"%WINDIR%\Panther\unattend.xml"

TEXTS = ("CloudAssignedTenantId", "CloudAssignedTenantDomain", "ZtdCorrelationId", "CloudAssignedAadServerData")
NUMBERS = ("CloudAssignedOobeConfig", "CloudAssignedDomainJoinMethod", "CloudAssignedForcedEnrollment")
REQUIRED = (*TEXTS, *NUMBERS)
"""Keys without which a file is no profile."""
OPTIONAL_TEXTS = ("CloudAssignedDeviceName", "CloudAssignedLanguage", "CloudAssignedRegion")
OPTIONAL_NUMBERS = (
    "HybridJoinSkipDCConnectivityCheck",
    "CloudAssignedAutopilotUpdateDisabled",
    "CloudAssignedAutopilotUpdateTimeout",
)
IGNORED = ("Version", "Comment_File")
KNOWN = frozenset((*REQUIRED, *OPTIONAL_TEXTS, *OPTIONAL_NUMBERS, *IGNORED))
WITHOUT_USER = 0x60
"""Bits of a self-deploying profile; they need a TPM attestation that a file cannot bring."""
SERVICE_ONLY = 0x280
"""Bits that only profiles of the service carry."""
_KNOWN_BITS = 0x7FF


class Rejected(msgspec.Struct, frozen=True):
    """Why Windows takes no notice of the file: the rule, a sentence without a full stop, and the event that says so."""

    rule: str
    why: str
    event: int = 311


class Reading(msgspec.Struct):
    """What came of the file: a profile, or why not; ``findings`` are remarks that change nothing."""

    profile: CloudAssignedProfile | None = None
    rejected: Rejected | None = None
    findings: list[str] = []


def look(files: dict[str, str]) -> Reading | None:
    """Read the file from the disk; None when nothing on the disk looks like one."""
    wanted = folded(PATH)
    found = next((text for path, text in files.items() if folded(path) == wanted), None)
    if found is None:
        stray = next((path for path in files if _resembles(path)), None)
        if stray is None:
            return None
        return Reading(rejected=Rejected("F-84", f"the file is {stray}, and Windows reads only {PATH}", 0))
    if any(folded(path) == folded(UNATTEND) for path in files):
        return Reading(
            rejected=Rejected("X-UNATTEND", "unattend.xml is there: Windows Setup goes by that and not by the file", 0)
        )
    return read(found)


def folded(path: str) -> str:
    """A path as NTFS compares it, with the Windows folder by its variable."""
    return path.casefold().replace("c:\\windows\\", "%windir%\\")


def _resembles(path: str) -> bool:
    folder, _, name = folded(path).rpartition("\\")
    return "autopilotconfigurationfile" in name or (folder == folded(FOLDER) and name.endswith((".json", ".txt")))


def read(content: str) -> Reading:
    """Read the content of the file, one character per byte."""
    findings: list[str] = []
    wrong = _wrong_encoding(content)
    if wrong:
        return Reading(rejected=Rejected("F-84", wrong))
    if not content.isascii():
        findings.append("the file has characters beyond ASCII; they are read in the PC's own code page")
        content = content.encode("latin-1").decode("cp1252", "replace")
    try:
        data = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        why = (
            "the file holds more than one profile, one after the other"
            if "trailing" in str(error)
            else f"the file is no JSON ({error})"
        )
        return Reading(rejected=Rejected("X-JSON", why, 312))
    except RecursionError:
        return Reading(rejected=Rejected("X-JSON", "the file is nested too deeply to be read", 312))
    if not isinstance(data, dict):
        return Reading(rejected=Rejected("X-JSON", f"the file is no JSON object but {_kind(data)}", 312))
    checker = _Keys(data, findings)
    profile = checker.profile()
    return Reading(profile, checker.rejected, findings)


def _wrong_encoding(content: str) -> str:
    """What about the bytes makes OOBE pass the file over, or ""."""
    if content.startswith("\xef\xbb\xbf"):
        return "the file is saved as UTF-8 with a byte order mark; it has to be ANSI"
    if content[:2] in ("\xff\xfe", "\xfe\xff") or "\0" in content:
        return "the file is saved as Unicode (UTF-16); it has to be ANSI"
    if not content.isascii():
        try:
            content.encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            return ""
        return "the file is saved as UTF-8; it has to be ANSI"
    return ""


class _Keys:
    """The keys of one file, each asked for once; the first thing that cannot be stops the reading."""

    def __init__(self, data: dict[str, Any], findings: list[str]) -> None:
        self.data, self.findings = data, findings
        self.rejected: Rejected | None = None

    def profile(self) -> CloudAssignedProfile | None:
        """The profile, or None with ``rejected`` set."""
        found: dict[str, Any] = {}
        for name in (*TEXTS, *OPTIONAL_TEXTS):
            found[name] = self.text(name)
        for name in (*NUMBERS, *OPTIONAL_NUMBERS):
            found[name] = self.number(name)
        self.findings += [f"{name} is not a key that Windows knows; it is ignored" for name in self.data if name not in KNOWN]
        if self.rejected is None:
            self.facts(found)
        if self.rejected is not None:
            return None
        upn = self.server_data(found)
        if upn is None:
            return None
        given = {name: value for name, value in found.items() if value is not None}
        return msgspec.convert({**given, "CloudAssignedTenantUpn": upn}, CloudAssignedProfile)

    def reject(self, rule: str, why: str, event: int = 312) -> None:
        if self.rejected is None:
            self.rejected = Rejected(rule, why, event)

    def missing(self, name: str) -> None:
        twin = next((one for one in self.data if one.casefold() == name.casefold()), None)
        self.reject("X-KEYS", f"the key {name} is missing" + (f" ({twin} is spelt differently)" if twin else ""))

    def text(self, name: str) -> str | None:
        value = self.data.get(name)
        if value is None or (value == "" and name in REQUIRED):
            if name in REQUIRED:
                self.missing(name)
            return None
        if isinstance(value, str):
            return value
        self.reject("X-KEYS", f"{name} is {_kind(value)} and has to be text" + _inner(name))
        return None

    def number(self, name: str) -> int | None:
        value = self.data.get(name)
        if value is None:
            if name in REQUIRED:
                self.missing(name)
            return None
        if isinstance(value, bool) or (isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip())):
            self.findings.append(f"{name} is {_kind(value)} where a number is due")
            return int(value)
        if isinstance(value, int) and 0 <= value < 1 << 31:
            return value
        self.reject("X-KEYS", f"{name} is {_kind(value)} and has to be a number")
        return None

    def facts(self, found: dict[str, Any]) -> None:
        """What the values say, taken together."""
        bits = found["CloudAssignedOobeConfig"]
        if not _is_guid(found["ZtdCorrelationId"]):
            self.reject("X-KEYS", f"ZtdCorrelationId is {found['ZtdCorrelationId'][:40]!r}, which is no GUID", 313)
        if not _is_guid(found["CloudAssignedTenantId"]):
            self.reject("X-KEYS", f"CloudAssignedTenantId is {found['CloudAssignedTenantId'][:40]!r}, which is no GUID")
        if bits & WITHOUT_USER:
            self.reject(
                "X-UNSUPPORTED", "the profile is self-deploying, which a file cannot bring: nothing would attest the TPM"
            )
        if found["CloudAssignedDomainJoinMethod"] not in (0, 1):
            self.reject(
                "X-KEYS", f"CloudAssignedDomainJoinMethod is {found['CloudAssignedDomainJoinMethod']}, which is neither 0 nor 1"
            )
        if bits & SERVICE_ONLY:
            self.findings.append(f"CloudAssignedOobeConfig {bits} has bits that only profiles of the service carry")
        if bits & ~_KNOWN_BITS:
            self.findings.append(f"CloudAssignedOobeConfig {bits} has bits that nobody knows")
        if found["CloudAssignedDomainJoinMethod"] == 1 and found["CloudAssignedDeviceName"]:
            self.findings.append(
                "a hybrid device takes its name from the Domain Join profile; CloudAssignedDeviceName is ignored"
            )
            found["CloudAssignedDeviceName"] = None

    def server_data(self, found: dict[str, Any]) -> str | None:
        """The user name inside CloudAssignedAadServerData, after its checks; None for data that cannot be."""
        try:
            data = msgspec.json.decode(found["CloudAssignedAadServerData"])
        except (msgspec.DecodeError, RecursionError):
            self.reject("X-SERVER-DATA", "CloudAssignedAadServerData holds no JSON")
            return None
        inner = data.get("ZeroTouchConfig") if isinstance(data, dict) else None
        if not isinstance(inner, dict):
            self.reject("X-SERVER-DATA", "CloudAssignedAadServerData has no ZeroTouchConfig")
            return None
        domain, forced = inner.get("CloudAssignedTenantDomain"), inner.get("ForcedEnrollment")
        if not isinstance(domain, str) or domain.casefold() != found["CloudAssignedTenantDomain"].casefold():
            self.findings.append(
                f"ZeroTouchConfig names the domain {domain!r}, the profile {found['CloudAssignedTenantDomain']!r}"
            )
        if forced != found["CloudAssignedForcedEnrollment"]:
            self.findings.append(
                f"ZeroTouchConfig says ForcedEnrollment {forced!r}, the profile {found['CloudAssignedForcedEnrollment']}"
            )
        upn = inner.get("CloudAssignedTenantUpn")
        return upn if isinstance(upn, str) else ""


def _inner(name: str) -> str:
    return " that holds JSON" if name == "CloudAssignedAadServerData" else ""


def _is_guid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.casefold()
    except ValueError:
        return False


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return f"the number {value}"[:40]
    return "a list" if isinstance(value, list) else "null" if value is None else "an object"
