"""The content of a provisioning document (protocols.md 10): written by a server, checked by a device as Windows does."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import msgspec

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.enrolment import Retries
from autopilot_agent.wire import wap
from autopilot_agent.wire.authority import der, load_der, name_of, thumbprint
from autopilot_agent.wire.pkcs10 import from_base64, matches
from autopilot_agent.wire.wap import Characteristic

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa

CERTSTORE, W7, DMCLIENT, POLICY, MISC, UNKNOWN, CERTIFICATE_NOT_FOUND, APPS = (
    "0x8018001E", "0x8018001F", "0x80180020", "0x80180021", "0x80180022", "0x80180023", "0x80180024", "0x80180025",
)  # fmt: skip
_CODES = {
    "Policy": POLICY,
    "EnterpriseModernAppManagement": APPS,
    wap.DM_CLIENT: DMCLIENT,
    "RootCATrustedCertificates": CERTSTORE,
    "ClientCertificateInstall": CERTSTORE,
}
RENEW_PERIOD = 42
"""Days before the end in which a certificate may be renewed."""
POLL = {
    "NumberOfFirstRetries": "8",
    "IntervalForFirstSetOfRetries": "15",
    "NumberOfSecondRetries": "5",
    "IntervalForSecondSetOfRetries": "3",
    "NumberOfRemainingScheduledRetries": "0",
    "IntervalForRemainingScheduledRetries": "480",
    "PollOnLogin": "true",
    "AllUsersPollOnFirstLogin": "true",
}
"""The schedule of the documentation: the first set spans two hours, the last goes on for ever every eight hours."""
MOST_RETRIES = 100
"""Tries that a device takes from a server, so that one session ends."""
SYSTEM, USER = "System", "User"


class Account(msgspec.Struct, frozen=True):
    """An OMA-DM account. Nonces are base64, as the document has them."""

    provider_id: str
    address: str
    client_name: str
    client_secret: str
    client_nonce: str
    server_secret: str
    server_nonce: str


class Provisioned(msgspec.Struct, frozen=True):
    """What a document brought. ``account`` has the parameters of w7; those of APPAUTH are named CLIENT/... and APPSRV/..."""

    certificate: x509.Certificate
    account: dict[str, str]
    settings: tuple[tuple[str, str], ...]
    provider_id: str
    ent_dm_id: str


def build(
    root: x509.Certificate,
    certificate: x509.Certificate,
    account: Account,
    settings: tuple[tuple[str, str], ...],
    store: str = SYSTEM,
    retries: Retries = Retries(),
) -> bytes:
    """The document of a new enrolment. Raises ``Malformed`` for settings that have no place in it."""
    document = Characteristic()
    _certificates(document, root, certificate, store)
    application = Characteristic(wap.APPLICATION)
    document.children.append(application)
    subject, place = quote(f"CN={name_of(certificate)}", safe=""), quote(f"My\\{store}", safe="")
    criteria = f"Subject={subject}&Stores={place}"
    for name, value in (
        ("APPID", "w7"),
        ("PROVIDER-ID", account.provider_id),
        ("NAME", account.provider_id),
        ("ADDR", account.address),
        ("ROLE", "4294967295"),
        ("BACKCOMPATRETRYDISABLED", None),
        ("CONNRETRYFREQ", str(retries.times)),
        ("INITIALBACKOFFTIME", str(retries.first)),
        ("MAXBACKOFFTIME", str(retries.most)),
        ("DEFAULTENCODING", "application/vnd.syncml.dm+xml"),
        ("SSLCLIENTCERTSEARCHCRITERIA", criteria),
    ):
        application.put(name, value)
    for level, secret, nonce in (
        ("CLIENT", account.server_secret, account.server_nonce),
        ("APPSRV", account.client_secret, account.client_nonce),
    ):
        block = Characteristic("APPAUTH")
        application.children.append(block)
        block.put("AAUTHLEVEL", level)
        block.put("AAUTHTYPE", "DIGEST")
        if level == "APPSRV":
            block.put("AAUTHNAME", account.client_name)
        block.put("AAUTHSECRET", secret)
        block.put("AAUTHDATA", nonce)
    wap.add_settings(document, settings)
    poll = document.add(wap.DM_CLIENT, "Provider", account.provider_id, "Poll")
    for name, value in POLL.items():
        poll.put(name, value, wap.datatype_of(name))
    return wap.encode(document)


def retries_of(account: dict[str, str]) -> Retries:
    """How often a session is tried again, as an account says; what is missing or no number has its default."""
    usual = Retries()
    found = [account.get(name, "") for name in ("CONNRETRYFREQ", "INITIALBACKOFFTIME", "MAXBACKOFFTIME")]
    times, first, most = (int(text) if text.isdecimal() and len(text) < 10 else None for text in found)
    return Retries(
        usual.times if times is None else min(times, MOST_RETRIES),
        usual.first if first is None else first,
        usual.most if most is None else most,
    )


def build_renewal(root: x509.Certificate, certificate: x509.Certificate, provider_id: str, store: str = SYSTEM) -> bytes:
    """The document of a renewal: certificates, and whose they are (protocols.md 11.3)."""
    document = Characteristic()
    _certificates(document, root, certificate, store)
    application = document.add(wap.APPLICATION)
    application.put("APPID", "w7")
    application.put("PROVIDER-ID", provider_id)
    return wap.encode(document)


def _certificates(document: Characteristic, root: x509.Certificate, certificate: x509.Certificate, store: str) -> None:
    """Root, CA, My in this order, since clients count them; the root stands for the intermediate, as there is none."""
    kept = document.add(wap.CERTIFICATE_STORE)
    for name, one in (("Root", root), ("CA", root), ("My", certificate)):
        place = SYSTEM if name != "My" else store
        kept.add(name, place, thumbprint(one)).put("EncodedCertificate", base64.b64encode(der(one)).decode())
    kept.add("My", store, "PrivateKeyContainer")
    renew = kept.add("My", "WSTEP", "Renew")
    renew.put("ROBOSupport", "true", "boolean")
    renew.put("RenewPeriod", str(RENEW_PERIOD), "integer")
    renew.put("RetryInterval", "4", "integer")


def take(data: bytes, key: rsa.RSAPrivateKey | None) -> Provisioned:
    """Check a document against the key that the request was made with. Raises ``ServiceFault`` with Windows' code."""
    document = _document(data)
    certificate, stores, account = _own_certificate(document, key)
    application = _application(document)
    account |= {one.name: one.value or "" for one in application.parms}
    provider_id = account["PROVIDER-ID"]
    if not account.get("ADDR"):
        address = application.find("APPADDR")
        account["ADDR"] = (address.parm("ADDR") if address is not None else None) or ""
    if not account["ADDR"]:
        raise ServiceFault(W7, "the account has no ADDR")
    if "INIT" in account:
        raise ServiceFault(W7, "INIT is not allowed in the account of an enterprise")
    account |= _authentication(application)
    client = document.find(wap.DM_CLIENT, "Provider", provider_id)
    if client is None or client.type != provider_id:
        raise ServiceFault(DMCLIENT, f"DMClient has no provider {provider_id!r}")
    criteria = account.get("SSLCLIENTCERTSEARCHCRITERIA")
    if criteria is not None and not finds(criteria, certificate, stores):
        raise ServiceFault(CERTIFICATE_NOT_FOUND, "SSLCLIENTCERTSEARCHCRITERIA does not find the certificate")
    settings = _settings(document)
    ent_dm_id = client.parm("EntDMID") or name_of(certificate)
    return Provisioned(certificate, account, settings, provider_id, ent_dm_id)


