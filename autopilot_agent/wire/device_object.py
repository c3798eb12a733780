"""What a device and the registration service exchange in binary: requests, certificates, public keys, SIDs (4.2, 4.3)."""

from __future__ import annotations

import base64
import struct
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from autopilot_agent.errors import Malformed
from autopilot_agent.wire.authority import Authority, PublicKey, common_name

SUBJECT = "7E980AD9-B86D-4306-9425-9AC066FB014A"
"""The common name of every device's certificate request."""
DAYS = 3650
ARC = "1.2.840.113556.1.5.284"
DEVICE_ID, USER_ID, TENANT_ID, JOIN_TYPE, REGION = (f"{ARC}.{number}" for number in (2, 3, 5, 7, 8))
"""Private extensions of a device certificate."""
_BLOB = struct.Struct("<4sIIIII")
LARGEST_KEY = 2048
"""Bytes of a modulus that is read: RSA 16384."""


def certificate_request(key: rsa.RSAPrivateKey) -> bytes:
    """The PKCS#10 request of a device, as DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(common_name(SUBJECT))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def read_request(data: bytes) -> PublicKey:
    """The public key of a request that its owner signed; raises ``Malformed``."""
    try:
        request = x509.load_der_x509_csr(data)
        key = request.public_key()
        signed = request.is_signature_valid
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm, InvalidSignature) as error:
        raise Malformed(f"this is no certificate request: {error}") from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or not signed:
        raise Malformed("the certificate request is not signed by its own key")
    if isinstance(key, rsa.RSAPublicKey) and not 2048 <= key.key_size <= 8 * LARGEST_KEY:
        raise Malformed(f"the key of the certificate request has {key.key_size} bits")
    return key


def issue(
    authority: Authority, key: PublicKey, device_id: str, user_id: str, tenant_id: str, *, joined: bool
) -> x509.Certificate:
    """The certificate of a device. How the extensions' values are wrapped (OCTET STRING) is an assumption."""
    values = ((DEVICE_ID, _guid(device_id)), (USER_ID, _guid(user_id)), (TENANT_ID, _guid(tenant_id)))
    texts = ((JOIN_TYPE, b"1" if joined else b"0"), (REGION, b"EU"))
    extensions = tuple((oid, b"\x04" + bytes((len(value),)) + value) for oid, value in (*values, *texts) if value)
    return authority.issue(key, common_name(device_id[:64]), days=DAYS, extensions=extensions)


def extension(certificate: x509.Certificate, oid: str) -> bytes:
    """The value of a private extension, b"" without it."""
    for found in certificate.extensions:
        if found.oid.dotted_string == oid and isinstance(found.value, x509.UnrecognizedExtension):
            return found.value.value[2:]
    return b""


def _guid(text: str) -> bytes:
    try:
        return UUID(text).bytes_le
    except ValueError:
        return b""


def sid_of(object_id: str) -> str:
    """The SID of an Entra object by its id; "" where the id is no GUID."""
    data = _guid(object_id)
    return "-".join(("S-1-12-1", *map(str, struct.unpack("<4I", data)))) if data else ""


def key_blob(key: rsa.RSAPublicKey) -> bytes:
    """A public key as BCRYPT writes it (``RSA1``)."""
    numbers = key.public_numbers()
    exponent = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")
    modulus = numbers.n.to_bytes((key.key_size + 7) // 8, "big")
    return _BLOB.pack(b"RSA1", key.key_size, len(exponent), len(modulus), 0, 0) + exponent + modulus


def read_key_blob(data: bytes) -> rsa.RSAPublicKey:
    """The key of a blob; raises ``Malformed``."""
    if len(data) < _BLOB.size:
        raise Malformed("the key blob is cut off")
    magic, bits, exponent, modulus, *rest = _BLOB.unpack_from(data)
    if magic != b"RSA1" or any(rest):
        raise Malformed("the key blob is none of an RSA public key")
    if modulus > LARGEST_KEY or exponent > 8 or len(data) != _BLOB.size + exponent + modulus:
        raise Malformed("the lengths in the key blob do not fit")
    middle = _BLOB.size + exponent
    e, n = int.from_bytes(data[_BLOB.size : middle], "big"), int.from_bytes(data[middle:], "big")
    try:
        key = rsa.RSAPublicNumbers(e, n).public_key()
    except ValueError as error:
        raise Malformed(f"the key blob holds no usable key: {error}") from None
    if key.key_size != bits or bits < 1024:
        raise Malformed(f"the key blob says {bits} bits, its modulus has {key.key_size}")
    return key


def unbase64(text: object, what: str) -> bytes:
    """The bytes of a base64 text; line breaks in it are no matter. Raises ``Malformed``."""
    if not isinstance(text, str) or not text:
        raise Malformed(f"{what} is missing")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise Malformed(f"{what} is no base64") from None


def base64_of(data: bytes) -> str:
    """Bytes as base64 text."""
    return base64.b64encode(data).decode()
