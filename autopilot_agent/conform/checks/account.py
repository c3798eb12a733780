"""The account in the provisioning document, and the settings that come with it (w7 APPLICATION CSP, DMClient CSP)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable

from autopilot_agent.conform.checks.document import certificate_of, entries
from autopilot_agent.conform.checks.registry import Seen, tests
from autopilot_agent.conform.evidence import ENROL, NotReached, Visit
from autopilot_agent.conform.naming import trouble_with
from autopilot_agent.errors import Malformed
from autopilot_agent.wire import provisioning, wap

NAMES = {
    "APPID", "PROVIDER-ID", "NAME", "ADDR", "ROLE", "BACKCOMPATRETRYDISABLED", "CONNRETRYFREQ", "INITIALBACKOFFTIME",
    "MAXBACKOFFTIME", "DEFAULTENCODING", "SSLCLIENTCERTSEARCHCRITERIA", "CRLCHECK", "PROTOVER", "USEHWDEVID", "TO-NAPID",
    "INIT", "AAUTHLEVEL", "AAUTHTYPE", "AAUTHNAME", "AAUTHSECRET", "AAUTHDATA", "SSPHYPERLINK",
}  # fmt: skip
"""Parameters of w7 that are known; those that are written otherwise than in capitals in Microsoft's own text are not judged."""
MIXED = {"CRLCHECK", "SSPHYPERLINK"}
NUMBERS = ("CONNRETRYFREQ", "INITIALBACKOFFTIME", "MAXBACKOFFTIME")
ENCODINGS = ("application/vnd.syncml.dm+xml", "application/vnd.syncml.dm+wbxml")
SHORTEST_POLL = 15
"""Minutes of the schedule that goes on for ever, below which Windows is at it all day (an assumption)."""
FOR_EVER = (
    ("NumberOfFirstRetries", "IntervalForFirstSetOfRetries"),
    ("NumberOfSecondRetries", "IntervalForSecondSetOfRetries"),
    ("NumberOfRemainingScheduledRetries", "IntervalForRemainingScheduledRetries"),
)


@tests("WAP-W7")
def account(visit: Visit) -> Iterable[Seen]:
    """w7 with its provider and its address."""
    exchange = visit.last(ENROL)
    _ = visit.document
    try:
        found = visit.account
    except NotReached as missing:
        yield Seen(str(missing), exchange)
        return
    address = found.find("APPADDR")
    if not _value(visit, "PROVIDER-ID"):
        yield Seen("PROVIDER-ID is missing or empty", exchange)
    if not _value(visit, "ADDR") and (address is None or not address.parm("ADDR")):
        yield Seen("ADDR is missing or empty", exchange)


@tests("WAP-CAPITALS")
def capitals(visit: Visit) -> Iterable[Seen]:
    """Names in capitals."""
    for block in (visit.account, *visit.account.all("APPAUTH")):
        for one in block.parms:
            upper = one.name.upper()
            if upper in NAMES - MIXED and one.name != upper:
                yield Seen(f"the parameter is written {one.name}", visit.last(ENROL))


@tests("WAP-ADDR")
def address(visit: Visit) -> Iterable[Seen]:
    """An https URL."""
    nested = visit.account.find("APPADDR")
    found = _value(visit, "ADDR") or (nested.parm("ADDR") if nested is not None else "") or ""
    if not found:
        raise NotReached("the account has no ADDR")
    if wrong := trouble_with(found, visit.url):
        yield Seen(f"ADDR is {wrong}", visit.last(ENROL))


@tests("WAP-INIT")
def init(visit: Visit) -> Iterable[Seen]:
    """No INIT."""
    if any(one.name.upper() == "INIT" for one in visit.account.parms):
        yield Seen("the account has INIT", visit.last(ENROL))


@tests("WAP-APPAUTH")
def credentials(visit: Visit) -> Iterable[Seen]:
    """Both blocks."""
    levels = {_block(one, "AAUTHLEVEL") for one in visit.account.all("APPAUTH")}
    for level in ("CLIENT", "APPSRV"):
        if level not in levels:
            yield Seen(f"there is no APPAUTH with AAUTHLEVEL {level}", visit.last(ENROL))


@tests("WAP-APPAUTH-TYPE")
def schemes(visit: Visit) -> Iterable[Seen]:
    """DIGEST for the server; BASIC or DIGEST, with a name and a secret, for the client."""
    exchange = visit.last(ENROL)
    for one in visit.account.all("APPAUTH"):
        level, kind = _block(one, "AAUTHLEVEL"), _block(one, "AAUTHTYPE")
        allowed = ("DIGEST",) if level == "CLIENT" else ("BASIC", "DIGEST")
        if kind and kind not in allowed:
            yield Seen(f"AAUTHTYPE of {level} is {kind}", exchange)
        if not _block(one, "AAUTHSECRET") or (level == "APPSRV" and not _block(one, "AAUTHNAME")):
            yield Seen(f"the APPAUTH of {level} lacks its secret or its name", exchange)


@tests("WAP-NONCE")
def nonces(visit: Visit) -> Iterable[Seen]:
    """AAUTHDATA is base64."""
    for one in visit.account.all("APPAUTH"):
        try:
            b64decode(_block(one, "AAUTHDATA"), validate=True)
        except (binascii.Error, ValueError):
            yield Seen(f"AAUTHDATA of {_block(one, 'AAUTHLEVEL')} is no base64", visit.last(ENROL))


