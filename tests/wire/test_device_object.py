"""Keys, certificate requests, certificates and SIDs as bytes."""

from __future__ import annotations

from uuid import UUID

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from entra_server import KEYS, blob_of, request_of
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.errors import Malformed
from autopilot_agent.testing.in_process import one_authority as authority
from autopilot_agent.wire import device_object
from autopilot_agent.wire.authority import name_of

KEY = KEYS.make("device object")
BLOB = blob_of(KEY.public_key())
REQUEST = device_object.certificate_request(KEY)
DEVICE, USER, TENANT = (f"{number}f1d2a3b-0000-4000-8000-00000000c001" for number in (6, 7, 8))


def test_a_key_is_written_as_bcrypt_does_and_read_back() -> None:
    assert device_object.key_blob(KEY.public_key()) == BLOB
    assert device_object.read_key_blob(BLOB) == KEY.public_key()


@given(st.integers(0, len(BLOB) - 1), st.binary(min_size=1, max_size=4))
def test_a_changed_key_blob_is_another_key_or_malformed(place: int, change: bytes) -> None:
    try:
        device_object.read_key_blob(BLOB[:place] + change + BLOB[place + len(change) :])
        device_object.read_key_blob(BLOB[:place])
    except Malformed:
        return
    raise AssertionError("a blob that is cut off was read")


def test_the_subject_of_every_request_is_the_same() -> None:
    from cryptography import x509

    assert x509.load_der_x509_csr(REQUEST).subject.rfc4514_string() == f"CN={device_object.SUBJECT}"
    assert device_object.read_request(request_of(KEY)) == KEY.public_key()


UNUSED_BITS = len(REQUEST) - 2048 // 8 - 1
"""The byte before the signature. Where the signature ends in zeros, it may call some of them unused and be the same one."""


@given(st.integers(0, len(REQUEST) - 1).filter(lambda place: place != UNUSED_BITS), st.integers(1, 255))
def test_a_request_with_one_changed_byte_is_refused(place: int, change: int) -> None:
    changed = bytearray(REQUEST)
    changed[place] ^= change
    with pytest.raises(Malformed):
        device_object.read_request(bytes(changed))


def test_a_device_certificate_names_device_user_and_tenant() -> None:
    certificate = device_object.issue(authority(), KEY.public_key(), DEVICE, USER, TENANT, joined=True)
    assert name_of(certificate) == DEVICE
    assert certificate.not_valid_after_utc.year - certificate.not_valid_before_utc.year in (9, 10)
    for oid, value in ((device_object.DEVICE_ID, DEVICE), (device_object.USER_ID, USER), (device_object.TENANT_ID, TENANT)):
        assert device_object.extension(certificate, oid) == UUID(value).bytes_le
    assert device_object.extension(certificate, device_object.JOIN_TYPE) == b"1"
    assert authority().issued(certificate) and certificate.public_bytes(Encoding.DER)


def test_a_device_whose_id_is_no_guid_still_gets_a_certificate() -> None:
    certificate = device_object.issue(authority(), KEY.public_key(), "x" * 80, "", TENANT, joined=False)
    assert name_of(certificate) == "x" * 64 and device_object.extension(certificate, device_object.DEVICE_ID) == b""


def test_the_sid_of_an_object_is_its_guid_in_four_numbers() -> None:
    assert device_object.sid_of("00000001-0002-0003-0400-000005000000") == "S-1-12-1-1-196610-4-5"
    assert device_object.sid_of("nobody") == ""


@pytest.mark.parametrize("text", [None, 7, "", "&&&", "YQ"])
def test_what_is_no_base64_is_malformed(text: object) -> None:
    with pytest.raises(Malformed):
        device_object.unbase64(text, "the key")


def test_line_breaks_in_base64_are_no_matter() -> None:
    assert device_object.unbase64("YW\r\nJj\n", "the key") == b"abc"
