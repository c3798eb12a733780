"""Peers that are not ours: servers that answer as Fleet and Intune do, clients as in protocols.md 18.3 to 18.5, and vandals."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syncml_pair import DEVICE, ENROLMENT, ScriptedDesk, client, post

from autopilot_agent.errors import Malformed, ServiceFault, Throttled
from autopilot_agent.service.management import Alert, Command, Commands, ManagementMessage, Status
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire import syncml_xml
from autopilot_agent.wire.http import Response
from autopilot_agent.wire.wallet import Wallet

OPENING = ManagementMessage(ENROLMENT, 1, 1, (Alert(1201),))
SERVER = """<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID>
<MsgID>{message}</MsgID><Target><LocURI>x</LocURI></Target><Source><LocURI>y</LocURI></Source></SyncHdr><SyncBody>
<Status><CmdID>s1</CmdID><MsgRef>{message}</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>{code}</Data></Status>
{body}<Final/></SyncBody></SyncML>"""


def server(body: str = "", message: int = 1, code: str = "200") -> bytes:
    return SERVER.format(message=message, body=body, code=code).encode()


FLEET = """<Get><CmdID>5e1f-a</CmdID><Item><Target><LocURI>./DevDetail/SwV</LocURI></Target></Item></Get>
<Atomic><CmdID>5e1f-b</CmdID><Replace><CmdID>5e1f-c</CmdID><Item><Data><![CDATA[<enabled/>]]></Data>
<Meta><Format xmlns="syncml:metinf">chr</Format></Meta><Target><LocURI>./P/A</LocURI></Target></Item></Replace>
<Add><CmdID>5e1f-d</CmdID><Item><Target><LocURI>./P/B</LocURI></Target><Data>1</Data></Item></Add></Atomic>
<Copy><CmdID>5e1f-e</CmdID></Copy><Delete><Item><Target><LocURI>./P/X</LocURI></Target></Item></Delete>
<Sequence><CmdID>5e1f-f</CmdID><Exec><CmdID>5e1f-g</CmdID><Item><Target><LocURI>./E</LocURI></Target></Item></Exec></Sequence>
<Get><CmdID>5e1f-h</CmdID><Item><Target><LocURI>./G/1</LocURI></Target></Item><Item><Target><LocURI>./G/2</LocURI></Target></Item></Get>"""


def test_a_server_with_its_own_ids_gets_its_own_ids_back_in_order() -> None:
    wallet = Wallet(private=False)
    answer, _ = client(OPENING, server(FLEET), wallet=wallet)
    get, atomic, execute, first, second = answer.commands
    assert [one.verb for one in answer.commands] == ["Get", "Atomic", "Exec", "Get", "Get"]
    assert [(one.verb, one.uri, one.value) for one in atomic.children] == [
        ("Replace", "./P/A", "<enabled/>"),
        ("Add", "./P/B", "1"),
    ]
    inner = (Status(atomic.children[0].id, 216), Status(atomic.children[1].id, 418))
    said = (
        Status(get.id, 200, "10.0"), Status(atomic.id, 507, children=inner), Status(execute.id, 405),
        Status(first.id, 200, "a", "node"), Status(second.id, 404),
    )  # fmt: skip
    _, sent = client(ManagementMessage(ENROLMENT, 1, 2, (), (), said), server(message=2), wallet=wallet)
    told = [(one.message, one.command, one.name, one.code, one.targets) for one in sent[0].statuses()]
    assert told == [
        ("1", "0", "SyncHdr", "200", ()),
        ("1", "5e1f-a", "Get", "200", ()),
        ("1", "5e1f-b", "Atomic", "507", ()),
        ("1", "5e1f-c", "Replace", "216", ()),
        ("1", "5e1f-d", "Add", "418", ()),
        ("1", "5e1f-e", "Copy", "400", ()),
        ("1", "", "Delete", "400", ()),
        ("1", "5e1f-f", "Sequence", "200", ()),
        ("1", "5e1f-g", "Exec", "405", ()),
        ("1", "5e1f-h", "Get", "200", ("./G/1",)),
        ("1", "5e1f-h", "Get", "404", ("./G/2",)),
    ]
    found = [(one.command, one.items[0].source, one.items[0].meta.format, one.items[0].data) for one in sent[0].results()]
    assert found == [("5e1f-a", "./DevDetail/SwV", "chr", "10.0"), ("5e1f-h", "./G/1", "node", "a")]
    assert len({one.id for one in sent[0].body}) == len(sent[0].body)


def test_what_a_device_need_not_know_is_answered_without_it() -> None:
    answer, sent = client(OPENING, server("<Copy><CmdID>3</CmdID></Copy>"), server(message=2))
    assert answer == Commands()
    assert [(one.name, one.code) for one in sent[1].statuses()] == [("SyncHdr", "200"), ("Copy", "400")]
    assert sent[1].header.message == "2"


def test_a_command_of_one_id_on_several_nodes_has_one_status_where_all_went_alike() -> None:
    wallet = Wallet(private=False)
    items = "".join(f"<Item><Target><LocURI>./N/{one}</LocURI></Target><Data>{one}</Data></Item>" for one in "ab")
    answer, _ = client(OPENING, server(f"<Replace><CmdID>2</CmdID>{items}</Replace>"), wallet=wallet)
    assert [(one.uri, one.value) for one in answer.commands] == [("./N/a", "a"), ("./N/b", "b")]
    said = tuple(Status(one.id, 200) for one in answer.commands)
    _, sent = client(ManagementMessage(ENROLMENT, 1, 2, (), (), said), server(message=2), wallet=wallet)
    assert [(one.command, one.code) for one in sent[0].statuses()] == [("0", "200"), ("2", "200")]


def test_an_abort_ends_the_session_and_nothing_of_the_message_is_done() -> None:
    body = "<Alert><CmdID>2</CmdID><Data>1223</Data></Alert><Delete><CmdID>3</CmdID><Item/></Delete>"
    assert client(OPENING, server(body))[0] == Commands()


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (Response(503), "0x801901F7"),
        (Response(403, {}, b"no"), "0x80190193"),
        (Response(200, {}, server(code="404")), "0x80190194"),
        (Response(200, {}, server(code="407")), "0x80190191"),
        (
            Response(200, {}, b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Subcode>'
            b"<s:Value>s:Authorization</s:Value></s:Subcode></s:Code></s:Fault></s:Body></s:Envelope>"),
            "0x80180003",
        ),
    ],
)  # fmt: skip
def test_refusals_are_read_from_the_bytes(response: Response, code: str) -> None:
    with pytest.raises(ServiceFault) as caught:
        client(OPENING, response)
    assert caught.value.code == code


def test_a_throttled_device_hears_how_long() -> None:
    with pytest.raises(Throttled) as caught:
        client(OPENING, Response(429, {"retry-after": "7"}))
    assert caught.value.retry_after == 7000


@pytest.mark.parametrize("body", [b"", b"Bad Request", b"<html><body/></html>", b"\x03\x00\x6a", b"<a/>"])
def test_an_answer_that_is_no_syncml_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        client(OPENING, body)


def test_a_server_without_end_is_left() -> None:
    with pytest.raises(ServiceFault, match="not come to an end"):
        client(OPENING, *[server("<Copy><CmdID>3</CmdID></Copy>", number) for number in range(1, 100)])


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=60), st.integers(0, 900), st.integers(0, 60))
def test_a_damaged_answer_never_lets_another_error_out(junk: bytes, at: int, cut: int) -> None:
    whole = server(FLEET)
    try:
        client(OPENING, whole[:at] + junk + whole[at + cut :], *[server(message=2)] * 3)
    except (Malformed, ServiceFault):
        return


CLIENT = """<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>
<SessionID>{session}</SessionID><MsgID>{message}</MsgID><Target><LocURI>https://localhost/ManagementServer/MDM.svc</LocURI></Target>
<Source><LocURI>{source}</LocURI></Source></SyncHdr><SyncBody>{body}</SyncBody></SyncML>"""
ALERT_AND_INFORMATION = """<Alert><CmdID>2</CmdID><Data>1201</Data></Alert><Alert><CmdID>3</CmdID><Data>1224</Data><Item><Meta>
<Type xmlns="syncml:metinf">com.microsoft/MDM/LoginStatus</Type></Meta><Data>user</Data></Item></Alert>
<Replace><CmdID>4</CmdID><Item><Source><LocURI>./DevInfo/Man</LocURI></Source><Data>Fabrikam</Data></Item></Replace>"""


def package(body: str = ALERT_AND_INFORMATION, message: str = "1", source: str = DEVICE, session: str = "1") -> bytes:
    return CLIENT.format(session=session, message=message, source=source, body=body).encode()


def desk() -> ScriptedDesk:
    made = ScriptedDesk(
        Commands((Command(2, "Get", "./A"), Command(3, "Atomic", "", children=(Command(4, "Add", "./B", "1", "int"),))))
    )
    made.records.put("enrolment", DEVICE, {"enrolment_id": ENROLMENT})
    return made


@pytest.mark.parametrize("source", [DEVICE, ENROLMENT, ENROLMENT.lower(), f"imei:{ENROLMENT}"])
def test_a_client_is_known_by_what_it_calls_itself(source: str) -> None:
    served = desk()
    assert post(served, package(source=source)).status == 200
    assert served.heard[0].enrolment_id == ENROLMENT


def test_a_test_client_with_ids_from_2_and_without_final_gets_its_numbers_back() -> None:
    served = desk()
    got = syncml_xml.parse(post(served, package(session="12af", message="1")).body)
    assert (got.header.session, got.header.message, got.header.target, got.final) == ("12af", "1", DEVICE, True)
    assert [(one.message, one.command, one.name, one.code) for one in got.statuses()] == [
        ("1", "0", "SyncHdr", "200"), ("1", "2", "Alert", "200"), ("1", "3", "Alert", "200"), ("1", "4", "Replace", "200"),
    ]  # fmt: skip
    assert isinstance(got.body[0], dm.Status) and all(len(one.items) == 1 for one in got.commands() if one.name != "Atomic")
    assert served.heard[0].device_information == (("./DevInfo/Man", "Fabrikam"),)
    assert served.heard[0].user_id == "" and served.heard[0].session == 0x12AF
    body = """<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>
    <Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>77</CmdRef><Cmd>Get</Cmd><Data>200</Data></Status>
    <Status><CmdID>3</CmdID><MsgRef>1</MsgRef><CmdRef>x-y</CmdRef><Cmd>Get</Cmd><Data>200</Data></Status>
    <Status><CmdID>4</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Cmd>Get</Cmd><TargetRef>./A</TargetRef><Data>200</Data></Status>
    <Results><CmdID>5</CmdID><CmdRef>2</CmdRef><Item><Source><LocURI>./A</LocURI></Source><Data>v</Data></Item></Results>"""
    last = syncml_xml.parse(post(served, package(body, "2", session="12af")).body)
    assert Status(2, 200, "v") in served.heard[1].statuses and served.heard[1].message == 2
    assert last.commands() == [] and [one.name for one in last.statuses()] == ["SyncHdr"]


def test_a_check_in_without_an_alert_begins_a_session() -> None:
    served = desk()
    assert post(served, package("", "1", f"imei:{DEVICE}")).status == 200
    assert (served.heard[0].message, served.heard[0].alerts) == (1, ())


@pytest.mark.parametrize(("message", "session"), [("", ""), ("0", "0"), ("one", "zz zz")])
def test_odd_numbers_are_taken_and_given_back(message: str, session: str) -> None:
    got = syncml_xml.parse(post(desk(), package(message=message, session=session)).body)
    assert (got.header.message, got.header.session) == (message, session)


def test_what_a_client_may_not_ask_and_what_nobody_knows_have_their_statuses() -> None:
    body = "<Get><CmdID>5</CmdID><Item/></Get><Teleport><CmdID>6</CmdID></Teleport><Alert><Data>1201</Data></Alert>"
    got = syncml_xml.parse(post(desk(), package(body)).body)
    assert [(one.command, one.code) for one in got.statuses()[1:]] == [("5", "406"), ("6", "400"), ("", "400")]


def test_a_client_that_takes_little_gets_little() -> None:
    served = ScriptedDesk(Commands(tuple(Command(number, "Replace", "./A", "x" * 900) for number in range(1, 9))))
    small = package().replace(b"</SyncHdr>", b'<Meta><MaxMsgSize xmlns="syncml:metinf">3000</MaxMsgSize></Meta></SyncHdr>')
    seen, answer = [], post(served, small)
    for number in range(2, 30):
        assert len(answer.body) <= 3000
        got = syncml_xml.parse(answer.body)
        seen += [one.id for one in got.commands() if one.name == "Replace" and not one.items[0].more]
        if got.final:
            break
        answer = post(served, package("<Alert><CmdID>1</CmdID><Data>1222</Data></Alert>", str(number)))
    assert seen == [str(number) for number in range(1, 9)] and len(served.heard) == 1


def test_a_client_that_forgets_the_rest_of_an_object_is_told() -> None:
    served = desk()
    post(served, package())
    size = '<Meta><Size xmlns="syncml:metinf">9</Size></Meta>'
    item = f"<Item><Source><LocURI>./A</LocURI></Source>{size}<Data>abc</Data><MoreData/></Item>"
    piece = syncml_xml.parse(post(served, package(f"<Results><CmdID>1</CmdID><CmdRef>2</CmdRef>{item}</Results>", "2")).body)
    assert [one.code for one in piece.statuses()] == ["200", "213"] and piece.alerts("1222")
    assert syncml_xml.parse(post(served, package("", "3")).body).alerts("1225")
    assert len(served.heard) == 2
    assert served.records.get("syncml", ENROLMENT) is None, "nothing is kept that is not needed"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (package(), "application/vnd.syncml.dm+wbxml", 415),
        (package(), "text/html", 415),
        (package(source="NOBODY"), "", 403),
        (package(source=""), "", 400),
        (b"", "", 400),
        (b"<SyncML", "", 400),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + package(), "", 400),
    ],
)
def test_what_is_no_good_is_refused_with_a_status(body: bytes, kind: str, status: int) -> None:
    assert post(desk(), body, kind).status == status


@settings(deadline=None, max_examples=80)
@given(st.binary(max_size=60), st.integers(0, 1000), st.integers(0, 80))
def test_a_damaged_message_is_answered_or_refused_but_never_breaks_the_server(junk: bytes, at: int, cut: int) -> None:
    whole = package()
    assert post(desk(), whole[:at] + junk + whole[at + cut :]).status in (200, 400, 403)


@settings(deadline=None, max_examples=40)
@given(st.text('<>{}[]",:0ab', max_size=40))
def test_a_bad_private_header_is_refused(header: str) -> None:
    told = {"autopilot-agent": "1", "autopilot-agent-call": header}
    assert post(desk(), package(), headers=told).status in (200, 400)
