"""Packages of Win32 apps as the content network stores them (protocols.md 15.4), and the message that carries their keys.

A file is 32 bytes of HMAC-SHA256 over all that follows, 16 bytes of initialisation vector, and a zip encrypted with AES-256 in
CBC mode. The keys come as CMS EnvelopedData for the certificate of the device that asks. What the reference does not say is
assumed: the digest is SHA-256 over the zip, keys are base64, and the MAC of the message is the one at the head of the file.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import io
import zipfile
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.wire import members, safe_xml

if TYPE_CHECKING:
    from cryptography import x509

    from autopilot_agent.wire.authority import Authority
    from autopilot_agent.wire.wallet import Credential

MAC, VECTOR = 32, 16
HEAD = MAC + VECTOR
MOST_ENTRIES = 10_000
"""Files that a package may hold."""
LARGEST_MESSAGE = 200_000
"""Characters of a DecryptInfo."""
FILTERED = "[filtered]"
"""What a recording holds in place of a secret."""
PLAIN = "NoEncryption"
"""ProfileIdentifier of a package that is a zip and nothing else."""
WRONG_HASH = "0x87D30004"
"""Size or hash do not match (diagnostics 3.6)."""
CANNOT_UNPACK = "0x87D30067"
"""The content could not be unpacked (diagnostics 3.6)."""


class Keys(msgspec.Struct, frozen=True):
    """What opens a package: keys, vector, and what it must come out as. Empty values are not checked."""

    key: bytes
    vector: bytes
    mac_key: bytes = b""
    mac: bytes = b""
    digest: bytes = b""
    plain: bool = False


class Package(msgspec.Struct):
    """What a device has learned of one app's package; ``keys`` is None where the service gave none that it can read."""

    name: str = ""
    version: int = 1
    url: str = ""
    keys: Keys | None = None


@lru_cache(maxsize=1024)
def make(authority: Authority, app_id: str) -> tuple[bytes, Keys]:
    """The package that a server has for an app, always the same bytes, with its keys: derived from the authority's own key."""
    root = sha256(f"{authority.key.private_numbers().d:x}".encode()).digest()

    def derived(purpose: str) -> bytes:
        return hmac.digest(root, f"{purpose}/{app_id}".encode("utf-8", "surrogatepass"), "sha256")

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        entry = zipfile.ZipInfo("setup.txt", (1980, 1, 1, 0, 0, 0))
        written.writestr(entry, b"A simulated installer. It does nothing.\r\n")
    content = archive.getvalue()
    key, mac_key, vector = derived("encryption"), derived("authentication"), derived("vector")[:VECTOR]
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    sealed = vector + encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    mac = hmac.digest(mac_key, sealed, "sha256")
    return mac + sealed, Keys(key, vector, mac_key, mac, sha256(content).digest())


def unseal(data: bytes, keys: Keys) -> bytes:
    """The zip in a package. Raises ``ServiceFault`` for one that was changed or cannot be unpacked."""
    if keys.plain:
        content = data
    else:
        if keys.mac_key and not hmac.compare_digest(hmac.digest(keys.mac_key, data[MAC:], "sha256"), data[:MAC]):
            raise ServiceFault(WRONG_HASH, "the authentication code of the package is wrong", "NET-CONTENT")
        if keys.mac and keys.mac != data[:MAC]:
            raise ServiceFault(WRONG_HASH, "this is another package than the gateway promised", "NET-CONTENT")
        content = _decrypted(data[HEAD:], keys)
    if keys.digest and keys.digest != sha256(content).digest():
        raise ServiceFault(WRONG_HASH, "the digest of the package is wrong", "NET-CONTENT")
    _look_into(content)
    return content


def _decrypted(data: bytes, keys: Keys) -> bytes:
    if not data or len(data) % VECTOR:
        raise ServiceFault(WRONG_HASH, "the package has no whole number of blocks", "NET-CONTENT")
    decryptor = Cipher(algorithms.AES(keys.key), modes.CBC(keys.vector)).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    try:
        return unpadder.update(decryptor.update(data) + decryptor.finalize()) + unpadder.finalize()
    except ValueError:
        raise ServiceFault(CANNOT_UNPACK, "the package cannot be decrypted", "NET-CONTENT") from None


def _look_into(content: bytes) -> None:
    """Read the list of a zip's files; nothing of them is unpacked, so a bomb does no harm."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = len(archive.infolist())
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, EOFError, OSError):
        raise ServiceFault(CANNOT_UNPACK, "the package holds no zip", "NET-CONTENT") from None
    if not 0 < entries <= MOST_ENTRIES:
        raise ServiceFault(CANNOT_UNPACK, f"the zip of the package holds {entries} files", "NET-CONTENT")


def envelop(keys: Keys, certificate: x509.Certificate | None) -> str | None:
    """The keys as a DecryptInfo that only the holder of a certificate can read; None without one for RSA."""
    if certificate is None or not isinstance(certificate.public_key(), rsa.RSAPublicKey):
        return None
    told = {
        "EncryptionKey": _base64(keys.key),
        "IV": _base64(keys.vector),
        "MacKey": _base64(keys.mac_key),
        "Mac": _base64(keys.mac),
        "FileDigest": _base64(keys.digest),
        "FileDigestAlgorithm": "SHA256",
        "ProfileIdentifier": PLAIN if keys.plain else "ProfileVersion1",
    }
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(members.encode(told).encode()).add_recipient(certificate)
    message = safe_xml.element("EncryptedMessage")
    safe_xml.sub(message, "EncryptedContent", _base64(builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])))
    return safe_xml.serialize(message).decode()


def open_envelope(message: str, credential: Credential | None) -> Keys | None:
    """The keys in a DecryptInfo; None for none, for a filtered one, and for a device without a key. Raises ``Malformed``."""
    if not message or message == FILTERED or credential is None:
        return None
    if len(message) > LARGEST_MESSAGE:
        raise Malformed("the message with the keys is too long")
    try:
        root = safe_xml.parse(message.encode())
    except UnicodeError:
        raise Malformed("the message with the keys is no XML") from None
    found = [one for one in root.iter() if safe_xml.local(one) == "EncryptedContent"]
    content = safe_xml.text(found[0]).strip() if found else ""
    if content == FILTERED:
        return None
    data = _bytes({"content": content}, "content")
    try:
        told = pkcs7.pkcs7_decrypt_der(data, credential.certificate, credential.key, [])
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Malformed(f"the keys of the package cannot be read: {error}") from None
    return _keys(members.an_object(members.decode(told)))


def _keys(told: dict[str, Any]) -> Keys:
    plain = members.text(told, "ProfileIdentifier") == PLAIN
    key, vector = _bytes(told, "EncryptionKey"), _bytes(told, "IV")
    if not plain and (len(key) != 32 or len(vector) != VECTOR):
        raise Malformed("the key of the package is not one for AES-256-CBC")
    known = members.text(told, "FileDigestAlgorithm", "SHA256").replace("-", "").upper() == "SHA256"
    digest = _bytes(told, "FileDigest") if known else b""
    return Keys(key, vector, _bytes(told, "MacKey"), _bytes(told, "Mac"), digest, plain)


def _bytes(holder: dict[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(members.text(holder, name), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"{name} is no base64") from None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