def take_renewal(data: bytes, key: rsa.RSAPrivateKey, provider_id: str) -> x509.Certificate:
    """The certificate in the document of a renewal. Raises ``ServiceFault`` with Windows' code."""
    document = _document(data)
    certificate, _, _ = _own_certificate(document, key)
    if _application(document).parm("PROVIDER-ID") != provider_id:
        raise ServiceFault(W7, "the renewal is of another provider")
    return certificate


def _document(data: bytes) -> Characteristic:
    try:
        document = wap.decode(data)
    except Malformed as error:
        raise ServiceFault(UNKNOWN, str(error)) from None
    known = (wap.CERTIFICATE_STORE, wap.APPLICATION, *wap.SETTING_CSPS, *wap.IGNORED)
    for one in document.children:
        if one.type not in known:
            raise ServiceFault(MISC, f"{one.type[:80]!r} is not allowed in a provisioning document")
    return document


def _own_certificate(
    document: Characteristic, key: rsa.RSAPrivateKey | None
) -> tuple[x509.Certificate, tuple[str, ...], dict[str, str]]:
    """The certificate for the key, the stores it lies in, and how it is renewed."""
    found: x509.Certificate | None = None
    stores: list[str] = []
    for place in (below for mine in document.every(wap.CERTIFICATE_STORE, "My") for below in mine.children):
        if place.type.casefold() not in ("system", "user"):
            continue
        container = bool(place.all("PrivateKeyContainer"))
        for entry in place.children:
            encoded = entry.parm("EncodedCertificate")
            if encoded is None:
                continue
            certificate = _certificate(entry.type, encoded)
            if not container and not entry.all("PrivateKeyContainer"):
                raise ServiceFault(CERTSTORE, "the client certificate has no PrivateKeyContainer")
            if key is not None and not matches(certificate, key):
                raise ServiceFault(CERTSTORE, "the client certificate is not for the key of the request")
            found = certificate
            stores.append(f"my\\{place.type.casefold()}")
    if found is None:
        raise ServiceFault(CERTSTORE, "the document brings no client certificate")
    for name in ("Root", "CA"):
        for others in document.every(wap.CERTIFICATE_STORE, name, SYSTEM):
            for entry in others.children:
                _certificate(entry.type, entry.parm("EncodedCertificate") or "")
    renew = document.find(wap.CERTIFICATE_STORE, "My", "WSTEP", "Renew")
    try:
        renewal = {one.name: wap.typed(one) for one in renew.parms} if renew is not None else {}
    except Malformed as error:
        raise ServiceFault(CERTSTORE, str(error)) from None
    return found, tuple(stores), {f"Renew/{name}": value for name, value in renewal.items()}


