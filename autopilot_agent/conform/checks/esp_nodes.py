"""How the nodes of the Enrollment Status Page are set: verbs, formats, values, places (DMClient, EnrollmentStatusTracking)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from autopilot_agent.conform.checks.registry import Seen, tests
from autopilot_agent.conform.evidence import NotReached, Told, Visit
from autopilot_agent.service.uris import LIST_SEPARATOR

FIRST_SYNC = "/FirstSyncStatus/"
TRACKING = "/EnrollmentStatusTracking/"
PERMANENT = {
    "TimeOutUntilSyncFailure", "ServerHasFinishedProvisioning", "IsSyncDone", "WasDeviceSuccessfullyProvisioned",
    "BlockInStatusPage", "AllowCollectLogsButton", "SkipDeviceStatusPage", "SkipUserStatusPage",
}  # fmt: skip
BOOLEANS = {
    "ServerHasFinishedProvisioning", "IsSyncDone", "AllowCollectLogsButton", "SkipDeviceStatusPage", "SkipUserStatusPage",
    "TrackingPoliciesCreated",
}  # fmt: skip
INTEGERS = {
    "TimeOutUntilSyncFailure", "BlockInStatusPage", "WasDeviceSuccessfullyProvisioned", "InstallationState", "RebootRequired",
    "LastError", "Timeout",
}  # fmt: skip
DEVICE_ONLY = {"SkipDeviceStatusPage", "SkipUserStatusPage", "BlockInStatusPage", "TimeOutUntilSyncFailure"}
WRITES = ("Add", "Replace")
LONGEST = 1440
"""Minutes of a time-out."""
BLOCK = range(8)
STATES = ("1", "2", "3", "4")


def page(visit: Visit) -> list[Told]:
    """Every write to a node of the page. Raises ``NotReached`` where the server does nothing with it."""
    visit.turns()
    found = [one for one in visit.told if one.verb in WRITES and (FIRST_SYNC in one.uri or TRACKING in one.uri)]
    if not found:
        raise NotReached("the server does not use the Enrollment Status Page")
    return found


def of(visit: Visit, *names: str) -> Iterator[Told]:
    """The writes to leaves of these names. Raises ``NotReached`` without any."""
    found = [one for one in page(visit) if one.name in names]
    if not found:
        raise NotReached(f"the server sets no {' and no '.join(names)}")
    yield from found


def where(one: Told) -> str:
    """A command in a few words."""
    return f"{one.verb} of {one.uri[:110]}"


@tests("ESP-REPLACE")
def replaced(visit: Visit) -> Iterable[Seen]:
    """Permanent nodes are there already."""
    for one in page(visit):
        if one.verb == "Add" and FIRST_SYNC in one.uri and one.name in PERMANENT:
            yield Seen(where(one), one.exchange)
            return


@tests("ESP-ADD")
def added(visit: Visit) -> Iterable[Seen]:
    """Providers have to be made."""
    made: set[str] = set()
    for one in page(visit):
        if "/PolicyProviders/" not in one.uri or one.talk < 0:
            continue
        head, _, tail = one.uri.partition("/PolicyProviders/")
        provider = f"{head}/{tail.partition('/')[0]}".casefold()
        if provider not in made and one.verb != "Add":
            yield Seen(f"{where(one)} before the node was added", one.exchange)
            return
        made.add(provider)
    if not made:
        raise NotReached("the server adds no policy provider")


@tests("ESP-FORMATS")
def formats(visit: Visit) -> Iterable[Seen]:
    """bool and int as described."""
    for one in page(visit):
        wanted = "bool" if one.name in BOOLEANS else "int" if one.name in INTEGERS else ""
        if one.talk >= 0 and wanted and one.format != wanted:
            yield Seen(f"{where(one)} with Format {one.format or '(none)'} instead of {wanted}", one.exchange)
            return
        if wanted == "bool" and one.value.casefold() not in ("true", "false"):
            yield Seen(f"{where(one)} to {one.value[:40]!r}", one.exchange)
            return


@tests("ESP-TIMEOUT")
def timeout(visit: Visit) -> Iterable[Seen]:
    """Minutes."""
    for one in of(visit, "TimeOutUntilSyncFailure"):
        if not (one.value.isascii() and one.value.isdecimal() and 1 <= int(one.value[:9]) <= LONGEST):
            yield Seen(f"TimeOutUntilSyncFailure is {one.value[:40]!r}", one.exchange)
            return


@tests("ESP-BLOCK")
def block(visit: Visit) -> Iterable[Seen]:
    """Flags 0 to 7."""
    for one in of(visit, "BlockInStatusPage"):
        if not (one.value.isascii() and one.value.isdecimal() and int(one.value[:9]) in BLOCK):
            yield Seen(f"BlockInStatusPage is {one.value[:40]!r}", one.exchange)
            return


@tests("ESP-STATES")
def states(visit: Visit) -> Iterable[Seen]:
    """1 to 4."""
    for one in of(visit, "InstallationState"):
        if one.value not in STATES:
            yield Seen(f"{where(one)} to {one.value[:40]!r}", one.exchange)
            return


@tests("ESP-SCOPE")
def scope(visit: Visit) -> Iterable[Seen]:
    """Some nodes are the device's alone."""
    for one in page(visit):
        user = one.uri.casefold().startswith("./user/")
        if user and (one.name in DEVICE_ONLY or "/DevicePreparation/" in one.uri):
            yield Seen(where(one), one.exchange)
            return


@tests("ESP-PROVIDER")
def provider(visit: Visit) -> Iterable[Seen]:
    """Under the provider of the account."""
    found = [one for one in page(visit) if FIRST_SYNC in one.uri and "/DMClient/Provider/" in one.uri]
    if not found or not visit.provider:
        raise NotReached("the server sets nothing under FirstSyncStatus")
    for one in found:
        name = unquote(one.uri.partition("/DMClient/Provider/")[2].partition("/")[0])
        if name != visit.provider:
            yield Seen(f"{where(one)}; the provider is {visit.provider}", one.exchange)
            return


@tests("ESP-EXPECTED")
def expected(visit: Visit) -> Iterable[Seen]:
    """Lists of LocURIs."""
    for one in of(visit, "ExpectedPolicies", "ExpectedNetworkProfiles", "ExpectedMSIAppPackages", "ExpectedModernAppPackages",
                  "ExpectedPFXCerts", "ExpectedSCEPCerts"):  # fmt: skip
        for item in one.value.split(LIST_SEPARATOR):
            uri, sign, number = item.partition(";")
            counted = one.name in ("ExpectedMSIAppPackages", "ExpectedModernAppPackages")
            if not uri.startswith("./") or " " in uri or "," in uri or uri.count("./") > 1:
                yield Seen(f"{one.name} holds {item[:100]!r}", one.exchange)
                return
            if counted and not (sign and number.isdecimal()):
                yield Seen(f"{one.name} holds {item[:100]!r} without ;number", one.exchange)
                return
