"""Certificate requests (PKCS#10) as Windows writes them, and those that others write (protocols.md 9.3)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from autopilot_agent.errors import Malformed
from autopilot_agent.wire import asn1
from autopilot_agent.wire.authority import PublicKey

if TYPE_CHECKING:
    from cryptography import x509

COMMON_NAME = "2.5.4.3"
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
EXTENDED_KEY_USAGE = "2.5.29.37"
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
DEVICE_ID = "1.3.6.1.4.1.311.66.1.0"
"""The extension that holds the DeviceID in ASCII and a NUL."""
LONGEST_NAME = 64
LARGEST = 20_000
"""Bytes that a request may have."""
SHORTEST_KEY, LONGEST_KEY = 2048, 4096
NULL = b"\x05\x00"

HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # what Windows uses where no policy says otherwise
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
WITH_RSA = {
    "sha1": "1.2.840.113549.1.1.5",
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}
_SIGNATURES = {oid: name for name, oid in WITH_RSA.items()} | {
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
}


class CertificateRequest(msgspec.Struct, frozen=True):
    """A request whose signature is right. ``name`` is the common name as text, ``device_id`` the DeviceID it was made for."""

    public_key: PublicKey
    name: str
    device_id: str = ""


def subject_of(guid: str, device_id: str) -> str:
    """The common name in Windows' way: what fits of a GUID, an exclamation mark, the DeviceID; 64 characters in all."""
    return f"{guid[: LONGEST_NAME - len(device_id) - 1]}!{device_id}"


def build(key: rsa.RSAPrivateKey, name: str, device_id: str, algorithm: str = "sha256") -> bytes:
    """A signed request as DER; ``algorithm`` is a key of ``HASHES``."""
    usage = asn1.sequence(asn1.oid(EXTENDED_KEY_USAGE), asn1.write(asn1.OCTET_STRING, asn1.sequence(asn1.oid(CLIENT_AUTH))))
    owner = asn1.sequence(asn1.oid(DEVICE_ID), asn1.write(asn1.OCTET_STRING, device_id.encode() + b"\0"))
    extensions = asn1.sequence(asn1.oid(EXTENSION_REQUEST), asn1.write(asn1.SET, asn1.sequence(usage, owner)))
    pair = asn1.sequence(asn1.oid(COMMON_NAME), asn1.write(asn1.PRINTABLE, name.encode("latin-1", "replace")))
    info = asn1.sequence(
        asn1.write(asn1.INTEGER, b"\0"),
        asn1.sequence(asn1.write(asn1.SET, pair)),
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        asn1.write(0xA0, extensions),
    )
    signature = key.sign(info, PKCS1v15(), HASHES[algorithm])
    return asn1.sequence(info, asn1.sequence(asn1.oid(WITH_RSA[algorithm]), NULL), asn1.bit_string(signature))


def read(data: bytes) -> CertificateRequest:
    """A request, its signature checked. Raises ``Malformed`` for what is none, is signed wrongly, or has too short a key."""
    if len(data) > LARGEST:
        raise Malformed("the certificate request is too long")
    info, algorithm, signature = asn1.read(data).sequence(3)[:3]
    fields = info.sequence(3)
    public_key = _public_key(fields[2].raw)
    name = _SIGNATURES.get(algorithm.sequence(1)[0].oid())
    if name is None:
        raise Malformed("the certificate request is signed in a way that is not known here")
    if not verify(public_key, signature.bits(), info.raw, HASHES[name]):
        raise Malformed("the signature of the certificate request is wrong")
    if not fields[1].sequence():
        raise Malformed("the certificate request has no subject")
    return CertificateRequest(public_key, _common_name(fields[1]), _device_id(fields[3:]))


def verify(key: PublicKey, signature: bytes, data: bytes, algorithm: hashes.HashAlgorithm) -> bool:
    """Whether a signature is right."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, PKCS1v15(), algorithm)
        else:
            key.verify(signature, data, ec.ECDSA(algorithm))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def from_base64(text: str) -> bytes:
    """Bytes from base64 with line breaks or blanks in it. Raises ``Malformed``."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("the text is no base64") from None


def matches(certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> bool:
    """Whether a certificate was made for a key."""
    try:
        return certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False


def _public_key(data: bytes) -> PublicKey:
    try:
        key = load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed(f"the key of the certificate request cannot be read: {error}") from None
    if isinstance(key, rsa.RSAPublicKey) and SHORTEST_KEY <= key.key_size <= LONGEST_KEY:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key
    raise Malformed("the key of the certificate request is neither RSA with 2048 to 4096 bits nor on an elliptic curve")


def _common_name(subject: asn1.Value) -> str:
    for group in subject.sequence():
        for pair in group.parts():
            kind, value = pair.sequence(2)[:2]
            if kind.oid() == COMMON_NAME:
                coding = "utf-16-be" if value.tag == 0x1E else "utf-8"
                return value.content.decode(coding, "replace").rstrip("\0")[:LONGEST_NAME]
    return ""


def _device_id(fields: list[asn1.Value]) -> str:
    """The DeviceID in the extension request; anything unexpected on the way means that there is none."""
    try:
        for attribute in (one for field in fields if field.tag == 0xA0 for one in field.parts()):
            kind, values = attribute.sequence(2)[:2]
            if kind.oid() != EXTENSION_REQUEST:
                continue
            for extension in (one for group in values.parts() for one in group.sequence()):
                parts = extension.sequence(2)
                if parts[0].oid() == DEVICE_ID:
                    return parts[-1].content.decode("ascii").rstrip("\0")[:LONGEST_NAME]
    except (Malformed, UnicodeDecodeError):
        return ""
    return ""
