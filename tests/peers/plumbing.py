"""What every peer needs and no peer shares with the package: the shape of a transport, keys, base64 and JWT by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

ClientCertificate = tuple[bytes, bytes] | None
"""A certificate and its key, both as PEM."""
Reply = tuple[int, dict[str, str], bytes]
"""Status, headers with names in lower case, body."""
Send = Callable[[str, str, dict[str, str], bytes, ClientCertificate], Reply]
"""``send(method, url, headers, body, client_certificate)``."""


class PeerFailedError(Exception):
    """The tool gives up: a sentence that says where."""


def new_key() -> rsa.RSAPrivateKey:
    """RSA 2048, as all of them use."""
    return rsa.generate_private_key(65537, 2048)


def request_of(key: rsa.RSAPrivateKey, subject: str) -> bytes:
    """A certificate request as DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    signed = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def pair(certificate: bytes, key: rsa.RSAPrivateKey) -> tuple[bytes, bytes]:
    """What a TLS library wants of a DER certificate and its key; ``PeerFailedError`` when they do not belong together."""
    try:
        found = x509.load_der_x509_certificate(certificate)
    except ValueError as error:
        raise PeerFailedError(f"the certificate cannot be read: {error}") from error
    if found.public_key() != key.public_key():
        raise PeerFailedError("the certificate is for another key than the one of the request")
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return found.public_bytes(serialization.Encoding.PEM), pem


def der_of(certificate: tuple[bytes, bytes]) -> bytes:
    """The certificate of a pair as DER."""
    return x509.load_pem_x509_certificate(certificate[0]).public_bytes(serialization.Encoding.DER)


def transport_key_blob(key: rsa.RSAPrivateKey) -> bytes:
    """The BCRYPT public blob of a key (protocols.md 4.2)."""
    numbers = key.public_key().public_numbers()
    exponent = numbers.e.to_bytes(3, "big")
    modulus = numbers.n.to_bytes(256, "big")
    head = [2048, len(exponent), len(modulus), 0, 0]
    return b"RSA1" + b"".join(one.to_bytes(4, "little") for one in head) + exponent + modulus


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def url64(data: bytes) -> str:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_url64(text: str) -> bytes:
    """The bytes of base64 for URLs."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(token: str) -> dict[str, Any]:
    """The payload of a JWT, unverified."""
    found: dict[str, Any] = json.loads(from_url64(token.split(".")[1]))
    return found


def signed_by_device(header: dict[str, Any], payload: dict[str, Any], key: rsa.RSAPrivateKey) -> str:
    """A JWT with RS256."""
    text = ".".join(url64(json.dumps(part).encode()) for part in (header, payload))
    return text + "." + url64(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))


def post_form(send: Send, url: str, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """POST a form, read JSON."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    status, _, body = send("POST", url, headers, urlencode(fields).encode(), None)
    return status, json.loads(body)


def good(reply: Reply, what: str) -> Reply:
    """The reply, when it is a 200; raises ``PeerFailedError`` otherwise."""
    if reply[0] != 200:
        raise PeerFailedError(f"{what}: HTTP {reply[0]} {reply[2][:300]!r}")
    return reply
