"""A served small tenant for tests, a device of ours without private headers, and a stranger's plain HTTP client."""

from __future__ import annotations

import base64
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from werkzeug.test import Client, TestResponse

from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.testing.in_process import InProcessNet, one_authority
from autopilot_agent.testing.small import USER, small_state
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.wallet import Wallet

NOW = 1_800_000_000.0
BROKER = "29d9ed98-a469-4536-ade2-f981bc1d605e"
DRS = "urn:ms-drs:enterpriseregistration.windows.net"
TOKEN = "/common/oauth2/token"
JOIN = "/EnrollmentServer/device/?api-version=2.0"
KEYS = KeySource(pooled=True)


def served(changes: dict[str, object] | None = None, clock: Any = lambda: NOW) -> Application:
    return Application(TenantDesk(small_state(changes or {}), one_authority()), clock=clock)


def device(application: Application, *, private: bool = False) -> HttpBackend:
    return HttpBackend(InProcessNet(application), Wallet(KEYS, private=private))


def stranger(application: Application) -> Client:
    return Client(application)


def password_form(user: str = USER, password: str = "right password", **more: str) -> dict[str, str]:
    return {
        "grant_type": "password", "client_id": BROKER, "resource": DRS, "scope": "openid", "username": user,
        "password": password, **more,
    }  # fmt: skip


def token_of(client: Client, user: str = USER, resource: str = DRS) -> dict[str, Any]:
    answer = client.post(TOKEN, data=password_form(user, resource=resource))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def request_of(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "7E980AD9-B86D-4306-9425-9AC066FB014A")])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.DER)


def blob_of(key: rsa.RSAPublicKey) -> bytes:
    numbers = key.public_numbers()
    exponent, modulus = numbers.e.to_bytes(3, "big"), numbers.n.to_bytes(key.key_size // 8, "big")
    sizes = (key.key_size, len(exponent), len(modulus), 0, 0)
    return b"RSA1" + b"".join(one.to_bytes(4, "little") for one in sizes) + exponent + modulus


def join_body(key: rsa.RSAPrivateKey, transport: rsa.RSAPrivateKey, **more: Any) -> dict[str, Any]:
    return {
        "CertificateRequest": {"Type": "pkcs10", "Data": b64(request_of(key))},
        "TransportKey": b64(blob_of(transport.public_key())),
        "TargetDomain": "contoso.example",
        "DeviceType": "Windows",
        "OSVersion": "10.0.26100.1742",
        "DeviceDisplayName": "LAB-4711",
        "JoinType": 0,
        "attributes": {"ReuseDevice": "true", "ReturnClientSid": "true"},
        **more,
    }


def joined(
    client: Client, token: str = "", key: str = "device"
) -> tuple[x509.Certificate, rsa.RSAPrivateKey, rsa.RSAPrivateKey]:
    """A stranger joins: its certificate, the key of that, and the transport key."""
    own, transport = KEYS.make("stranger", key), KEYS.make("stranger", "transport")
    answer = client.post(JOIN, json=join_body(own, transport), headers=bearer(token or token_of(client)["access_token"]))
    assert answer.status_code == 200, answer.text
    raw = base64.b64decode(answer.json["Certificate"]["RawBody"])
    return x509.load_der_x509_certificate(raw), own, transport


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def shown(certificate: x509.Certificate) -> dict[str, str]:
    """What a TLS server puts into the environment of a request for a client's certificate."""
    return {"SSL_CLIENT_CERT": certificate.public_bytes(Encoding.PEM).decode()}


def error_of(answer: TestResponse) -> str:
    """The AADSTS number of an OAuth error."""
    said: str = answer.json["error_description"]
    return said.partition(":")[0]
