"""What of an exchange may be kept in a file: everything but passwords, tokens that still open something, and private keys.

A token keeps what it says and loses its signature, so whoever reads it (a device reads its user's name there) still can, and
nobody can use it. Certificates are public and stay.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from autopilot_agent.errors import Malformed
from autopilot_agent.wire import safe_xml
from autopilot_agent.wire.http import FORM, Request, Response

FILTERED = "[filtered]"
WRONG = "[filtered, wrong]"
"""Instead of a server's credentials that the device does not believe: it could not tell afterwards."""
HEADERS = ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-device-token", "devicetoken")
FIELDS = (
    "password", "refresh_token", "client_secret", "assertion", "session_key_jwe", "decryptinfo", "encryptionkey", "mackey",
    "proof", "secret", "sharedkey", "flowtoken", "msa_ddid", "msa-ddid",
)  # fmt: skip
"""Fields of forms and of JSON whose values are secrets, in lower case."""
NODES = ("/password", "/pfxcertpassword", "/pfxcertblob", "/challenge", "/aauthsecret")
"""Ends of LocURIs whose data is a secret."""
BLOB = "offlinedomainjoin/blob"
_TOKEN = re.compile(r"(eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.)[A-Za-z0-9_-]{20,}(\.[A-Za-z0-9_-]+)*")
_KEY_MATERIAL = re.compile(r"(keyMaterial(?:>|&gt;))(.*?)((?:<|&lt;)/)", re.DOTALL)
_PASSWORD = re.compile(r"<(?:[\w.-]+:)?Password\b[^>]*>([^<]*)<")
_MACHINE_PASSWORD = 2
"""Number of the string in a domain join blob that is the computer's password."""


def request(one: Request, secrets: tuple[str, ...] = ()) -> Request:
    """A request fit to be kept; ``secrets`` are words that must not be in it anywhere."""
    return Request(one.method, words(one.url, secrets), headers(one.headers, secrets), body(one.headers, one.body, secrets),
                   one.certificate)  # fmt: skip


def response(one: Response, secrets: tuple[str, ...] = (), credentials: str = FILTERED) -> Response:
    """The same of a response; ``credentials`` stands where a SyncML message has them."""
    return Response(one.status, headers(one.headers, secrets), body(one.headers, one.body, secrets, credentials))


def typed(one: Request) -> str:
    """Three digits for everything that a person typed and that is not kept: enough to see that it is another word.

    They are the same in every recording, so that many of them tell no more of a password than one does: a thousandth of all
    words has the same three.
    """
    said = [value for _, value in _typed(one)]
    return " ".join(f"{int.from_bytes(sha256(b'typed ' + word.encode()).digest()[:8], 'big') % 1000:03}" for word in said)


def _typed(one: Request) -> Iterator[tuple[str, str]]:
    """Passwords and proofs of a request, each with the name it has there."""
    kind = next((value for name, value in one.headers.items() if name.lower() == "content-type"), "").casefold()
    if kind.startswith(FORM):
        found = parse_qsl(one.body.decode("utf-8", "replace"), keep_blank_values=True)
    else:
        found = [("Password", html.unescape(word)) for word in _PASSWORD.findall(one.body.decode("utf-8", "replace"))]
    for value in one.headers.values():
        if value.startswith('{"proof":"'):
            found.append(("proof", value))
    return ((name, value) for name, value in found if name.lower() in ("password", "proof"))


def headers(found: dict[str, str], secrets: tuple[str, ...] = ()) -> dict[str, str]:
    """Headers without secrets; those that hold JSON lose only what is secret in it."""
    kept: dict[str, str] = {}
    for name, value in found.items():
        if name.lower() in HEADERS:
            word = value.partition(" ")[0] if name.lower().endswith("authorization") else ""
            kept[name] = f"{word} {FILTERED}".strip()
        elif value.startswith("{"):
            kept[name] = words(_json(value.encode()).decode(), secrets)
        else:
            kept[name] = words(value, secrets)
    return kept


