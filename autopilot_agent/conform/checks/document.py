"""The provisioning document: its form, and the certificates in it (MS-MDE2; CertificateStore CSP)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from autopilot_agent.conform.checks.registry import Seen, tests
from autopilot_agent.conform.evidence import ENROL, NotReached, Visit
from autopilot_agent.errors import Malformed
from autopilot_agent.wire import safe_xml, wap
from autopilot_agent.wire.authority import load_der, name_of, thumbprint
from autopilot_agent.wire.pkcs10 import from_base64, matches

_THUMBPRINT = re.compile("[0-9A-Fa-f]{40}")
MINUTE = timedelta(minutes=1)


class Entry:
    """A certificate of the document: the store and place it lies in, the name it has there, and itself if it is one."""

    def __init__(self, store: str, place: wap.Characteristic, node: wap.Characteristic) -> None:
        self.store = store
        self.place = place
        self.node = node
        self.certificate: x509.Certificate | None = None
        with suppress(Malformed):
            self.certificate = load_der(from_base64(node.parm("EncodedCertificate") or ""))


def entries(visit: Visit) -> Iterator[Entry]:
    """Every certificate in the document. Raises ``NotReached``."""
    for store in (below for kept in visit.document.every(wap.CERTIFICATE_STORE) for below in kept.children):
        for place in store.children:
            for node in place.children:
                if node.parm("EncodedCertificate") is not None:
                    yield Entry(store.type, place, node)


def own(visit: Visit) -> Entry:
    """The client's certificate. Raises ``NotReached``."""
    for one in entries(visit):
        if one.store.casefold() == "my" and one.certificate is not None:
            return one
    raise NotReached("the document brings no client certificate")


def certificate_of(visit: Visit) -> tuple[Entry, x509.Certificate]:
    """The same with the certificate. Raises ``NotReached``."""
    found = own(visit)
    assert found.certificate is not None
    return found, found.certificate


@tests("WAP-FORM")
def form(visit: Visit) -> Iterable[Seen]:
    """XML of its kind."""
    exchange, _ = visit.token()
    data = visit.document_bytes
    try:
        wap.decode(data)
    except Malformed as error:
        yield Seen(str(error), exchange)
        return
    version = safe_xml.parse(data).get("version", "")
    if version != "1.1":
        yield Seen(f"the version of the document is {version or 'missing'}", exchange)


@tests("WAP-CSPS")
def csps(visit: Visit) -> Iterable[Seen]:
    """Those that are allowed."""
    allowed = {one.casefold() for one in (wap.CERTIFICATE_STORE, wap.APPLICATION, *wap.SETTING_CSPS, *wap.IGNORED)}
    for one in visit.document.children:
        if one.type.casefold() not in allowed:
            yield Seen(f"the document sets {one.type[:80] or 'something without a type'}", visit.last(ENROL))


@tests("WAP-CERT")
def certificate(visit: Visit) -> Iterable[Seen]:
    """For the key of the request."""
    exchange = visit.last(ENROL)
    mine = [one for one in entries(visit) if one.store.casefold() == "my"]
    if not mine:
        yield Seen("there is no certificate in CertificateStore/My", exchange)
    for one in mine:
        if one.certificate is None:
            yield Seen("the certificate in CertificateStore/My cannot be read", exchange)
        elif visit.key is not None and not matches(one.certificate, visit.key):
            yield Seen("the certificate is not for the key of the request", exchange)


@tests("WAP-STORE")
def store(visit: Visit) -> Iterable[Seen]:
    """System for a device."""
    found = own(visit)
    if found.place.type.casefold() != "system":
        yield Seen(f"the certificate lies in My/{found.place.type}; EnrollmentType was Device", visit.last(ENROL))


@tests("WAP-THUMBPRINT")
def names(visit: Visit) -> Iterable[Seen]:
    """Certificates are named by their thumbprints."""
    for one in entries(visit):
        if one.certificate is not None and one.node.type.upper() != thumbprint(one.certificate):
            wrong = "not its thumbprint" if _THUMBPRINT.fullmatch(one.node.type) else "no thumbprint"
            yield Seen(f"the name of the certificate in {one.store}/{one.place.type} is {wrong}", visit.last(ENROL))


