"""The session key of a primary refresh token: wrapped for the device, derived for each message, used on both sides (3.2)."""

from __future__ import annotations

import base64
import secrets
from hashlib import sha256
from typing import Any

import jwt
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode

from autopilot_agent.errors import Malformed
from autopilot_agent.wire import members

LABEL = b"AzureAD-SecureConversation"
CONTEXT = 24
"""Bytes of a context that we make."""
NONCE, TAG = 12, 16
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # as the protocol has it


class Signed(msgspec.Struct):
    """A signed message that nobody has checked yet: its header, and its payload as bytes and as an object."""

    header: dict[str, Any]
    body: bytes
    payload: dict[str, Any]


def opened(text: str) -> Signed:
    """The parts of a JWT. Raises ``Malformed``."""
    try:
        found = jwt.PyJWS().decode_complete(text, options={"verify_signature": False})
        payload = members.decode(found["payload"])
    except (jwt.PyJWTError, Malformed, ValueError, RecursionError) as error:
        raise Malformed(f"the signed request cannot be read: {error}") from None
    if not isinstance(payload, dict):
        raise Malformed("the signed request holds no object")
    return Signed(found["header"], found["payload"], payload)


def signs(text: str, key: Any, algorithm: str) -> bool:
    """Whether a key signed a JWT."""
    try:
        jwt.PyJWS().decode_complete(text, key, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return False
    return True


def derived(session: bytes, context: bytes, body: bytes = b"", version: int = 1) -> bytes:
    """The key of one message: SP 800-108 in counter mode. The second version ties it to the payload's bytes."""
    whole = sha256(context + body).digest() if version == 2 else context
    return KBKDFHMAC(
        algorithm=hashes.SHA256(), mode=Mode.CounterMode, length=32, rlen=4, llen=4, location=CounterLocation.BeforeFixed,
        label=LABEL, context=whole, fixed=None,
    ).derive(session)  # fmt: skip


def signed_request(payload: dict[str, Any], session: bytes, context: bytes) -> str:
    """A request that a derived key signs (second version)."""
    body = msgspec.json.encode(payload)
    headers = {"ctx": base64.b64encode(context).decode(), "kdf_ver": 2}
    return jwt.PyJWS().encode(body, derived(session, context, body, 2), "HS256", headers=headers)


def context_of(header: dict[str, Any]) -> bytes:
    """``ctx`` of a header; raises ``Malformed``."""
    found = header.get("ctx")
    if not isinstance(found, str) or not 0 < len(found) <= 200:
        raise Malformed("the header names no context")
    return _bytes(found)


def wrapped(session: bytes, key: rsa.RSAPublicKey) -> str:
    """``session_key_jwe``: the session key is the content key of a JWE without content."""
    header = _part(b'{"enc":"A256GCM","alg":"RSA-OAEP"}')
    return _sealed(header, key.encrypt(session, _OAEP), session, b"")


def unwrapped(text: str, key: rsa.RSAPrivateKey) -> bytes:
    """The session key in such a text; raises ``Malformed``."""
    parts = text.split(".")
    if len(parts) != 5:
        raise Malformed("the session key is no JWE")
    try:
        return key.decrypt(_bytes(parts[1]), _OAEP)
    except ValueError:
        raise Malformed("the session key is not for the transport key of this device") from None


def encrypted(answer: dict[str, Any], session: bytes) -> bytes:
    """An answer that only the holder of the session key reads."""
    context = secrets.token_bytes(CONTEXT)
    fields = {"alg": "dir", "enc": "A256GCM", "ctx": base64.b64encode(context).decode(), "kid": "session"}
    return _sealed(_part(msgspec.json.encode(fields)), b"", derived(session, context), msgspec.json.encode(answer)).encode()


def decrypted(data: bytes, session: bytes) -> bytes:
    """The JSON in such an answer; raises ``Malformed``."""
    try:
        header, _, nonce, content, tag = data.decode("ascii").split(".")
        fields = msgspec.json.decode(_bytes(header))
        key = derived(session, context_of(fields if isinstance(fields, dict) else {}))
        return AESGCM(key).decrypt(_bytes(nonce), _bytes(content) + _bytes(tag), header.encode())
    except (ValueError, InvalidTag, msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"the answer is not encrypted for this device: {type(error).__name__}") from None


def _sealed(header: str, key: bytes, content_key: bytes, content: bytes) -> str:
    nonce = secrets.token_bytes(NONCE)
    whole = AESGCM(content_key).encrypt(nonce, content, header.encode())
    return ".".join((header, _part(key), _part(nonce), _part(whole[:-TAG]), _part(whole[-TAG:])))


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Base64 of either alphabet, with or without padding; raises ``Malformed``."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise Malformed("a part of the message is no base64") from None