def body(found: dict[str, str], data: bytes, secrets: tuple[str, ...] = (), credentials: str = FILTERED) -> bytes:
    """A body without secrets, read by what its header says it is. What cannot be read only loses ``secrets`` and tokens."""
    if not data:
        return data
    kind = next((value for name, value in found.items() if name.lower() == "content-type"), "").casefold()
    if kind.startswith(FORM):
        data = _form(data)
    elif "json" in kind:
        data = _json(data)
    elif "xml" in kind:
        data = _xml(data, credentials)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    return words(text, secrets).encode()


def words(text: str, secrets: tuple[str, ...] = ()) -> str:
    """A text without signatures of tokens, Wi-Fi keys and the given secrets."""
    text = _KEY_MATERIAL.sub(rf"\1{FILTERED}\3", _TOKEN.sub(rf"\1{FILTERED}", text))
    for secret in secrets:
        if len(secret) > 3:
            text = text.replace(secret, FILTERED)
    return text


def _form(data: bytes) -> bytes:
    pairs = parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True)
    return urlencode([(name, FILTERED if name.lower() in (*FIELDS, "request") else value) for name, value in pairs]).encode()


def _json(data: bytes) -> bytes:
    try:
        return msgspec.json.encode(_without(msgspec.json.decode(data)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: FILTERED if name.lower() in FIELDS and one else _without(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without(one) for one in value]
    if isinstance(value, str) and value[:1] in "{[" and len(value) > 2:  # JSON in JSON, as the extension's gateway has it
        return _json(value.encode()).decode()
    return value


def _xml(data: bytes, credentials: str = FILTERED) -> bytes:
    try:
        root = safe_xml.parse(data, largest=64_000_000)
    except Malformed:
        return data
    for one in root.iter():
        name = safe_xml.local(one)
        if name == "Password" or (name == "parm" and one.get("name", "").upper() == "AAUTHSECRET"):
            _blank(one)
        elif name == "BinarySecurityToken":
            _security_token(one)
        elif name == "Cred":
            _blank(safe_xml.child(one, "Data"), credentials)
        elif name == "Item":
            _item(one)
    return safe_xml.serialize(root)


def _blank(one: safe_xml.Element | None, by: str = FILTERED) -> None:
    if one is None:
        return
    if one.get("value") is not None:
        one.set("value", by)
    if one.text:
        one.text = by


def _security_token(one: safe_xml.Element) -> None:
    """Documents and certificate requests stay, without the secrets in them; everything else opens something."""
    kind, text = one.get("ValueType", ""), one.text or ""
    if kind.endswith("#PKCS10") or kind.endswith("#PKCS7"):
        return
    if not kind.endswith("DeviceEnrollmentProvisionDoc"):
        one.text = FILTERED
        return
    try:
        one.text = base64.b64encode(_xml(base64.b64decode(text))).decode()
    except (binascii.Error, ValueError):
        one.text = FILTERED


def _item(one: safe_xml.Element) -> None:
    uris = [safe_xml.text(safe_xml.child(one, side, "LocURI")).casefold() for side in ("Target", "Source")]
    data = safe_xml.child(one, "Data")
    if data is None or not data.text:
        return
    if any(uri.endswith(NODES) for uri in uris):
        data.text = FILTERED
    elif any(uri.endswith(BLOB) for uri in uris):
        data.text = _domain_blob(data.text)


def _domain_blob(text: str) -> str:
    """A domain join blob whose third string, the computer's password, is made of stars (layout: protocols.md 5)."""
    try:
        data = bytearray(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return FILTERED
    at = 0xC0
    for number in range(_MACHINE_PASSWORD + 1):
        count = 2 * int.from_bytes(data[at : at + 4], "little")
        if not count or at + 12 + count > len(data):
            return FILTERED
        if number == _MACHINE_PASSWORD:
            data[at + 12 : at + 12 + count] = "*".encode("utf-16-le") * (count // 2)
        at += 12 + count + -count % 4
    return base64.b64encode(data).decode()
