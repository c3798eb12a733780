"""TPM attestation before the join (protocols.md 6): certificates of endorsement keys, and of the attestation key.

The hosts and paths are those of the real services. The certificate service of the attestation key speaks SCEP; its capabilities
and its certificates are asked for here as there, but the messages in between are JSON of our own with the same message types,
because a simulated TPM has nothing to sign with. So certificates are texts here, and no real authority understands them.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.attestation import (
    AikCertificate,
    AikChallenge,
    AnswerAikChallenge,
    EkCertificate,
    FetchAmdEkCertificate,
    FetchIntelEkCertificate,
    FetchQualcommEkCertificate,
    RequestAikCertificate,
)
from autopilot_agent.service.base import Call
from autopilot_agent.wire import claims
from autopilot_agent.wire.http import Desk, Flow, Flows, Incoming, Request, Response, Route, refused, status_of
from autopilot_agent.wire.wallet import Wallet

SCEP_HOST, SCEP = "tpm-keyid.microsoftaik.azure.net", "/templates/Aik/scep"
MESSAGE = "application/x-pki-message"
CAPABILITIES = (
    "SHA-256", "SHA-1", "AES256", "AES128", "DES3", "POSTPKIOperation", "IdentityKeyAttestation", "GetCaCertChain",
)  # fmt: skip
REQUEST, ANSWER, CHALLENGE_ANSWER = 19, 3, 41
"""Message types."""
GRANTED, CHALLENGED = 0, 11
"""Values of ``pkiStatus``."""
VENDORS: dict[type[Call[Any]], str] = {
    FetchIntelEkCertificate: "/ekcertservice",
    FetchQualcommEkCertificate: "/EKCertificate/GetEKCertificate/v1",
    FetchAmdEkCertificate: "/pki/aia",
}
"""The paths of the vendors' services; the key follows as a last part."""


def fetch(call: Any, wallet: Wallet) -> Flow[EkCertificate]:
    """Ask the vendor for the certificate of a key."""
    key = base64.urlsafe_b64encode(call.endorsement_key.encode()).decode().rstrip("=")
    response = yield Request("GET", f"https://{call.host}{VENDORS[type(call)]}/{key}")
    if not response.good:
        raise refused(response)
    return EkCertificate(_text(response.body))


def _text(data: bytes) -> str:
    """A certificate as the device keeps it: a text of ours, or base64 of a real one. Raises ``Malformed`` for nothing."""
    if not data or len(data) > 20_000:
        raise Malformed("the answer is no certificate")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode()


def request_aik(call: RequestAikCertificate, wallet: Wallet) -> Flow[AikChallenge]:
    """Look what the authority can do, get its certificates, send the first message."""
    response = yield Request("GET", _url("GetCACaps"))
    if not response.good:
        raise refused(response)
    if "identitykeyattestation" not in response.body[:2000].decode("latin-1").casefold().split():
        raise Malformed("the authority does not attest identity keys")
    response = yield Request("GET", f"{_url('GetCACertChain')}&message=default")
    if not response.good:
        raise refused(response)
    said = {"ekCertificate": call.endorsement_certificate, "vendor": call.vendor, "firmware": call.firmware}
    response = yield _message(REQUEST, said)
    return AikChallenge(_answer(response, CHALLENGED, "credential"))


def answer_challenge(call: AnswerAikChallenge, wallet: Wallet) -> Flow[AikCertificate]:
    """Send what the TPM decrypted."""
    response = yield _message(CHALLENGE_ANSWER, {"secret": call.secret})
    return AikCertificate(_answer(response, GRANTED, "certificate"))


def _url(operation: str) -> str:
    return f"https://{SCEP_HOST}{SCEP}?operation={operation}"


def _message(kind: int, said: dict[str, str]) -> Request:
    body = msgspec.json.encode({"messageType": kind, **said})
    return Request("POST", _url("PKIOperation"), {"content-type": MESSAGE}, body)


def _answer(response: Response, status: int, name: str) -> str:
    """A member of a good answer. Raises ``ServiceFault`` or ``Malformed``."""
    if not response.good:
        raise refused(response)
    body = response.json()
    if body.get("messageType") != ANSWER or body.get("pkiStatus") != status:
        raise Malformed("the authority answers with another message than the one that is due")
    found = claims.text(body, name)
    if not found:
        raise Malformed(f"the authority's answer holds no {name}")
    return found


def _serve_vendor(kind: type[Call[Any]]) -> Any:
    """The route of one vendor."""

    def serve(incoming: Incoming, desk: Desk) -> Response:
        text = incoming.parameters.get("key", "")
        try:
            key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        except ValueError:
            raise Malformed("the name of the key is no base64") from None
        found: EkCertificate = desk.answer(kind(key), incoming)
        return Response(200, {"content-type": "application/octet-stream"}, found.certificate.encode())

    return serve


def describe(incoming: Incoming, desk: Desk) -> Response:
    """What the authority can do, and its certificate as PKCS#7."""
    operation = incoming.query.get("operation", "").casefold()
    if operation == "getcacaps":
        return Response(200, {"content-type": "text/plain"}, "\r\n".join(CAPABILITIES).encode())
    if operation in ("getcacertchain", "getcacert"):
        chain = pkcs7.serialize_certificates([desk.authority.certificate], Encoding.DER)
        return Response(200, {"content-type": "application/x-x509-ca-ra-cert-chain"}, chain)
    raise Malformed("there is no such operation")


def operate(incoming: Incoming, desk: Desk) -> Response:
    """The two rounds of an enrolment."""
    if incoming.query.get("operation", "").casefold() != "pkioperation":
        raise Malformed("there is no such operation")
    body = incoming.json()
    kind = body.get("messageType")
    if kind == REQUEST:
        call = RequestAikCertificate(*(claims.text(body, name) for name in ("ekCertificate", "vendor", "firmware")))
        return _answered(CHALLENGED, "credential", desk.answer(call, incoming).credential)
    if kind == CHALLENGE_ANSWER:
        answer = desk.answer(AnswerAikChallenge(claims.text(body, "secret")), incoming)
        return _answered(GRANTED, "certificate", answer.certificate)
    raise Malformed("the message is neither a request nor the answer to a challenge")


def _answered(status: int, name: str, value: str) -> Response:
    body = msgspec.json.encode({"messageType": ANSWER, "pkiStatus": status, name: value})
    return Response(200, {"content-type": MESSAGE}, body)


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """The status alone."""
    return Response(status_of(fault.code))


FLOWS: Flows = {
    **dict.fromkeys(VENDORS, fetch),
    RequestAikCertificate: request_aik,
    AnswerAikChallenge: answer_challenge,
}
ROUTES = (
    *(Route("GET", f"{path}/<key>", _serve_vendor(kind), refuse, "EK certificate") for kind, path in VENDORS.items()),
    *(Route("GET", path, _serve_vendor(kind), refuse, "EK certificate") for kind, path in VENDORS.items()),
    Route("GET", SCEP, describe, refuse, "SCEP"),
    Route("POST", SCEP, operate, refuse, "SCEP", 100_000),
)
