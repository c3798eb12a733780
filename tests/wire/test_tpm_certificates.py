"""Certificates of a TPM's keys over the wire."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7
from entra_server import device, served, stranger
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.attestation import (
    AnswerAikChallenge,
    FetchAmdEkCertificate,
    FetchIntelEkCertificate,
    FetchQualcommEkCertificate,
    RequestAikCertificate,
)
from autopilot_agent.wire import attestation
from autopilot_agent.wire.http import Response
from autopilot_agent.wire.wallet import Wallet

SCEP = "/templates/Aik/scep"
VENDORS = (FetchIntelEkCertificate, FetchQualcommEkCertificate, FetchAmdEkCertificate)


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize("key", ["INTC 5CG0000001", "a/b?c", "ü"])
def test_a_vendor_has_a_certificate_for_every_key_it_burnt_in(kind: Any, key: str) -> None:
    assert device(served()).send(kind(key), now=0).certificate == f"EK {key}"


@pytest.mark.parametrize("kind", VENDORS)
def test_a_vendor_has_none_for_a_key_that_it_does_not_know(kind: Any) -> None:
    with pytest.raises(ServiceFault, match="0x80190194"):
        device(served()).send(kind(""), now=0)


def test_an_attestation_key_gets_its_certificate_in_two_rounds() -> None:
    backend = device(served())
    challenge = backend.send(RequestAikCertificate("EK x", "INTC", "600.18"), now=0)
    assert challenge.credential == "credential for EK x"
    assert backend.send(AnswerAikChallenge("secret of EK x"), now=0).certificate.startswith("AIK ")


@pytest.mark.parametrize("call", [RequestAikCertificate("", "INTC", "600.18"), AnswerAikChallenge("guess")])
def test_a_wrong_round_is_a_bad_request(call: Any) -> None:
    with pytest.raises(ServiceFault, match="0x80190190"):
        device(served()).send(call, now=0)


def test_the_authority_says_what_it_can_and_who_it_is() -> None:
    client = stranger(served())
    said = client.get(f"{SCEP}?operation=GetCACaps").text.splitlines()
    assert said[0] == "SHA-256" and "IdentityKeyAttestation" in said
    chain = client.get(f"{SCEP}?operation=GetCACertChain&message=default").data
    assert len(pkcs7.load_der_pkcs7_certificates(chain)) == 1
    assert client.get(f"{SCEP}?operation=Other").status_code == 400
    assert client.post(f"{SCEP}?operation=Other", data="{}").status_code == 400


def test_a_certificate_that_is_no_text_is_kept_as_base64() -> None:
    flow = attestation.fetch(FetchIntelEkCertificate("x"), Wallet())
    next(flow)
    with pytest.raises(StopIteration) as end:
        flow.send(Response(200, {}, b"\x30\x82\xff"))
    assert end.value.value.certificate == "MIL/"


def test_an_authority_that_cannot_attest_is_not_used() -> None:
    flow = attestation.request_aik(RequestAikCertificate("EK", "INTC", "1"), Wallet())
    next(flow)
    with pytest.raises(Malformed):
        flow.send(Response(200, {}, b"SHA-256\nAES128"))


@given(
    st.dictionaries(
        st.sampled_from(["messageType", "secret", "ekCertificate"]), st.none() | st.text(max_size=3) | st.integers()
    )
)
def test_any_message_has_an_answer(body: dict[str, Any]) -> None:
    assert stranger(SERVED).post(f"{SCEP}?operation=PKIOperation", json=body).status_code == 400


SERVED = served()


@given(st.binary(max_size=30))
def test_any_answer_is_read_or_refused(body: bytes) -> None:
    flow = attestation.answer_challenge(AnswerAikChallenge("x"), Wallet())
    next(flow)
    with pytest.raises((Malformed, ServiceFault)):
        flow.send(Response(200, {}, body))