@tests("WAP-ONE-ROOT")
def one_root(visit: Visit) -> Iterable[Seen]:
    """One root, one intermediate."""
    found = [one.store.casefold() for one in entries(visit)]
    for name, what in (("root", "Root"), ("ca", "CA")):
        if found.count(name) > 1:
            yield Seen(f"there are {found.count(name)} certificates in {what}", visit.last(ENROL))


@tests("WAP-CONTAINER")
def container(visit: Visit) -> Iterable[Seen]:
    """PrivateKeyContainer beside or in the certificate."""
    found = own(visit)
    if not found.place.all("PrivateKeyContainer") and not found.node.all("PrivateKeyContainer"):
        yield Seen("PrivateKeyContainer is missing", visit.last(ENROL))


@tests("WAP-NOT-BEFORE")
def begins(visit: Visit) -> Iterable[Seen]:
    """Not in the future."""
    _, found = certificate_of(visit)
    begin, end = found.not_valid_before_utc, found.not_valid_after_utc
    if begin > visit.moment + MINUTE:
        yield Seen(f"the certificate is valid from {begin:%Y-%m-%d %H:%M:%S} UTC only", visit.last(ENROL))
    if end <= visit.moment:
        yield Seen(f"the certificate ended at {end:%Y-%m-%d %H:%M:%S} UTC", visit.last(ENROL))


@tests("WAP-BACKDATED")
def backdated(visit: Visit) -> Iterable[Seen]:
    """Some minutes, not days."""
    _, found = certificate_of(visit)
    begin = found.not_valid_before_utc
    if visit.moment - MINUTE < begin <= visit.moment + MINUTE:
        yield Seen("the certificate is valid from this very moment", visit.last(ENROL))
    elif begin < visit.moment - timedelta(days=7):
        yield Seen(f"the certificate is dated back to {begin:%Y-%m-%d}", visit.last(ENROL))


@tests("WAP-EKU")
def usage(visit: Visit) -> Iterable[Seen]:
    """Client authentication."""
    _, found = certificate_of(visit)
    try:
        uses = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        yield Seen("the certificate does not say what it is for", visit.last(ENROL))
        return
    if ExtendedKeyUsageOID.CLIENT_AUTH not in uses:
        yield Seen("the certificate is not for client authentication", visit.last(ENROL))


@tests("WAP-CHAIN")
def chain(visit: Visit) -> Iterable[Seen]:
    """Issued by what comes along."""
    _, mine = certificate_of(visit)
    for one in entries(visit):
        if one.store.casefold() in ("root", "ca") and one.certificate is not None and issued(mine, one.certificate):
            return
    issuer = name_of_issuer(mine)
    yield Seen(f"the certificate of its issuer ({issuer}) is neither in Root nor in CA", visit.last(ENROL))


def name_of_issuer(certificate: x509.Certificate) -> str:
    """How the issuer is called."""
    return certificate.issuer.rfc4514_string()[:80] or name_of(certificate)


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether a certificate signed another."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


@tests("WAP-RENEW")
def renew(visit: Visit) -> Iterable[Seen]:
    """Something about renewal, and a sensible period."""
    kept = visit.document.find(wap.CERTIFICATE_STORE, "My", "WSTEP", "Renew")
    exchange = visit.last(ENROL)
    if kept is None:
        yield Seen("there is no WSTEP/Renew", exchange)
        return
    period = kept.parm("RenewPeriod") or "42"
    if (kept.parm("ROBOSupport") or "").casefold() not in ("true", "1"):
        yield Seen("ROBOSupport is not true", exchange)
    if not (period.isdecimal() and len(period) < 7 and 1 <= int(period) <= 1000):
        yield Seen(f"RenewPeriod is {period[:20]}", exchange)
        return
    _, mine = certificate_of(visit)
    life = mine.not_valid_after_utc - mine.not_valid_before_utc
    if timedelta(days=int(period)) >= life:
        yield Seen(f"RenewPeriod is {period} days, the certificate lives for {life.days}", exchange)
