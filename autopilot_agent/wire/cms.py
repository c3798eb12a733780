"""Signed messages (PKCS#7, CMS): a renewal's request, signed with the device's old key (protocols.md 11.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from autopilot_agent.errors import Malformed
from autopilot_agent.wire import asn1
from autopilot_agent.wire.pkcs10 import HASHES, LARGEST, verify

if TYPE_CHECKING:
    from cryptography import x509

    from autopilot_agent.wire.authority import PublicKey

SIGNED_DATA = "1.2.840.113549.1.7.2"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
CONTEXT_0 = 0xA0
HASH_NAMES = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""Hashes by their own OID."""


def sign(data: bytes, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> bytes:
    """Data with a signature around it, as DER."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(data).add_signer(certificate, key, hashes.SHA256())
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def opened(data: bytes, certificate: x509.Certificate) -> bytes:
    """What was signed, once it is certain that the holder of a certificate did. Raises ``Malformed`` otherwise."""
    if len(data) > 2 * LARGEST:
        raise Malformed("the signed message is too long")
    kind, outer = asn1.read(data).sequence(2)[:2]
    if kind.oid() != SIGNED_DATA or outer.tag != CONTEXT_0:
        raise Malformed("the message is not signed")
    parts = asn1.read(outer.content).sequence(4)
    content = _content(parts[2])
    signers = parts[-1].parts() if parts[-1].tag == asn1.SET else []
    if len(signers) != 1:
        raise Malformed("the message does not have exactly one signer")
    fields = signers[0].sequence(5)
    algorithm = HASHES.get(HASH_NAMES.get(fields[2].sequence(1)[0].oid(), ""))
    if algorithm is None:
        raise Malformed("the message is signed with a hash that is not known here")
    signed, rest = content, fields[3:]
    if rest[0].tag == CONTEXT_0:  # attributes are signed instead of the content, whose digest is one of them
        if _digest_in(rest[0]) != _digest(content, algorithm):
            raise Malformed("the digest of the signed message is wrong")
        signed, rest = asn1.write(asn1.SET, rest[0].content), rest[1:]
    key = _key(certificate)
    if len(rest) < 2 or rest[1].tag != asn1.OCTET_STRING or not verify(key, rest[1].content, signed, algorithm):
        raise Malformed("the message is not signed with the key of the certificate")
    return content


def _content(inner: asn1.Value) -> bytes:
    parts = inner.sequence(2)
    octets = asn1.read(parts[1].content)
    if octets.tag != asn1.OCTET_STRING:
        raise Malformed("the signed message has no content")
    return octets.content


def _digest_in(attributes: asn1.Value) -> bytes:
    for one in attributes.parts():
        kind, values = one.sequence(2)[:2]
        if kind.oid() == MESSAGE_DIGEST:
            found = values.parts()
            return found[0].content if found else b""
    return b""


def _digest(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    hasher = hashes.Hash(algorithm)
    hasher.update(data)
    return hasher.finalize()


def _key(certificate: x509.Certificate) -> PublicKey:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    raise Malformed("the certificate's key is of another kind")
