"""Certificate requests and signed messages: as Windows writes them, as OpenSSL's users do, and broken in every place."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from enrolment_peer import AUTHORITY
from hypothesis import given, settings
from hypothesis import strategies as st

from autopilot_agent.errors import Malformed
from autopilot_agent.wire import asn1, cms, pkcs10
from autopilot_agent.wire.authority import common_name, der, load_der
from autopilot_agent.wire.keys import KeySource

KEY = KeySource(pooled=True, pool=2).make("a", 1)
OTHER = KeySource(pooled=True, pool=2).make("b", 3)
DEVICE_ID = "7DB0A8A29B094F53AA4A1D2C9CF9D0E1"
REQUEST = pkcs10.build(KEY, pkcs10.subject_of("B1C43CD0-1624-5FBB-8E54-34CF17DFD3A1", DEVICE_ID), DEVICE_ID)
CERTIFICATE = AUTHORITY.issue(KEY.public_key(), common_name("device"))
SIGNED = cms.sign(REQUEST, CERTIFICATE, KEY)


def openssl_like(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, name: str = "ConfigMgrEnroll") -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lab"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def test_the_subject_is_64_characters_with_an_exclamation_mark_in_a_printable_string() -> None:
    read = pkcs10.read(REQUEST)
    assert read.name == f"B1C43CD0-1624-5FBB-8E54-34CF17D!{DEVICE_ID}"
    assert len(read.name) == 64
    assert b"\x13\x40" + read.name.encode() in REQUEST
    assert read.device_id == DEVICE_ID
    assert DEVICE_ID.encode() + b"\0" in REQUEST
    assert read.public_key == KEY.public_key()
    with pytest.raises(ValueError):  # why the structure is read here, and not by the library
        x509.load_der_x509_csr(REQUEST).subject  # noqa: B018


@pytest.mark.parametrize("name", ["plain", "a!b\0", "!", "ä"])
@pytest.mark.parametrize("algorithm", pkcs10.HASHES)
def test_any_subject_and_hash_is_read(name: str, algorithm: str) -> None:
    assert pkcs10.read(pkcs10.build(KEY, name, DEVICE_ID, algorithm)).device_id == DEVICE_ID


def test_requests_of_others_are_read() -> None:
    read = pkcs10.read(openssl_like(OTHER))
    assert (read.name, read.device_id) == ("ConfigMgrEnroll", "")
    assert pkcs10.read(openssl_like(ec.generate_private_key(ec.SECP256R1()))).name == "ConfigMgrEnroll"


def test_a_request_that_is_changed_or_too_weak_is_refused() -> None:
    forged = REQUEST.replace(b"B1C43CD0", b"B1C43CD1")
    weak = openssl_like(rsa.generate_private_key(65537, 1024))
    short = asn1.sequence(*(one.raw for one in asn1.read(REQUEST).sequence()[:2]))
    for data in (forged, weak, short, b"", b"\x30\x80", REQUEST + b"\0", REQUEST[:-1], b"\x30" * 40, b"\0" * 30_000):
        with pytest.raises(Malformed):
            pkcs10.read(data)


@given(st.binary(max_size=60), st.integers(0, 400), st.integers(1, 255))
@settings(max_examples=120)
def test_no_change_of_a_byte_gets_another_request_through(more: bytes, at: int, flip: int) -> None:
    changed = bytearray(REQUEST)
    changed[at % len(changed)] ^= flip
    with suppress(Malformed):  # unless the change was in what nobody looks at
        assert pkcs10.read(bytes(changed)) == pkcs10.read(REQUEST)
    for data in (more, REQUEST[: at % len(REQUEST)]):
        with pytest.raises(Malformed):
            pkcs10.read(data)


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=8), st.integers(0, 2), st.integers(0, 39))
def test_object_identifiers_survive(rest: list[int], first: int, second: int) -> None:
    dotted = ".".join(map(str, [first, second, *rest]))
    assert asn1.read(asn1.oid(dotted)).oid() == dotted


@given(st.binary(max_size=70_000))
@settings(max_examples=20)
def test_values_of_any_length_survive(data: bytes) -> None:
    assert asn1.read(asn1.write(asn1.OCTET_STRING, data)).content == data


def test_base64_may_have_line_breaks_and_nothing_else() -> None:
    assert pkcs10.from_base64(" TUlJ\r\nQw== ") == b"MIIC"
    for text in ("TUlJ%Qw==", "ä", "TUlJQ"):
        with pytest.raises(Malformed):
            pkcs10.from_base64(text)


def test_a_signed_message_opens_for_the_certificate_that_signed_it_only() -> None:
    assert cms.opened(SIGNED, CERTIFICATE) == REQUEST
    with pytest.raises(Malformed):
        cms.opened(SIGNED, AUTHORITY.issue(OTHER.public_key(), common_name("device")))


@given(st.integers(0, 4000), st.integers(1, 255))
@settings(max_examples=80)
def test_a_signed_message_that_was_changed_says_nothing_else(at: int, flip: int) -> None:
    changed = bytearray(SIGNED)
    changed[at % len(changed)] ^= flip
    with suppress(Malformed):
        assert cms.opened(bytes(changed), CERTIFICATE) == REQUEST
    with pytest.raises(Malformed):
        cms.opened(SIGNED[: at % len(SIGNED)], CERTIFICATE)


def test_a_certificate_of_an_unknown_version_is_no_certificate() -> None:
    with pytest.raises(Malformed):
        load_der(der(CERTIFICATE).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1))
