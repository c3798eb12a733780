"""Downloads and the probe: packages that are really encrypted, damage that is found, portals that are no internet."""

from __future__ import annotations

import base64
import zipfile
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.errors import CallFailed, Malformed, ServiceFault, Unreachable
from autopilot_agent.service.content import Content, DownloadContent, DownloadMsi, DownloadOffice
from autopilot_agent.service.ime import GetContentInfo
from autopilot_agent.service.network import ProbeConnectivity
from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.testing.in_process import InProcessNet
from autopilot_agent.testing.in_process import one_authority as shared_authority
from autopilot_agent.testing.small import PORTAL, small_state
from autopilot_agent.wire import clients, connectivity, content, packages, safe_xml
from autopilot_agent.wire.authority import Authority, common_name, thumbprint
from autopilot_agent.wire.http import Incoming, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.packages import Keys, Package
from autopilot_agent.wire.wallet import Credential, Wallet

KEYS = KeySource(pooled=True)


@cache
def credential(name: str = "device") -> Credential:
    key = KEYS.make(name)
    return Credential(shared_authority().issue(key.public_key(), common_name(name)), key)


@pytest.fixture
def backend() -> HttpBackend:
    """A foreign device, enrolled in the served small tenant."""
    state = small_state()
    desk = TenantDesk(state, shared_authority())
    wallet = Wallet(KEYS, private=False)
    wallet.mdm = credential()
    desk.records.put(clients.CERTIFICATE, thumbprint(wallet.mdm.certificate), {"device_id": "0F"})
    desk.records.put(clients.ENROLMENT, "0F", {"enrolment_id": "e"})
    return HttpBackend(InProcessNet(Application(desk)), wallet)


def told_by(call: Any, response: Response, wallet: Wallet | None = None) -> Any:
    """What the flow of a call makes of a response."""
    flow = {**content.FLOWS, **connectivity.FLOWS}[type(call)](call, wallet or Wallet(KEYS, private=False))
    next(flow)
    try:
        flow.send(response)
    except StopIteration as end:
        return end.value
    raise AssertionError("the flow asks for more")


def test_each_address_in_a_job_becomes_one_here_and_keeps_its_query() -> None:
    incoming = Incoming("POST", "/", base="http://here")
    job = "<a>https://cdn.contoso.example/a</a><b>https://cdn.contoso.example/a.msi?sig=1&amp;x=2</b><c>https://else.example/c</c>"
    assert content.within_reach(job, incoming) == (
        "<a>http://here/a?fileNameHash=a</a><b>http://here/a.msi?fileNameHash=a.msi&amp;sig=1&amp;x=2</b><c>https://else.example/c</c>"
    )


def test_a_package_is_found_decrypted_and_opened(backend: HttpBackend) -> None:
    info = backend.send(GetContentInfo("", PORTAL), now=0)
    assert info.url == f"https://localhost/{PORTAL}.intunewin.bin"
    keys = backend.wallet.packages[PORTAL].keys
    assert keys == packages.make(shared_authority(), PORTAL)[1]
    assert backend.send(DownloadContent(PORTAL, 0), now=0).size == len(packages.make(shared_authority(), PORTAL)[0])


def test_packages_are_always_the_same_and_no_two_share_a_key() -> None:
    data, keys = packages.make(shared_authority(), "a")
    packages.make.cache_clear()
    assert packages.make(shared_authority(), "a") == (data, keys)
    others = [packages.make(shared_authority(), "b")[1], packages.make(Authority.make(), "a")[1]]
    assert len({keys.key, keys.mac_key, *(one.key for one in others)}) == 4
    with zipfile.ZipFile(BytesIO(packages.unseal(data, keys))) as archive:
        assert archive.testzip() is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.integers(1, 255))
def test_a_package_with_a_changed_byte_is_noticed(place: int, change: int) -> None:
    data, keys = packages.make(shared_authority(), PORTAL)
    damaged = bytearray(data)
    damaged[place % len(data)] ^= change
    with pytest.raises(ServiceFault) as caught:
        packages.unseal(bytes(damaged), keys)
    assert caught.value.code == "0x87D30004"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_package_are_refused(data: bytes) -> None:
    _, keys = packages.make(shared_authority(), PORTAL)
    for known in (keys, Keys(keys.key, keys.vector), Keys(b"", b"", plain=True)):
        with pytest.raises(ServiceFault) as caught:
            packages.unseal(data, known)
        assert caught.value.code in ("0x87D30004", "0x87D30067")


def test_another_package_of_the_same_key_is_not_the_one_that_was_promised() -> None:
    data, keys = packages.make(shared_authority(), PORTAL)
    for wrong in (structs.replace(keys, mac=b"0" * 32), structs.replace(keys, digest=b"0" * 32)):
        with pytest.raises(ServiceFault, match="0x87D30004"):
            packages.unseal(data, wrong)


def test_a_plain_zip_needs_no_key() -> None:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("setup.exe", b"MZ")
    assert packages.unseal(archive.getvalue(), Keys(b"", b"", plain=True)) == archive.getvalue()


def test_a_damaged_download_fails_the_call() -> None:
    data, keys = packages.make(shared_authority(), PORTAL)
    wallet = Wallet(KEYS, private=False)
    wallet.packages[PORTAL] = Package(url="https://cdn.fabrikam.example/a.bin", keys=keys)
    assert told_by(DownloadContent(PORTAL), Response(200, {"content-length": "4096"}, data), wallet) == Content(4096)
    with pytest.raises(ServiceFault, match="0x87D30004"):
        told_by(DownloadContent(PORTAL), Response(200, {}, data[:-16]), wallet)


