"""The conformance kit: our own server without a complaint, and a wrong one with the right complaints and no others."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from wrong_server import DISCOVER, ENROL, SWITCHES, Spoil, WrongServer, document, first, good, text

from autopilot_agent.__main__ import main
from autopilot_agent.conform import STAGES, Finding, Mark, demands, judge, visit
from autopilot_agent.conform.checks import CHECKS
from autopilot_agent.conform.enrolling import Person
from autopilot_agent.conform.evidence import RENEW, RENEW_STRANGER, RENEW_UNSHOWN
from autopilot_agent.conform.reporting import as_json, as_junit, as_text
from autopilot_agent.simulator.app import Application
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.simulator.server import serving
from autopilot_agent.testing.in_process import InProcessNet, one_authority
from autopilot_agent.testing.small import USER, small_state

ROOT = Path(__file__).parents[2]
PERSON = Person(USER, "right password")
URL = "https://localhost"
TIMES = "<u:Created>[^<]*(.*?)<u:Expires>[^<]*"
EXPECTED: dict[str, str] = {
    "no probe": "DISC-GET",
    "a page for the probe": "DISC-GET-EMPTY",
    "a probe that leads to http": "DISC-REDIRECT",
    "no discovery": "DISC-ANSWER",
    "discovery in chunks": "DISC-LENGTH",
    "discovery as text": "DISC-TYPE",
    "discovery that relates to nothing": "DISC-RELATES",
    "discovery with another action": "DISC-ENVELOPE",
    "a policy of authentication that nobody offered": "DISC-AUTHPOLICY",
    "a version that is too new": "DISC-VERSION",
    "no address for the enrolment": "DISC-URL DISC-ONE-HOST",
    "two hosts": "DISC-ONE-HOST",
    "members in another order": "DISC-ORDER",
    "no policies": "POL-ANSWER",
    "policies in chunks": "POL-LENGTH",
    "policies as text": "POL-TYPE",
    "policies that relate to nothing": "POL-RELATES",
    "a key that nobody makes": "POL-KEY",
    "SHA-1": "POL-HASH",
    "policy elements in another order": "POL-ORDER",
    "enrolment refused": "ENR-NO-CERT FLT-CREDENTIALS FLT-REQUEST",
    "enrolment in chunks": "ENR-LENGTH",
    "enrolment as text": "ENR-TYPE",
    "an enrolment that relates to nothing": "ENR-RELATES",
    "a document that is none": "ENR-DOCUMENT",
    "a timestamp of long ago": "ENR-TIMESTAMP",
    "another ValueType": "ENR-TOKEN",
    "a CSP that is not allowed": "WAP-CSPS",
    "a document of another version": "WAP-FORM",
    "the certificate in the user's store": "WAP-STORE WAP-CRITERIA",
    "no key container": "WAP-CONTAINER",
    "certificates with other names": "WAP-THUMBPRINT",
    "no renewal": "WAP-RENEW",
    "no account": "WAP-W7 WAP-POLL",
    "an account in small letters": "WAP-CAPITALS",
    "no ADDR": "WAP-W7",
    "INIT": "WAP-INIT",
    "one APPAUTH": "WAP-APPAUTH",
    "BASIC for the server": "WAP-APPAUTH-TYPE",
    "a nonce that is none": "WAP-NONCE",
    "no criteria": "WAP-CRITERIA",
    "criteria that find nothing": "WAP-CRITERIA",
    "another provider": "WAP-PROVIDER WAP-ENTDMID WAP-POLL ESP-PROVIDER",
    "no datatypes": "WAP-DATATYPES",
    "a wrong value": "WAP-VALUES",
    "another encoding": "WAP-ENCODING",
    "retries in words": "WAP-RETRIES",
    "no EntDMID": "WAP-ENTDMID ESP-SENT",
    "a schedule that is too fast": "",
    "no sessions": "DM-ANSWER DM-NO-NUMBER DM-UNKNOWN ESP-FINISHED-DEVICE",
    "sessions as HTML": "DM-ANSWER DM-NO-NUMBER DM-UNKNOWN ESP-FINISHED-DEVICE",
    "another content type": "DM-TYPE",
    "another SessionID": "DM-SESSION-ID",
    "another MsgID": "DM-MSG-ID",
    "to another device": "DM-ADDRESSES",
    "another version of SyncML": "DM-FRAME",
    "no status for the header": "DM-STATUS-HEADER",
    "no status for an alert": "DM-STATUS-ALL",
    "a status for a status": "DM-STATUS-STATUS",
    "equal CmdIDs": "DM-CMD-ID",
    "a command that is none": "DM-COMMANDS",
    "no Final": "DM-FINAL",
    "CDATA": "DM-CDATA",
    "markup in Data": "DM-MARKUP",
    "a LocURI from the root": "DM-LOCURI",
    "elements in another order": "DM-ORDER",
    "a format that is none": "DM-META",
    "too large a message": "DM-SIZE",
    "two scopes in an Atomic": "DM-ATOMIC-SCOPES",
    "an Add and a Replace in an Atomic": "DM-ATOMIC-TWICE",
    "a Get in an Atomic": "DM-ATOMIC-GET",
    "an Atomic in an Atomic": "DM-ATOMIC-NESTED",
    "the user too early": "DM-USER-EARLY",
    "an Add of a permanent node": "ESP-REPLACE ESP-FROZEN",
    "a provider that nobody added": "ESP-ADD",
    "a boolean as text": "ESP-FORMATS ESP-FROZEN",
    "a time-out in seconds": "ESP-TIMEOUT ESP-FROZEN",
    "a block that is a word": "ESP-BLOCK ESP-FROZEN",
    "a state that there is not": "ESP-STATES",
    "a device node for the user": "ESP-SCOPE ESP-FROZEN",
    "another provider's page": "ESP-PROVIDER ESP-FROZEN",
    "a list of names": "ESP-EXPECTED ESP-SENT ESP-FROZEN",
    "a policy that never comes": "ESP-SENT ESP-FROZEN",
    "a provider that never gets ready": "ESP-PREPARATION",
    "a list of apps that is never whole": "ESP-TRACKING",
    "a page that never ends": "ESP-FINISHED-DEVICE",
    "an account page that never ends": "ESP-FINISHED-USER",
    "a change after the end": "DM-END ESP-FROZEN",
    "everybody may enrol": "FLT-CREDENTIALS FLT-REQUEST FLT-XML REN-ANSWER",
    "faults with another subcode": "FLT-CREDENTIALS-CODE FLT-REQUEST-CODE",
    "faults without a reason": "FLT-SHAPE",
    "a renewal that is redirected": "REN-REDIRECT",
    "a renewal that is HTML": "REN-ANSWER",
    "no page to sign in at": "DISC-AUTH-URL",
    "policies with another action": "POL-ENVELOPE",
    "policies of nil": "POL-FULL",
    "an enrolment that breaks down": "ENR-ANSWER FLT-CREDENTIALS FLT-REQUEST",
    "an enrolment with another action": "ENR-ENVELOPE",
    "a certificate for another key": "WAP-CERT",
    "two roots": "WAP-THUMBPRINT WAP-ONE-ROOT",
    "a certificate of tomorrow": "WAP-NOT-BEFORE DM-ANSWER DM-NO-NUMBER DM-UNKNOWN ESP-FINISHED-DEVICE",
    "a certificate of last year": "WAP-BACKDATED DM-ANSWER DM-NO-NUMBER DM-UNKNOWN ESP-FINISHED-DEVICE",
    "a certificate for servers": "WAP-EKU DM-ANSWER DM-NO-NUMBER DM-UNKNOWN ESP-FINISHED-DEVICE",
    "a certificate of another authority": "WAP-CHAIN DM-ANSWER DM-NO-NUMBER DM-UNKNOWN ESP-FINISHED-DEVICE",
    "an address that is none": "WAP-ADDR DM-ANSWER DM-NO-NUMBER DM-UNKNOWN ESP-FINISHED-DEVICE",
    "a server that dies after a message": "DM-LATER DM-GO-ON-404 ESP-FINISHED-DEVICE",
    "a server that cannot bear 418": "DM-GO-ON-418",
    "a server that cannot bear 404": "DM-LATER DM-GO-ON-404 ESP-FINISHED-DEVICE",
    "a challenge of an unknown kind": "DM-ANSWER DM-CHALLENGE ESP-FINISHED-DEVICE",
    "nobody looks at certificates": "DM-STRANGER",
    "a page that comes late": "ESP-IN-TIME ESP-FROZEN",
    "renewals for everybody": "REN-DOCUMENT REN-STRANGER REN-UNSHOWN",
    "renewals whoever signed them": "REN-DOCUMENT REN-STRANGER",
}
"""What Windows objects to, by what is wrong: the demand itself, and what follows from it."""


@pytest.fixture(scope="module")
def ours() -> list[Finding]:
    net = InProcessNet(Application(TenantDesk(small_state(), one_authority())))
    return judge(visit(net, URL, PERSON, pooled=True))


def test_our_own_server_has_no_complaint(ours: list[Finding]) -> None:
    assert [(one.demand.id, one.seen) for one in ours if one.mark is Mark.COMPLAINT] == []
    missing = {one.demand.id for one in ours if one.mark is Mark.NOT_REACHED}
    assert missing == {"DM-CHALLENGE", "ESP-TRACKING", "REN-DOCUMENT"}


@pytest.mark.parametrize("auth", ["md5", "basic"])
def test_our_own_server_has_none_where_it_asks_for_credentials(auth: str) -> None:
    net = InProcessNet(Application(TenantDesk(small_state(), one_authority(), credentials=auth)))
    findings = judge(visit(net, URL, PERSON, pooled=True))
    assert [one.demand.id for one in findings if one.wrong] == []
    assert next(one.mark for one in findings if one.demand.id == "DM-CHALLENGE") is Mark.MET


@pytest.mark.parametrize("name", SWITCHES)
def test_a_wrong_server_gets_the_right_complaints_and_no_others(name: str) -> None:
    kind, spoil = SWITCHES[name]
    findings = judge(visit(WrongServer(kind, spoil), URL, PERSON, pooled=True))
    assert [one.demand.id for one in findings if one.mark is Mark.COMPLAINT] == EXPECTED[name].split()


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (text(TIMES, r"<u:Created>0001-01-01T00:00:00Z\1<u:Expires>9999-12-31T23:59:59Z"), ""),
        (text(TIMES, r"<u:Created>0001-01-01T00:00:00Z\1<u:Expires>0001-01-02T00:00:00Z"), "ENR-TIMESTAMP"),
        (document('name="RenewPeriod" value="[^"]*"', 'name="RenewPeriod" value="000001000000000000"'), "WAP-RENEW"),
    ],
)
def test_times_at_the_ends_of_what_can_be_counted_are_judged(spoil: Spoil, wanted: str) -> None:
    findings = judge(visit(WrongServer(ENROL, first(spoil, good)), URL, PERSON, pooled=True))
    assert [one.demand.id for one in findings if one.mark is Mark.COMPLAINT] == wanted.split()


@pytest.mark.parametrize(
    ("name", "untested"),
    [
        ("no sessions", {"DM-STRANGER"}),
        ("a renewal that is HTML", {"REN-STRANGER", "REN-UNSHOWN"}),
        ("a renewal that is redirected", {"REN-STRANGER", "REN-UNSHOWN"}),
    ],
)
def test_a_server_that_answers_nobody_has_refused_nobody(name: str, untested: set[str]) -> None:
    findings = judge(visit(WrongServer(*SWITCHES[name]), URL, PERSON, pooled=True))
    assert untested <= {one.demand.id for one in findings if one.mark is Mark.NOT_REACHED}


def test_a_stranger_and_a_bare_connection_are_refused_for_what_is_wrong_with_each() -> None:
    net = InProcessNet(Application(TenantDesk(small_state(), one_authority())))
    found = visit(net, URL, PERSON, pooled=True)
    assert "not signed with the key" in found.last(RENEW_STRANGER).said()
    assert "needs the certificate" in found.last(RENEW_UNSHOWN).said()
    assert "too early" in found.last(RENEW).said()


def test_every_demand_has_a_check_and_something_that_shows_it() -> None:
    assert set(demands()) == set(CHECKS)
    shown = {one for ids in EXPECTED.values() for one in ids.split()}
    assert set(demands()) == shown
    assert set(EXPECTED) == set(SWITCHES)


def test_every_demand_is_whole() -> None:
    for one in demands().values():
        assert one.stage in STAGES and one.level in ("must", "should") and one.grade in ("documented", "observed", "assumed")
        assert one.demand.endswith(".") and one.windows.endswith((".", ")")) and one.source
        assert one.advice.endswith("."), one.id


def test_text_is_narrow_and_says_everything(ours: list[Finding]) -> None:
    text = as_text(ours, URL)
    assert max(map(len, text.splitlines())) <= 80
    assert all(one.demand.id in text for one in ours)
    assert "117 demands: 114 met, 0 not met, 0 advice not followed, 3 not reached." in text


def test_a_complaint_is_told_with_what_was_seen_and_its_source() -> None:
    kind, spoil = SWITCHES["criteria that find nothing"]
    findings = judge(visit(WrongServer(kind, spoil), URL, PERSON, pooled=True))
    text = as_text(findings, URL, details=True)
    assert re.search(r"FAIL WAP-CRITERIA \(must\)\n  demand .*\n  seen .*Subject=CN%3DX", text)
    assert "Windows  0x80180024" in text and "source   w7 APPLICATION CSP" in text
    assert "right password" not in text and "> POST" in text


@pytest.mark.parametrize("name", ["sessions as HTML", "no EntDMID"])
def test_forms_for_programs_hold_every_demand(name: str) -> None:
    kind, spoil = SWITCHES[name]
    findings = judge(visit(WrongServer(kind, spoil), URL, PERSON, pooled=True))
    document = json.loads(as_json(findings, URL))
    assert [one["id"] for one in document["findings"]] == list(demands())
    assert document["complaints"] == sum(one.wrong for one in findings)
    suite = ElementTree.fromstring(as_junit(findings, URL).encode())[0]
    assert len(suite) == len(demands()) and len(suite.findall("testcase/failure")) == document["complaints"]
    assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))


def test_words_of_a_server_cannot_move_the_cursor() -> None:
    spoil = text("<EnrollmentServiceUrl>[^<]*", "<EnrollmentServiceUrl>ftp://x/\u202e\x9b31m")
    findings = judge(visit(WrongServer(DISCOVER, spoil), URL, PERSON, pooled=True))
    said = as_text(findings, URL)
    assert "\u202e" not in said and "\x9b" not in said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["https://login.microsoftonline.com"], 2, "never talks to it"),
        (["https://mdm.contoso.example"], 2, "--allow-host"),
        (["localhost"], 2, "expected an address"),
        (["https://localhost:1", "--ca", "nowhere.pem"], 2, "no such file"),
        (["https://localhost:1", "--token-file", "nowhere"], 2, "no such file"),
        (["http://127.0.0.1:1"], 3, "cannot be used"),
    ],
)
def test_wrong_words_are_one_sentence(words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conform", *words]) == code
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_the_command_visits_a_server_over_a_socket(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(small_state()) as server:
        assert main(["conform", server.url, "--user", USER, "--password", "right password"]) == 0
        assert "0 not met" in capsys.readouterr().out
        assert main(["conform", server.url]) == 2, "nobody who enrols"
        assert "give --user" in capsys.readouterr().err
        assert main(["conform", server.url, "--stage", "discovery", "--output", "json"]) == 0
        assert {one["stage"] for one in json.loads(capsys.readouterr().out)["findings"]} == {"discovery"}


def test_the_page_of_demands_is_current() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from make_conform import page  # type: ignore[import-not-found]  # a script beside the page
    finally:
        sys.path.remove(str(ROOT / "docs"))
    text = (ROOT / "docs" / "conform.md").read_text(encoding="utf-8")
    assert page(text) == text, "run docs/make_conform.py"
