"""Renewal of the MDM certificate: the device's flow, the server's checks, and answers that are lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from enrolment_peer import AUTHORITY, Served, run, stranger_wallet
from msgspec import structs

from autopilot_agent.backends.http import HttpBackend
from autopilot_agent.errors import ServiceFault
from autopilot_agent.testing.samples import enrol_call
from autopilot_agent.wire import clients, cms, pkcs10, renewal, soap, soap_faults, wstep
from autopilot_agent.wire.authority import common_name, der, moment, name_of, thumbprint
from autopilot_agent.wire.http import Incoming, Request, Response
from autopilot_agent.wire.keys import KeySource
from autopilot_agent.wire.wallet import Credential, Wallet


def enrolled(days: int = 30) -> tuple[Served, Wallet]:
    """A device whose certificate ends in some days."""
    served, wallet = Served(), stranger_wallet()
    HttpBackend(served.net, wallet).send(enrol_call(), now=0)
    assert wallet.mdm is not None
    device_id, old = wallet.account["DeviceID"], wallet.mdm.certificate
    extensions = tuple(
        (one.oid.dotted_string, one.value.public_bytes()) for one in old.extensions if one.oid.dotted_string[:8] == "1.2.840."
    )
    made = AUTHORITY.issue(wallet.mdm.key.public_key(), common_name(name_of(old)), days=days, extensions=extensions)
    wallet.mdm = Credential(made, wallet.mdm.key)
    record = served.desk.records.get(clients.ENROLMENT, device_id)
    assert record is not None
    served.desk.records.drop(clients.CERTIFICATE, thumbprint(old))
    served.desk.records.put(clients.CERTIFICATE, thumbprint(made), {"device_id": device_id})
    served.desk.records.put(clients.ENROLMENT, device_id, {**record, "thumbprint": thumbprint(made)})
    return served, wallet


def known(served: Served, credential: Credential) -> bool:
    return served.desk.records.get(clients.CERTIFICATE, thumbprint(credential.certificate)) is not None


def use(served: Served, wallet: Wallet) -> str:
    """What a management request with the device's certificate is taken for."""
    assert wallet.mdm is not None
    incoming = Incoming("POST", "/", certificate=der(wallet.mdm.certificate))
    return clients.device_id_of(incoming, served.desk, wallet.account["DeviceID"])


def test_the_new_certificate_is_for_a_new_key_and_the_same_device() -> None:
    served, wallet = enrolled()
    old = wallet.mdm
    run(renewal.renew(wallet), served.serve(wallet))
    new = wallet.mdm
    assert old is not None and new is not None
    assert pkcs10.matches(new.certificate, new.key)
    assert thumbprint(new.certificate) != thumbprint(old.certificate)
    assert name_of(new.certificate) == name_of(old.certificate)
    assert new.certificate.not_valid_after_utc > moment() + timedelta(days=300)
    private = [one.oid.dotted_string for one in new.certificate.extensions if one.oid.dotted_string.startswith(renewal.ARC)]
    assert private == [one.oid.dotted_string for one in old.certificate.extensions if one.oid.dotted_string in private]
    assert private


def test_the_old_certificate_is_good_until_the_new_one_is_used() -> None:
    served, wallet = enrolled()
    old = wallet.mdm
    run(renewal.renew(wallet), served.serve(wallet))
    assert old is not None
    assert known(served, old)
    assert use(served, wallet) == wallet.account["DeviceID"]
    assert not known(served, old)
    wallet.mdm = old
    assert use(served, wallet) == ""


def test_a_renewal_whose_answer_is_lost_can_be_repeated_and_leaves_nothing_behind() -> None:
    served, wallet = enrolled()
    old, seen = wallet.mdm, []

    def lose(request: Request) -> Response:
        seen.append(served.send(request, wallet))
        return Response(200)

    for _ in range(2):
        with pytest.raises(ServiceFault):
            run(renewal.renew(wallet), lose)
        assert wallet.mdm is old
    run(renewal.renew(wallet), served.serve(wallet))
    assert use(served, wallet) == wallet.account["DeviceID"]
    kept = [key for kind, key in served.desk.records._kept if kind == clients.CERTIFICATE]
    assert wallet.mdm is not None
    assert kept == [thumbprint(wallet.mdm.certificate)]


def code_of(served: Served, wallet: Wallet) -> str:
    held = wallet.mdm
    with pytest.raises(ServiceFault) as caught:
        run(renewal.renew(wallet), served.serve(wallet))
    assert wallet.mdm is held
    return caught.value.code


def test_it_may_be_too_early() -> None:
    assert code_of(*enrolled(days=300)) == "0x80180016"


def test_a_certificate_that_has_ended_is_not_renewed_by_the_device_itself() -> None:
    served, wallet = enrolled(days=0)
    served.seen.clear()
    assert code_of(served, wallet) == "0x80180016"
    assert not served.seen


def test_nobody_renews_for_another_or_after_the_enrolment_was_deleted() -> None:
    served, wallet = enrolled()
    served.state.enrolled.clear()
    assert code_of(served, wallet) == "0x80180003"
    served, wallet = enrolled()
    assert wallet.mdm is not None
    stranger = KeySource(pooled=True, pool=9).make("stranger")
    wallet.mdm = Credential(wallet.mdm.certificate, stranger)  # shows a certificate whose key it does not have
    assert code_of(served, wallet) == "0x80180004"
    served, wallet = enrolled()
    wallet.mdm = None
    with pytest.raises(ServiceFault):
        run(renewal.renew(wallet), served.serve(wallet))


def test_a_renewal_that_names_somebody_else_or_is_not_signed_is_refused() -> None:
    served, wallet = enrolled()
    held = wallet.mdm
    assert held is not None
    key = KeySource(pooled=True, pool=9).make("new")
    other = pkcs10.build(key, "somebody else", "D")
    same = pkcs10.build(key, name_of(held.certificate), "D")
    for data, kind in (
        (cms.sign(other, held.certificate, held.key), wstep.PKCS7),
        (same, wstep.PKCS10),
        (same, wstep.PKCS7),
        (b"", wstep.PKCS7),
    ):
        asked = wstep.TokenRequest(data, (), kind, wstep.RENEW)
        body = wstep.encode_request(asked, wallet.places["enrolment"], wallet.new_id("message"), soap.Credentials())
        response = served.send(Request("POST", wallet.places["enrolment"], {}, body, "mdm"), wallet)
        with pytest.raises(ServiceFault) as caught:
            soap_faults.envelope_of(response)
        assert caught.value.code == "0x80180004"


def test_redirects_are_refused_and_the_server_may_name_an_address_of_its_own() -> None:
    _, wallet = enrolled()
    wallet.account["Renew/ServerURL"] = "https://renew.example/here"
    seen: list[Request] = []

    def redirect(request: Request) -> Response:
        seen.append(request)
        return Response(307, {"location": "https://elsewhere.example/"})

    with pytest.raises(ServiceFault) as caught:
        run(renewal.renew(wallet), redirect)
    assert caught.value.code == "0x80190133"
    assert [(one.url, one.certificate) for one in seen] == [("https://renew.example/here", "mdm")]
    assert structs.asdict(seen[0])["method"] == "POST"