@tests("WAP-CRITERIA")
def criteria(visit: Visit) -> Iterable[Seen]:
    """The certificate is found by them."""
    found = _value(visit, "SSLCLIENTCERTSEARCHCRITERIA")
    if not found:
        yield Seen("SSLCLIENTCERTSEARCHCRITERIA is missing", visit.last(ENROL))
        return
    entry, certificate = certificate_of(visit)
    stores = tuple(f"my\\{one.place.type.casefold()}" for one in entries(visit) if one.store.casefold() == "my")
    if not provisioning.finds(found, certificate, stores):
        subject = certificate.subject.rfc4514_string()
        where = f"My\\{entry.place.type}"
        yield Seen(f"{found[:120]} does not find {subject[:80] or 'a certificate without a subject'} in {where}",
                   visit.last(ENROL))  # fmt: skip


@tests("WAP-PROVIDER")
def provider(visit: Visit) -> Iterable[Seen]:
    """DMClient has the provider of the account."""
    wanted = visit.provider
    if not wanted:
        raise NotReached("the account has no PROVIDER-ID")
    kept = visit.document.find(wap.DM_CLIENT, "Provider")
    names = [one.type for one in kept.children] if kept is not None else []
    if wanted not in names:
        yield Seen(f"PROVIDER-ID is {wanted!r}, DMClient/Provider has {', '.join(names) or 'nobody'}", visit.last(ENROL))


@tests("WAP-DATATYPES")
def datatypes(visit: Visit) -> Iterable[Seen]:
    """On all settings of DMClient and Renew."""
    found = [one for top in visit.document.children if top.type == wap.DM_CLIENT for _, one in top.walk()]
    renew = visit.document.find(wap.CERTIFICATE_STORE, "My", "WSTEP", "Renew")
    found += renew.parms if renew is not None else ()
    for one in found:
        if not one.datatype:
            yield Seen(f"{one.name} has no datatype", visit.last(ENROL))


@tests("WAP-VALUES")
def values(visit: Visit) -> Iterable[Seen]:
    """Values of their datatypes."""
    for _, one in visit.document.walk():
        try:
            wap.typed(one)
        except Malformed as error:
            yield Seen(f"{error}: {(one.value or '')[:40]!r}", visit.last(ENROL))


@tests("WAP-ENCODING")
def encoding(visit: Visit) -> Iterable[Seen]:
    """One of two."""
    found = _value(visit, "DEFAULTENCODING")
    if found and found not in ENCODINGS:
        yield Seen(f"DEFAULTENCODING is {found[:80]}", visit.last(ENROL))


@tests("WAP-RETRIES")
def retries(visit: Visit) -> Iterable[Seen]:
    """Numbers."""
    for name in NUMBERS:
        found = _value(visit, name)
        if found and not (found.isascii() and found.isdecimal() and len(found) < 10):
            yield Seen(f"{name} is {found[:40]}", visit.last(ENROL))


@tests("WAP-ENTDMID")
def identity(visit: Visit) -> Iterable[Seen]:
    """EntDMID is set."""
    if not visit.provider:
        raise NotReached("the account has no PROVIDER-ID")
    kept = visit.document.find(wap.DM_CLIENT, "Provider", visit.provider)
    told = any(one.name == "EntDMID" and one.verb in ("Add", "Replace") for one in visit.told if one.talk >= 0)
    if (kept is None or not kept.parm("EntDMID")) and not told:
        yield Seen("EntDMID is set neither in the document nor in a session", visit.last(ENROL))


@tests("WAP-POLL")
def poll(visit: Visit) -> Iterable[Seen]:
    """A schedule that goes on for ever, and not too fast."""
    exchange = visit.last(ENROL)
    kept = visit.document.find(wap.DM_CLIENT, "Provider", visit.provider or "-", "Poll")
    told = {one.name: one.value for one in visit.told if one.talk >= 0 and "/Poll/" in one.uri}
    if kept is None and not told:
        yield Seen("there is no poll schedule", exchange)
        return
    defaults = {"NumberOfFirstRetries": "10", "IntervalForFirstSetOfRetries": "15"}
    for count, interval in FOR_EVER:
        number, minutes = (told.get(one) or (kept.parm(one) if kept is not None else "") or defaults.get(one, "0")
                           for one in (count, interval))  # fmt: skip
        if not (number.isdecimal() and minutes.isdecimal()):
            raise NotReached("the poll schedule is not made of numbers")
        if int(number[:9]) == 0 and int(minutes[:9]) > 0:
            if int(minutes[:9]) < SHORTEST_POLL:
                yield Seen(f"the device asks every {minutes} minutes for ever ({interval})", exchange)
            return
    yield Seen("no set of the schedule goes on for ever (number 0 with an interval above 0)", exchange)


def _value(visit: Visit, name: str) -> str:
    return next((one.value or "" for one in visit.account.parms if one.name.upper() == name), "")


def _block(block: wap.Characteristic, name: str) -> str:
    return next((one.value or "" for one in block.parms if one.name.upper() == name), "")
