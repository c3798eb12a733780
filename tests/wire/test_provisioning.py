"""The provisioning document: what is written is read, and everything that Windows objects to has its code."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from xml.etree import ElementTree

import pytest
from enrolment_peer import AUTHORITY
from hypothesis import given, settings
from hypothesis import strategies as st

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.wire import provisioning, wap
from autopilot_agent.wire.authority import common_name, der, load_der, thumbprint
from autopilot_agent.wire.keys import KeySource

KEY = KeySource(pooled=True, pool=2).make("a", 1)
OTHER = KeySource(pooled=True, pool=2).make("b", 3)
CERTIFICATE = AUTHORITY.issue(KEY.public_key(), common_name("6c0f5b1e-0000-4000-8000-000000000001"))
ACCOUNT = provisioning.Account("Contoso MDM", "https://mdm.contoso.example/mdm", "D1", "s1", "bm9uY2U=", "s2", "bm9uY2U=")
ROOT = "./Device/Vendor/MSFT/DMClient/Provider/Contoso%20MDM"
SETTINGS = (
    (ROOT + "/EntDMID", "6c0f5b1e-0000-4000-8000-000000000001"),
    (ROOT + "/FirstSyncStatus/SkipDeviceStatusPage", "false"),
    (ROOT + "/FirstSyncStatus/BlockInStatusPage", "3"),
    (ROOT + "/FirstSyncStatus/CustomErrorText", 'Call <b>"us"</b> & wait'),
    ("./Device/Vendor/MSFT/EnrollmentStatusTracking/DevicePreparation/PolicyProviders/Sidecar/InstallationState", "1"),
    ("./Device/Vendor/MSFT/Policy/Config/Experience/AllowCortana", "0"),
)
DOCUMENT = provisioning.build(AUTHORITY.certificate, CERTIFICATE, ACCOUNT, SETTINGS)
TEXT = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=12)
NAME = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


def test_root_ca_and_my_come_in_this_order_where_clients_count_them() -> None:
    root = ElementTree.fromstring(DOCUMENT)
    parms = root.findall("characteristic/characteristic/characteristic/characteristic/parm")
    assert [one.get("name") for one in parms[:3]] == ["EncodedCertificate"] * 3
    stores = [one.get("type") for one in root[0]]
    assert stores == ["Root", "CA", "My"]
    mine = root[0][2][0]
    assert [one.get("type") for one in mine] == [thumbprint(CERTIFICATE), "PrivateKeyContainer"]
    assert b"\n" not in DOCUMENT


def test_a_device_takes_the_document_and_has_all_of_the_account() -> None:
    taken = provisioning.take(DOCUMENT, KEY)
    assert taken.certificate == CERTIFICATE
    assert (taken.provider_id, taken.ent_dm_id) == ("Contoso MDM", "6c0f5b1e-0000-4000-8000-000000000001")
    polls = tuple(one for one in taken.settings if "/Poll/" in one[0])
    assert {uri.rpartition("/")[2]: value for uri, value in polls} == provisioning.POLL
    assert tuple(one for one in taken.settings if one not in polls) == SETTINGS
    account = taken.account
    assert account["SSLCLIENTCERTSEARCHCRITERIA"] == "Subject=CN%3D6c0f5b1e-0000-4000-8000-000000000001&Stores=My%5CSystem"
    assert (account["ADDR"], account["BACKCOMPATRETRYDISABLED"]) == ("https://mdm.contoso.example/mdm", "")
    assert [account[f"{level}/AAUTHSECRET"] for level in ("CLIENT", "APPSRV")] == ["s2", "s1"]
    assert (account["APPSRV/AAUTHNAME"], account["Renew/RenewPeriod"]) == ("D1", "42")


@given(st.dictionaries(st.tuples(NAME, NAME), TEXT, max_size=6))
@settings(max_examples=40)
def test_settings_survive_the_document(values: dict[tuple[str, str], str]) -> None:
    policy = "./Device/Vendor/MSFT/Policy/Config"
    made = {f"{policy}/{wap.quote(area, safe='')}/{wap.quote(name, safe='')}": value for (area, name), value in values.items()}
    document = wap.Characteristic()
    wap.add_settings(document, tuple(made.items()))
    assert dict(wap.settings_of(wap.decode(wap.encode(document)))) == made


PARM = st.builds(wap.Parm, NAME, st.none() | TEXT, st.sampled_from(["", "string", "integer", "boolean"]))
NODE = st.recursive(
    st.builds(wap.Characteristic, NAME, st.lists(PARM, max_size=3), st.just([])),
    lambda below: st.builds(wap.Characteristic, NAME, st.lists(PARM, max_size=2), st.lists(below, max_size=3)),
    max_leaves=8,
)


@given(st.lists(NODE, max_size=3))
@settings(max_examples=40)
def test_a_document_survives_the_wire(nodes: list[wap.Characteristic]) -> None:
    document = wap.Characteristic("", [], nodes)
    assert wap.decode(wap.encode(document)) == document


@pytest.mark.parametrize(
    "node",
    [
        wap.Characteristic("a\0"),
        wap.Characteristic("a", [wap.Parm("b\x1b")]),
        wap.Characteristic("a", [wap.Parm("b", "c\x07")]),
        wap.Characteristic("a", [wap.Parm("b", "c", "d\x08")]),
    ],
)
def test_what_xml_cannot_hold_is_malformed(node: wap.Characteristic) -> None:
    with pytest.raises(Malformed, match="no way to write"):
        wap.encode(wap.Characteristic("", [], [node]))


@pytest.mark.parametrize("uri", ["./User/Vendor/MSFT/Policy/Config/A/B", "./Device/Vendor/MSFT/RemoteWipe/x", "x", "Policy/"])
def test_a_setting_that_has_no_place_is_an_error(uri: str) -> None:
    with pytest.raises(Malformed):
        wap.add_settings(wap.Characteristic(), ((uri, "1"),))


@pytest.mark.parametrize("data", [b"", b"<a/>", b"<wap-provisioningdoc><x/></wap-provisioningdoc>", b"\0", DOCUMENT[:-5]])
def test_what_is_no_document_has_its_code(data: bytes) -> None:
    with pytest.raises(ServiceFault) as caught:
        provisioning.take(data, KEY)
    assert caught.value.code == "0x80180023"


def swap(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(document: bytes) -> bytes:
        assert old.encode() in document
        return document.replace(old.encode(), new.encode())

    return change


def without(pattern: str) -> Callable[[bytes], bytes]:
    def change(document: bytes) -> bytes:
        changed, count = re.subn(pattern.encode(), b"", document)
        assert count
        return changed

    return change


WRONG = {
    "no certificate store": (swap('type="CertificateStore"', 'type="Registry"'), "0x8018001E"),
    "no certificate in My": (swap('type="My"', 'type="Mine"'), "0x8018001E"),
    "no container for the key": (without('<characteristic type="PrivateKeyContainer"/>'), "0x8018001E"),
    "a wrong thumbprint": (swap(thumbprint(CERTIFICATE), "0" * 40), "0x8018001E"),
    "a certificate that is none": (swap('Certificate" value="MII', 'Certificate" value="AII'), "0x8018001E"),
    "a period that is no number": (swap('value="42"', 'value="soon"'), "0x8018001E"),
    "no account": (swap('value="w7"', 'value="w4"'), "0x8018001F"),
    "names in lower case": (swap('name="PROVIDER-ID"', 'name="provider-id"'), "0x8018001F"),
    "no address": (without('<parm name="ADDR" value="[^"]*"/>'), "0x8018001F"),
    "one block of credentials": (swap('value="APPSRV"', 'value="CLIENT"'), "0x8018001F"),
    "INIT": (swap('<parm name="BACKCOMPATRETRYDISABLED"/>', '<parm name="INIT" value="1"/>'), "0x8018001F"),
    "a server that authenticates with BASIC": (swap('"DIGEST"', '"BASIC"'), "0x8018001F"),
    "another provider in DMClient": (swap('type="Contoso MDM"', 'type="contoso mdm"'), "0x80180020"),
    "a number that is none in DMClient": (swap('"3" datatype="integer"', '"three" datatype="integer"'), "0x80180020"),
    "a policy that is no number": (
        swap('"AllowCortana" value="0" datatype="string"', '"AllowCortana" value="x" datatype="integer"'), "0x80180021"),
    "a CSP that is not allowed": (swap('type="Policy"', 'type="RemoteWipe"'), "0x80180022"),
    "criteria for another subject": (swap("Subject=CN%3D6c0f", "Subject=CN%3D7c0f"), "0x80180024"),
    "criteria for another store": (swap("Stores=My%5CSystem", "Stores=My%5CUser"), "0x80180024"),
}  # fmt: skip


def test_criteria_find_a_certificate_with_the_subject_of_windows_own_request() -> None:
    certificate = AUTHORITY.issue(KEY.public_key(), common_name("B1C43CD0!D1"))
    assert provisioning.finds("Subject=CN%3DB1C43CD0!D1&Stores=My%5CSystem", certificate, ("my\\system",))
    assert not provisioning.finds("Subject=CN%3DB1C43CD0!D2&Stores=My%5CSystem", certificate, ("my\\system",))
    assert not provisioning.finds("nonsense", certificate, ("my\\system",))


@pytest.mark.parametrize("name", WRONG)
def test_what_windows_objects_to_has_its_code(name: str) -> None:
    change, code = WRONG[name]
    with pytest.raises(ServiceFault) as caught:
        provisioning.take(change(DOCUMENT), KEY)
    assert caught.value.code == code


def test_a_certificate_for_another_key_is_not_taken() -> None:
    with pytest.raises(ServiceFault) as caught:
        provisioning.take(DOCUMENT, OTHER)
    assert caught.value.code == "0x8018001E"


def test_other_servers_documents_are_taken_too() -> None:
    nested = re.sub(
        rb'(<parm name="EncodedCertificate" value="[^"]*"/>)</characteristic><characteristic type="PrivateKeyContainer"/>',
        rb'\1<characteristic type="PrivateKeyContainer"/></characteristic>',
        DOCUMENT,
    )
    assert nested != DOCUMENT
    longer = nested.replace(b"Stores=My%5CSystem", b"Stores=MY%5CUser%EF%80%80MY%5CSystem").replace(b"CN%3D", b"cn%3d")
    lower = longer.replace(thumbprint(CERTIFICATE).encode(), thumbprint(CERTIFICATE).lower().encode())
    spread = lower.replace(b"><", b">\r\n  <").replace(b'value="true" datatype="boolean"', b'value="True" datatype="boolean"')
    more = spread.replace(b"</wap-", b'<characteristic type="Registry"><parm name="x" value="y"/></characteristic></wap-')
    moved = re.sub(
        rb'<parm name="ADDR" value="([^"]*)"/>',
        b"",
        more.replace(b'type="APPAUTH"', b'type="APPADDR"><parm name="ADDR" value="https://a/"/></characteristic>'
                     b'<characteristic type="APPAUTH"', 1),
        count=1,
    )  # fmt: skip
    taken = provisioning.take(moved, KEY)
    assert taken.account["ADDR"] == "https://a/"
    assert (ROOT + "/Poll/PollOnLogin", "true") in taken.settings


def test_certificates_may_lie_in_several_blocks_as_in_the_examples_of_microsoft() -> None:
    again = b'</characteristic><characteristic type="CertificateStore">'
    document = DOCUMENT.replace(b'<characteristic type="CA">', again + b'<characteristic type="CA">', 1)
    document = document.replace(b'<characteristic type="My">', again + b'<characteristic type="My">', 1)
    assert document.count(b'"CertificateStore"') == 3
    assert provisioning.take(document, KEY) == provisioning.take(DOCUMENT, KEY)
    place = b'"CA"><characteristic type="System"><characteristic type="'
    wrong = document.replace(place + thumbprint(AUTHORITY.certificate).encode(), place + b"0" * 40)
    assert wrong != document
    with pytest.raises(ServiceFault) as caught:
        provisioning.take(wrong, KEY)
    assert caught.value.code == "0x8018001E"


def test_a_user_enrolment_has_its_certificate_in_the_users_store() -> None:
    document = provisioning.build(AUTHORITY.certificate, CERTIFICATE, ACCOUNT, SETTINGS, provisioning.USER)
    assert "My%5CUser" in provisioning.take(document, KEY).account["SSLCLIENTCERTSEARCHCRITERIA"]


def test_an_authority_with_a_negative_serial_number_is_read_without_a_word_on_the_console() -> None:
    raw = der(AUTHORITY.certificate)
    number = AUTHORITY.certificate.serial_number
    written = number.to_bytes(number.bit_length() // 8 + 1, "big")
    changed = raw.replace(written, b"\x80" + written[1:], 1)
    assert changed != raw and der(load_der(changed)) == changed


@given(st.integers(0, len(DOCUMENT) - 1), st.integers(1, 255), st.integers(0, len(DOCUMENT)))
@settings(max_examples=150)
def test_no_change_of_the_document_breaks_a_device(at: int, flip: int, end: int) -> None:
    changed = bytearray(DOCUMENT)
    changed[at] ^= flip
    for data in (bytes(changed), DOCUMENT[:end] + DOCUMENT[at:]):
        with suppress(ServiceFault):
            assert provisioning.take(data, KEY).certificate == CERTIFICATE
