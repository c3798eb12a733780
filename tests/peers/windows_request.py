"""The certificate request of Windows, byte by byte (protocols.md 9.3): libraries refuse to write what Windows writes."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEQUENCE, SET, INTEGER, BITS, OCTETS, NULL, OID, PRINTABLE, CONTEXT_0 = 0x30, 0x31, 2, 3, 4, 5, 6, 0x13, 0xA0


def tlv(tag: int, *parts: bytes) -> bytes:
    """A DER value."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes((tag, len(body))) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 128 | len(size))) + size + body


def oid(text: str) -> bytes:
    """An object identifier."""
    first, second, *rest = map(int, text.split("."))
    found = bytearray((40 * first + second,))
    for number in rest:
        digits = [number & 127]
        while number := number >> 7:
            digits.append(128 | number & 127)
        found.extend(reversed(digits))
    return tlv(OID, bytes(found))


def windows_request(key: rsa.RSAPrivateKey, subject: str, device_id: str) -> bytes:
    """A request whose subject is a PrintableString with characters that are none, and two extensions."""
    name = tlv(SEQUENCE, tlv(SET, tlv(SEQUENCE, oid("2.5.4.3"), tlv(PRINTABLE, subject.encode("latin-1")))))
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    purpose = tlv(SEQUENCE, oid("2.5.29.37"), tlv(OCTETS, tlv(SEQUENCE, oid("1.3.6.1.5.5.7.3.2"))))
    device = tlv(SEQUENCE, oid("1.3.6.1.4.1.311.66.1.0"), tlv(OCTETS, device_id.encode() + b"\0"))
    wanted = tlv(SEQUENCE, oid("1.2.840.113549.1.9.14"), tlv(SET, tlv(SEQUENCE, purpose, device)))
    info = tlv(SEQUENCE, tlv(INTEGER, b"\0"), name, public, tlv(CONTEXT_0, wanted))
    algorithm = tlv(SEQUENCE, oid("1.2.840.113549.1.1.11"), tlv(NULL))
    signature = key.sign(info, padding.PKCS1v15(), hashes.SHA256())
    return tlv(SEQUENCE, info, algorithm, tlv(BITS, b"\0" + signature))
