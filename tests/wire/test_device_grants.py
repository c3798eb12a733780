"""Tokens by a device's own key, asked for as public clients do: the peer here is written from protocols.md 3.2 alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding
from entra_server import DRS, KEYS, NOW, TOKEN, b64, device, error_of, joined, served, shown, stranger, token_of
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.domain import GetUserToken
from autopilot_agent.service.entra import JoinDevice, SignIn
from autopilot_agent.testing.small import TENANT_ID, USER, USER_ID
from autopilot_agent.wire import claims, clients, session_keys
from autopilot_agent.wire.authority import name_of

BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CONTEXT = bytes(range(24))


class Peer:
    """A joined stranger."""

    def __init__(self, clock: Any = lambda: NOW) -> None:
        self.client: Client = stranger(served(clock=clock))
        self.certificate, self.key, self.transport = joined(self.client)

    def nonce(self) -> str:
        found: str = self.client.post(TOKEN, data={"grant_type": "srv_challenge"}).json["Nonce"]
        return found

    def ask(self, payload: dict[str, Any], **more: Any) -> Any:
        header = {"x5c": b64(self.certificate.public_bytes(Encoding.DER)), "kdf_ver": 2, **more}
        text = jwt.encode({"request_nonce": self.nonce(), **payload}, self.key, algorithm="RS256", headers=header)
        return self.send(text)

    def send(self, text: str) -> Any:
        return self.client.post(TOKEN, data={"grant_type": BEARER, "windows_api_version": "2.2", "request": text})

    def primary(self, **more: Any) -> tuple[str, bytes]:
        payload = {"grant_type": "password", "username": USER, "password": "right password", "scope": "openid aza ugs", **more}
        answer = self.ask(payload).json
        wrapped = unpadded(answer["session_key_jwe"].split(".")[1])
        oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
        return answer["refresh_token"], self.transport.decrypt(wrapped, oaep)

    def use(self, token: str, session: bytes, version: int = 2, **more: Any) -> Any:
        payload = {
            "refresh_token": token,
            "request_nonce": self.nonce(),
            "grant_type": "refresh_token",
            "resource": DRS,
            **more,
        }
        body = json.dumps(payload).encode()
        context = hashlib.sha256(CONTEXT + body).digest() if version == 2 else CONTEXT
        header = {"ctx": b64(CONTEXT), "kdf_ver": version}
        return self.send(jwt.PyJWS().encode(body, derived(session, context), "HS256", headers=header))


def derived(session: bytes, context: bytes) -> bytes:
    """SP 800-108, one round: counter, label, zero, context, length in bits."""
    fixed = b"\0\0\0\1" + b"AzureAD-SecureConversation" + b"\0" + context + (256).to_bytes(4, "big")
    return hmac.new(session, fixed, hashlib.sha256).digest()


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def opened(data: str, session: bytes) -> dict[str, Any]:
    header, _, nonce, content, tag = data.split(".")
    context = base64.b64decode(json.loads(unpadded(header))["ctx"])
    key = AESGCM(derived(session, context))
    found: dict[str, Any] = json.loads(key.decrypt(unpadded(nonce), unpadded(content) + unpadded(tag), header.encode()))
    return found


def read(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def test_a_device_gets_a_token_of_its_own() -> None:
    peer = Peer()
    answer = peer.ask({"grant_type": "device_token", "resource": claims.ENROLMENT, "iss": "aad:brokerplugin"})
    said = read(answer.json["access_token"])
    assert (said["deviceid"], said["aud"], said["tid"]) == (name_of(peer.certificate), claims.ENROLMENT, TENANT_ID)


def test_a_nonce_is_good_once_and_for_five_minutes() -> None:
    moments = [NOW]
    peer = Peer(clock=lambda: moments[0])
    nonce = peer.nonce()
    wanted = {"grant_type": "device_token", "request_nonce": nonce}
    assert peer.ask(wanted).status_code == 200
    assert "used before" in peer.ask(wanted).json["error_description"]
    late = peer.nonce()
    moments[0] += 301
    assert "expired" in peer.ask({"grant_type": "device_token", "request_nonce": late}).json["error_description"]
    assert peer.ask({"grant_type": "device_token", "request_nonce": token_of(peer.client)["access_token"]}).status_code == 400


def test_a_request_that_another_key_signed_is_refused() -> None:
    peer = Peer()
    other = next(key for key in (KEYS.make(str(number)) for number in range(99)) if key.public_key() != peer.key.public_key())
    peer.key = other
    assert error_of(peer.ask({"grant_type": "device_token"})) == "AADSTS50155"


def test_a_device_that_left_gets_nothing_any_more() -> None:
    peer = Peer()
    token, session = peer.primary()
    path = f"/EnrollmentServer/device/{name_of(peer.certificate)}?api-version=1.0"
    assert peer.client.delete(path, environ_overrides=shown(peer.certificate)).status_code == 200
    assert error_of(peer.ask({"grant_type": "device_token"})) == "AADSTS700003"
    assert error_of(peer.use(token, session)) == "AADSTS700003"


@pytest.mark.parametrize("version", [1, 2])
def test_a_primary_refresh_token_is_used_with_its_session_key(version: int) -> None:
    peer = Peer()
    token, session = peer.primary()
    answer = peer.use(token, session, version)
    assert answer.status_code == 200, answer.text
    said = read(opened(answer.text, session)["access_token"])
    assert (said["upn"], said["aud"], said["deviceid"]) == (USER, DRS, name_of(peer.certificate))


def test_a_refresh_token_becomes_a_primary_one() -> None:
    peer = Peer()
    token, session = peer.primary(grant_type="refresh_token", refresh_token=token_of(peer.client)["refresh_token"])
    assert peer.use(token, session).status_code == 200


def test_a_primary_refresh_token_without_its_session_key_is_worth_nothing() -> None:
    peer = Peer()
    token, _ = peer.primary()
    assert error_of(peer.use(token, bytes(32))) == "AADSTS50155"
    plain = {"grant_type": "refresh_token", "client_id": "x", "refresh_token": token}
    assert error_of(peer.client.post(TOKEN, data=plain)) == "AADSTS70000"


def test_a_wrong_password_gives_no_primary_refresh_token() -> None:
    answer = Peer().ask({"grant_type": "password", "username": USER, "password": "wrong"})
    assert error_of(answer) == "AADSTS50126"


def test_a_hello_key_is_not_supported_yet() -> None:
    assert error_of(Peer().ask({"grant_type": BEARER, "assertion": "x"})) == "AADSTS70003"


@pytest.mark.parametrize("x5c", [None, 7, "", "AAAA", [], [None]])
def test_a_request_without_a_readable_certificate_is_refused(x5c: Any) -> None:
    assert Peer.ask(SERVED, {"grant_type": "device_token"}, x5c=x5c).status_code == 400


SERVED = Peer()
TEXTS = st.text(st.sampled_from("abcAZ09._-=+/"), max_size=40)


@given(TEXTS | st.tuples(TEXTS, TEXTS, TEXTS).map(".".join))
def test_any_signed_request_has_an_answer(text: str) -> None:
    assert SERVED.send(text).status_code == 400


@given(st.dictionaries(st.sampled_from(["ctx", "kdf_ver", "x"]), st.none() | st.integers() | TEXTS), st.integers(0, 2))
def test_any_header_has_an_answer(header: dict[str, Any], which: int) -> None:
    body = json.dumps({"refresh_token": PRIMARY[0] if which else "x"}).encode()
    answer = SERVED.send(jwt.PyJWS().encode(body, bytes(32), "HS256", headers=header))
    assert answer.status_code == 400


PRIMARY = SERVED.primary()


def test_a_domain_user_gets_a_token_by_the_devices_key_and_uses_it() -> None:
    backend = device(served())
    backend.send(SignIn(USER, "right password"), now=0)
    joined_as = backend.send(JoinDevice(USER_ID, TENANT_ID, "PC-1", "10.0.26100.1742"), now=0)
    backend.wallet.users[USER_ID].access.clear()
    found = backend.send(GetUserToken(USER, joined_as.device_id), now=0)
    assert (found.user_id, found.user_name) == (USER_ID, USER)
    wallet = backend.wallet
    assert wallet.users[USER_ID].session and not wallet.users[USER_ID].access
    flow, response = clients.user_token(wallet, USER_ID, claims.MANAGEMENT), None
    try:
        while True:
            response = backend.net.send(flow.send(response), wallet)  # type: ignore[arg-type]
    except StopIteration as end:
        assert read(end.value)["deviceid"] == joined_as.device_id


def test_a_device_without_its_certificate_cannot_get_a_users_token_from_a_foreign_server() -> None:
    with pytest.raises(ServiceFault, match="AADSTS900144"):
        device(served()).send(GetUserToken(USER, "x"), now=0)


def test_what_is_deeply_nested_is_malformed() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 50_000).decode().rstrip("=")
    with pytest.raises(Malformed):
        session_keys.decrypted(f"{deep}.a.b.c.d".encode(), bytes(32))
    assert SERVED.send(f"{deep}.{deep}.a").status_code == 400
    plain = {"grant_type": "refresh_token", "client_id": "x", "refresh_token": f"{deep}.{deep}.a"}
    assert SERVED.client.post(TOKEN, data=plain).status_code == 400


@given(st.binary(min_size=32, max_size=32), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_an_answer_survives_its_encryption(session: bytes, body: dict[str, str]) -> None:
    data = session_keys.encrypted(body, session)
    assert json.loads(session_keys.decrypted(data, session)) == body
    with pytest.raises(Malformed):
        session_keys.decrypted(data[:-3] + b"AAA" if not data.endswith(b"AAA") else data[:-3] + b"BBB", session)


@given(
    st.binary(max_size=60)
    | TEXTS.map(str.encode)
    | st.lists(TEXTS, min_size=5, max_size=5).map(lambda all: ".".join(all).encode())
)
def test_any_bytes_are_an_encrypted_answer_or_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        session_keys.decrypted(data, bytes(32))
    with pytest.raises(Malformed):
        session_keys.unwrapped(data.decode("latin-1"), KEYS.make("x"))