def test_the_keys_are_for_the_device_that_asked_and_for_nobody_else() -> None:
    _, keys = packages.make(shared_authority(), PORTAL)
    message = packages.envelop(keys, credential().certificate)
    assert message is not None
    assert packages.open_envelope(message, credential()) == keys
    with pytest.raises(Malformed):
        packages.open_envelope(message, credential("somebody else"))
    assert packages.envelop(keys, None) is None


@given(
    st.builds(
        Keys,
        st.binary(min_size=32, max_size=32),
        st.binary(min_size=16, max_size=16),
        st.binary(max_size=32),
        st.binary(max_size=32),
        st.binary(max_size=32),
        st.booleans(),
    )
)
@settings(max_examples=25, deadline=None)
def test_keys_survive_their_envelope(keys: Keys) -> None:
    message = packages.envelop(keys, credential().certificate)
    assert message is not None and packages.open_envelope(message, credential()) == keys


@pytest.mark.parametrize("message", ["", "[filtered]", "<a><EncryptedContent>[filtered]</EncryptedContent></a>"])
def test_a_recording_without_its_secrets_is_downloaded_without_a_check(message: str) -> None:
    assert packages.open_envelope(message, credential()) is None
    assert told_by(DownloadContent("app"), Response(200, {}, b"[filtered]")).size == 10


BYTES = "<a><EncryptedContent>AAAA</EncryptedContent></a>"
ENTITY = '<!DOCTYPE a [<!ENTITY b "x">]><a><EncryptedContent>&b;</EncryptedContent></a>'


@pytest.mark.parametrize("message", ["<", "<a/>", "[]", ENTITY, BYTES, "<a>\x00</a>", "\ud800"])
def test_a_message_without_keys_is_malformed(message: str) -> None:
    with pytest.raises(Malformed):
        packages.open_envelope(message, credential())


def test_keys_that_are_no_keys_are_malformed() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

    for told in (b"{", b"[]", b'{"EncryptionKey":"AAAA","IV":"AAAA"}', b'{"EncryptionKey":7}', b'{"EncryptionKey":"!"}'):
        builder = pkcs7.PKCS7EnvelopeBuilder().set_data(told).add_recipient(credential().certificate)
        root = safe_xml.element("EncryptedMessage")
        made = builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
        safe_xml.sub(root, "EncryptedContent", base64.b64encode(made).decode())
        with pytest.raises(Malformed):
            packages.open_envelope(safe_xml.serialize(root).decode(), credential())


def test_packages_and_office_are_served(backend: HttpBackend) -> None:
    for url in ("https://cdn.contoso.example/a.msi", "http://cdn.contoso.example/b/c.msix", "https://x.example/a%20b.appx?q=1"):
        assert backend.send(DownloadMsi(url), now=0).size == 40
    assert backend.send(DownloadOffice("O365 & more/?#"), now=0).size == 40
    with pytest.raises(ServiceFault, match="0x80190194"):
        backend.send(DownloadMsi("https://cdn.contoso.example/a.exe"), now=0)


STRANGE = ["", "file:///etc/passwd", "ftp://cdn.contoso.example/a.msi", "a.msi", "http://", "http://[", "http://a\nb/"]


@pytest.mark.parametrize("url", STRANGE)
def test_an_address_that_is_not_one_of_http_is_never_asked(url: str) -> None:
    with pytest.raises(ServiceFault) as caught:
        next(content.package(DownloadMsi(url), Wallet(KEYS, private=False)))
    assert caught.value.code == "0x80072EE6"


@given(st.text())
def test_no_address_escapes(url: str) -> None:
    try:
        request = next(content.package(DownloadMsi(url), Wallet(KEYS, private=False)))
    except ServiceFault:
        return
    assert request.url.isascii() and request.url.startswith(("http://", "https://", "HTTP", "Http"))


@pytest.mark.parametrize("said", ["", "12", "-1", "1" * 40, "²", "12x"])
def test_the_size_is_what_the_server_says_or_sends(said: str) -> None:
    found = told_by(DownloadMsi("https://cdn.fabrikam.example/a.msi"), Response(200, {"content-length": said}, b"abc"))
    assert found == Content(12 if said == "12" else 3)


CALLS = [DownloadContent("a"), DownloadMsi("https://a.example/a.msi"), DownloadOffice("o"), ProbeConnectivity()]


@pytest.mark.parametrize("call", CALLS)
def test_a_status_is_shown_as_windows_shows_it(call: Any) -> None:
    with pytest.raises(CallFailed, match="0x801901F7"):
        told_by(call, Response(503))


def test_the_probe_finds_the_internet(backend: HttpBackend) -> None:
    backend.send(ProbeConnectivity(), now=0)
    request = next(connectivity.probe(ProbeConnectivity(), backend.wallet))
    assert (request.method, request.url) == ("GET", "http://www.msftconnecttest.com/connecttest.txt")


@pytest.mark.parametrize(
    "response",
    [
        Response(200, {}, b"<html>Welcome to the hotel</html>"),
        Response(200),
        Response(302, {"location": "https://portal.fabrikam.example/"}),
        Response(204),
        Response(302, {}, b"Microsoft Connect Test"),
    ],
)
def test_a_captive_portal_is_no_internet(response: Response) -> None:
    with pytest.raises(Unreachable) as caught:
        told_by(ProbeConnectivity(), response)
    assert caught.value.rule == "F-11"
