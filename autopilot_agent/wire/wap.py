"""The WAP provisioning document as data: characteristics with parameters, and settings as LocURIs (protocols.md 10)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, unquote

import msgspec

from autopilot_agent.errors import Malformed
from autopilot_agent.wire import safe_xml

LARGEST = 500_000
"""Bytes that a document may have."""
MOST_NODES = 5_000
DM_CLIENT, APPLICATION, CERTIFICATE_STORE = "DMClient", "APPLICATION", "CertificateStore"
SETTING_CSPS = (
    "RootCATrustedCertificates", "ClientCertificateInstall", DM_CLIENT, "EnterpriseModernAppManagement", "PassportForWork",
    "Policy", "EnrollmentStatusTracking",
)  # fmt: skip
"""CSPs whose nodes a document may set besides certificates and the account."""
IGNORED = ("Registry",)
"""Seen in documents of Intune; it is no part of the management tree."""
DEVICE = "./Device/Vendor/MSFT/"
_SAFE = {DM_CLIENT: ""}
_INTEGERS = {
    "BlockInStatusPage", "TimeOutUntilSyncFailure", "NumberOfFirstRetries", "IntervalForFirstSetOfRetries",
    "NumberOfSecondRetries", "IntervalForSecondSetOfRetries", "NumberOfRemainingScheduledRetries",
    "IntervalForRemainingScheduledRetries", "RenewPeriod", "RetryInterval", "InstallationState",
}  # fmt: skip
_BOOLEANS = {
    "SkipDeviceStatusPage", "SkipUserStatusPage", "AllowCollectLogsButton", "ServerHasFinishedProvisioning", "PollOnLogin",
    "AllUsersPollOnFirstLogin", "ROBOSupport", "UsePassportForWork",
}  # fmt: skip


class Parm(msgspec.Struct, frozen=True):
    """A parameter; ``value`` None is one that is just there."""

    name: str
    value: str | None = ""
    datatype: str = ""


class Characteristic(msgspec.Struct):
    """A node. ``type`` "" is the document itself."""

    type: str = ""
    parms: list[Parm] = msgspec.field(default_factory=list)
    children: list[Characteristic] = msgspec.field(default_factory=list)

    def add(self, *types: str) -> Characteristic:
        """The node at a path below, made where it is missing."""
        node = self
        for name in types:
            found = next((one for one in node.children if one.type == name), None)
            if found is None:
                found = Characteristic(name)
                node.children.append(found)
            node = found
        return node

    def all(self, name: str) -> list[Characteristic]:
        """Children by type, whatever their case."""
        return [one for one in self.children if one.type.casefold() == name.casefold()]

    def find(self, *types: str) -> Characteristic | None:
        """The first node at a path below, whatever the case of its types."""
        return next(iter(self.every(*types)), None)

    def every(self, *types: str) -> list[Characteristic]:
        """All nodes at a path below: a document may begin a type again, as Microsoft's example does with CertificateStore."""
        found = [self]
        for name in types:
            found = [below for one in found for below in one.all(name)]
        return found

    def parm(self, name: str) -> str | None:
        """The value of a parameter ("" for one without), by its exact name; None where it is missing."""
        return next((one.value or "" for one in self.parms if one.name == name), None)

    def put(self, name: str, value: str | None, datatype: str = "") -> None:
        """One more parameter."""
        self.parms.append(Parm(name, value, datatype))

    def walk(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Parm]]:
        """Every parameter with the types above it."""
        here = (*path, self.type)
        for one in self.parms:
            yield here, one
        for below in self.children:
            yield from below.walk(here)


def encode(document: Characteristic) -> bytes:
    """The document as XML, without line breaks."""
    root = safe_xml.element("wap-provisioningdoc", version="1.1")
    _write(root, document)
    return safe_xml.serialize(root)


def _write(element: safe_xml.Element, node: Characteristic) -> None:
    for one in node.parms:
        rest = {} if one.value is None else {"value": one.value}
        if one.datatype:
            rest["datatype"] = one.datatype
        safe_xml.sub(element, "parm", name=one.name, **rest)
    for below in node.children:
        _write(safe_xml.sub(element, "characteristic", type=below.type), below)


def decode(data: bytes) -> Characteristic:
    """The document in bytes. Raises ``Malformed`` for anything else."""
    root = safe_xml.parse(data, LARGEST)
    if safe_xml.local(root) != "wap-provisioningdoc":
        raise Malformed("the document is no wap-provisioningdoc")
    if sum(1 for _ in root.iter()) > MOST_NODES:
        raise Malformed("the provisioning document has too many nodes")
    return _read(root, "")


def _read(element: safe_xml.Element, kind: str) -> Characteristic:
    node = Characteristic(kind)
    for one in element:
        name = safe_xml.local(one)
        if name == "parm":
            node.put(one.get("name", ""), one.get("value"), one.get("datatype", ""))
        elif name == "characteristic":
            node.children.append(_read(one, one.get("type", "")))
        else:
            raise Malformed(f"the provisioning document holds an element {name[:40]!r}")
    return node


def datatype_of(name: str) -> str:
    """The datatype that a document states for a node, by the node's name."""
    return "integer" if name in _INTEGERS else "boolean" if name in _BOOLEANS else "string"


def add_settings(document: Characteristic, settings: tuple[tuple[str, str], ...]) -> None:
    """Put (LocURI, value) pairs into a document. Raises ``Malformed`` for a LocURI that has no place there."""
    for uri, value in settings:
        short = uri.removeprefix(DEVICE) if uri.startswith(DEVICE) else uri.removeprefix("./Vendor/MSFT/")
        *path, name = map(unquote, short.split("/"))
        if not path or path[0] not in SETTING_CSPS or not name:
            raise Malformed(f"{uri} cannot be set in a provisioning document")
        document.add(*path).put(name, value, datatype_of(name))


def settings_of(document: Characteristic) -> tuple[tuple[str, str], ...]:
    """The settings of a document as (LocURI, value) pairs, in order. Raises ``Malformed`` for a value of another datatype."""
    found: list[tuple[str, str]] = []
    for top in document.children:
        if top.type not in SETTING_CSPS:
            continue
        safe = _SAFE.get(top.type, "{}()!$&'*+,;=:@~")
        for path, one in top.walk():
            names = "/".join(quote(name, safe=safe) for name in (*path, one.name))
            found.append((DEVICE + names, typed(one)))
    return tuple(found)


def typed(parm: Parm) -> str:
    """The value as its datatype wants it; words of booleans in lower case. Raises ``Malformed``."""
    value = parm.value or ""
    if parm.datatype == "boolean":
        word = {"true": "true", "1": "true", "false": "false", "0": "false"}.get(value.strip().casefold())
        if word is None:
            raise Malformed(f"{parm.name} is no boolean")
        return word
    if parm.datatype == "integer":
        digits = value.strip().removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 20):
            raise Malformed(f"{parm.name} is no integer")
        return value.strip()
    return value