def _certificate(name: str, encoded: str) -> x509.Certificate:
    try:
        certificate = load_der(from_base64(encoded))
    except Malformed as error:
        raise ServiceFault(CERTSTORE, str(error)) from None
    if thumbprint(certificate) != name.upper():
        raise ServiceFault(CERTSTORE, "the name of a certificate is not its thumbprint")
    return certificate


def _application(document: Characteristic) -> Characteristic:
    """The w7 account; its parameter names count with their case."""
    for one in document.children:
        if one.type == wap.APPLICATION and one.parm("APPID") == "w7":
            if not one.parm("PROVIDER-ID"):
                raise ServiceFault(W7, "the account has no PROVIDER-ID")
            return one
    raise ServiceFault(W7, "the document brings no w7 account")


def _authentication(application: Characteristic) -> dict[str, str]:
    found: dict[str, str] = {}
    levels = set()
    for block in application.all("APPAUTH"):
        level = block.parm("AAUTHLEVEL") or ""
        levels.add(level)
        if level == "CLIENT" and block.parm("AAUTHTYPE") not in (None, "DIGEST"):
            raise ServiceFault(W7, "the server may authenticate with DIGEST only")
        found |= {f"{level}/{one.name}": one.value or "" for one in block.parms}
    if not levels >= {"CLIENT", "APPSRV"}:
        raise ServiceFault(W7, "both APPAUTH blocks are needed, CLIENT and APPSRV")
    return found


def _settings(document: Characteristic) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for one in document.children:
        try:
            found += wap.settings_of(Characteristic("", [], [one]))
        except Malformed as error:
            raise ServiceFault(_CODES.get(one.type, MISC), str(error)) from None
    return tuple(found)


def finds(criteria: str, certificate: x509.Certificate, stores: tuple[str, ...]) -> bool:
    """Whether search criteria find a certificate in one of its stores: every part of their subject is one of its own."""
    asked = dict(one.partition("=")[::2] for one in criteria.split("&"))
    wanted = {_plain(one) for one in unquote(asked.get("Subject", "")).split(",")}
    subject = {_plain(f"{one.rfc4514_attribute_name}={one.value!s}") for one in certificate.subject}
    places = unquote(asked.get("Stores", "")).casefold().replace("\uf000", "\n").split("\n")
    return wanted <= subject and any(store in places for store in stores)


def _plain(text: str) -> str:
    name, _, value = text.partition("=")
    return f"{name.strip()}={value.strip()}".casefold()
