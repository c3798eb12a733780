"""ROADtools' device part (protocols.md 18.5, with 3.2, 4.2 and 4.3): tokens, join, delete, device token, PRT, Hello key.

Its habits: of a join answer only ``Certificate.RawBody`` is read, everything else is printed and counts as a failure; a delete
must be a 200; ``x5c`` is a string.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.x509 import load_pem_x509_certificate
from plumbing import (
    PeerFailedError,
    Send,
    b64,
    der_of,
    from_url64,
    good,
    new_key,
    pair,
    post_form,
    request_of,
    signed_by_device,
    transport_key_blob,
    url64,
)

LOGIN = "https://login.microsoftonline.com"
DEVICE = "https://enterpriseregistration.windows.net/EnrollmentServer/device/"
KEY = "https://enterpriseregistration.windows.net/EnrollmentServer/key/"
BROKER = "29d9ed98-a469-4536-ade2-f981bc1d605e"
DRS = "urn:ms-drs:enterpriseregistration.windows.net"
REDIRECT = "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LABEL = b"AzureAD-SecureConversation"
WINDOWS = "10.0.19041.868"


class RoadtoolsClient:
    """What roadtx keeps of one device and one user."""

    def __init__(self, base_url: str, authority: str | None, send: Send) -> None:
        self.base = base_url
        self.authority = authority
        self._send = send
        self.refresh = ""
        self.prt = ""
        self.session_key = b""
        self.device: tuple[bytes, bytes] | None = None
        self.key = new_key()
        self.transport = new_key()

    def find_tenant(self, domain: str) -> dict[str, Any]:
        """The OpenID configuration of a domain."""
        url = self._there(f"{LOGIN}/{domain}/.well-known/openid-configuration")
        found: dict[str, Any] = json.loads(good(self._send("GET", url, {}, b"", None), "openid-configuration")[2])
        return found

    def signing_keys(self) -> list[dict[str, Any]]:
        """The keys that sign tokens."""
        url = self._there(LOGIN + "/common/discovery/v2.0/keys")
        found: list[dict[str, Any]] = json.loads(good(self._send("GET", url, {}, b"", None), "keys")[2])["keys"]
        return found

    def find_user(self, user: str, version: str = "2.0") -> dict[str, Any]:
        """Realm discovery."""
        url = self._there(f"{LOGIN}/common/userrealm/{user}?api-version={version}")
        found: dict[str, Any] = json.loads(good(self._send("GET", url, {}, b"", None), "userrealm")[2])
        return found

    def sign_in(self, user: str, password: str, resource: str = DRS) -> dict[str, Any]:
        """Tokens of a user by the password."""
        fields = {"client_id": BROKER, "grant_type": "password", "resource": resource, "scope": "openid"}
        return self._tokens(fields | {"username": user, "password": password})

    def renew(self, resource: str) -> dict[str, Any]:
        """Tokens by the refresh token."""
        fields = {"client_id": BROKER, "grant_type": "refresh_token", "resource": resource, "refresh_token": self.refresh}
        return self._tokens(fields)

    def join(self, token: str, name: str, version: str = "2.0") -> str:
        """Register a device; its id."""
        document = {
            "CertificateRequest": {"Type": "pkcs10", "Data": b64(request_of(self.key, "7E980AD9-B86D-4306-9425-9AC066FB014A"))},
            "TransportKey": b64(transport_key_blob(self.transport)), "TargetDomain": "iminyour.cloud.example",
            "DeviceType": "Windows", "OSVersion": WINDOWS, "DeviceDisplayName": name, "JoinType": 0,
            "attributes": {"ReuseDevice": "true", "ReturnClientSid": "true"},
        }  # fmt: skip
        headers = {
            "Authorization": f"Bearer {token}", "Content-Type": "application/json",
            "User-Agent": "Dsreg/10.0 (Windows 10.0.19044.1826)", "ocp-adrs-client-name": "Dsreg",
            "ocp-adrs-client-version": "10.0.19041.1806",
        }  # fmt: skip
        url = self._there(f"{DEVICE}?api-version={version}")
        status, _, body = self._send("POST", url, headers, json.dumps(document).encode(), None)
        answer = json.loads(body)
        if "Certificate" not in answer:
            raise PeerFailedError(f"join: HTTP {status} {answer}")
        self.device = pair(base64.b64decode(answer["Certificate"]["RawBody"]), self.key)
        return self.device_id()

    def device_id(self) -> str:
        """The common name of the device certificate."""
        subject = load_pem_x509_certificate(self._device()[0]).subject
        return str(subject.rfc4514_string().split("CN=")[1].split(",")[0])

    def delete(self) -> None:
        """Take the device back, with its certificate."""
        url = self._there(f"{DEVICE}{self.device_id()}?api-version=1.0")
        good(self._send("DELETE", url, {}, b"", self._device()), "delete")

    def register_hello_key(self, token: str) -> dict[str, Any]:
        """Register a Hello key of the user; kid and upn."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}
        document = json.dumps({"kngc": b64(transport_key_blob(new_key()))}).encode()
        url = self._there(KEY + "?api-version=1.0")
        found: dict[str, Any] = json.loads(good(self._send("POST", url, headers, document, None), "key")[2])
        return found

    def nonce(self) -> str:
        """A nonce for what is signed."""
        _, found = post_form(self._send, self._token_url(), {"grant_type": "srv_challenge"})
        return str(found["Nonce"])

    def device_token(self, resource: str, nonce: str = "") -> dict[str, Any]:
        """A token of the device itself."""
        payload = {
            "resource": resource, "client_id": BROKER, "request_nonce": nonce or self.nonce(), "win_ver": WINDOWS,
            "grant_type": "device_token", "redirect_uri": REDIRECT, "iss": "aad:brokerplugin", "scope": "openid aza ugs",
        }  # fmt: skip
        return self._tokens(self._asked(payload))

    def get_prt(self, user: str, password: str) -> None:
        """A primary refresh token by the password, and its session key."""
        payload = {
            "client_id": "38aa3b87-a06d-4817-b275-7a316988d93b", "request_nonce": self.nonce(), "scope": "openid aza ugs",
            "group_sids": [], "win_ver": WINDOWS, "grant_type": "password", "username": user, "password": password,
            "client_info": "1",
        }  # fmt: skip
        answer = self._tokens(self._asked(payload, windows_api_version="2.0"))
        self.prt = str(answer["refresh_token"])
        sealed = from_url64(answer["session_key_jwe"].split(".")[1])
        scheme = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
        self.session_key = self.transport.decrypt(sealed, scheme)

    def use_prt(self, resource: str, *, newer: bool = False) -> dict[str, Any]:
        """Tokens for a service by the PRT; the answer is encrypted with a derived key."""
        context = hashlib.sha256(self.nonce().encode()).digest()[:24]
        payload = {
            "win_ver": WINDOWS, "scope": "openid", "resource": resource, "request_nonce": self.nonce(),
            "refresh_token": self.prt, "redirect_uri": REDIRECT, "iss": "aad:brokerplugin", "grant_type": "refresh_token",
            "client_id": BROKER, "aud": "login.microsoftonline.com",
        }  # fmt: skip
        header: dict[str, Any] = {"ctx": b64(context), "alg": "HS256", "typ": "JWT"}
        body = json.dumps(payload).encode()
        if newer:
            header["kdf_ver"] = 2
            context = hashlib.sha256(context + body).digest()
        text = url64(json.dumps(header).encode()) + "." + url64(body)
        signature = hmac.new(self._derived(context), text.encode(), hashlib.sha256).digest()
        signed = f"{text}.{url64(signature)}"
        fields = {"windows_api_version": "2.2", "grant_type": GRANT, "request": signed, "client_info": "1"}
        status, _, sealed = self._send(
            "POST", self._token_url(), {"content-type": "application/x-www-form-urlencoded"}, _form(fields), None
        )
        if status != 200:
            raise PeerFailedError(f"PRT: HTTP {status} {sealed[:300]!r}")
        return self._opened(sealed.decode())

    def _opened(self, jwe: str) -> dict[str, Any]:
        parts = jwe.split(".")
        if len(parts) != 5:
            raise PeerFailedError(f"PRT: the answer is no JWE but {jwe[:60]}")
        header = json.loads(from_url64(parts[0]))
        key = self._derived(base64.b64decode(header["ctx"]))
        vector, sealed, tag = (from_url64(one) for one in parts[2:])
        if len(vector) == 12:
            opened = AESGCM(key).decrypt(vector, sealed + tag, parts[0].encode())
        else:
            decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
            remover = PKCS7(128).unpadder()
            opened = remover.update(decryptor.update(sealed) + decryptor.finalize()) + remover.finalize()
        found: dict[str, Any] = json.loads(opened)
        return found

    def _derived(self, context: bytes) -> bytes:
        derivation = KBKDFHMAC(
            algorithm=hashes.SHA256(), mode=Mode.CounterMode, length=32, rlen=4, llen=4,
            location=CounterLocation.BeforeFixed, label=LABEL, context=context, fixed=None,
        )  # fmt: skip
        return derivation.derive(self.session_key)

    def _asked(self, payload: dict[str, Any], windows_api_version: str = "2.2") -> dict[str, str]:
        header = {"alg": "RS256", "typ": "JWT", "x5c": b64(der_of(self._device()))}
        return {
            "windows_api_version": windows_api_version,
            "grant_type": GRANT,
            "request": signed_by_device(header, payload, self._device_key()),
        }

    def _tokens(self, fields: dict[str, str]) -> dict[str, Any]:
        status, answer = post_form(self._send, self._token_url(), fields)
        if status != 200:
            raise PeerFailedError(f"token: HTTP {status} {answer.get('error')} {answer.get('error_description')}")
        if "session_key_jwe" not in answer:
            self.refresh = answer.get("refresh_token", self.refresh)
        return answer

    def _token_url(self) -> str:
        return self._there(LOGIN + "/common/oauth2/token")

    def _device(self) -> tuple[bytes, bytes]:
        if self.device is None:
            raise PeerFailedError("no device certificate")
        return self.device

    def _device_key(self) -> rsa.RSAPrivateKey:
        return self.key

    def _there(self, url: str) -> str:
        parts = urlsplit(url)
        return f"{self.base}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def _form(fields: dict[str, str]) -> bytes:
    return urlencode(fields).encode()
