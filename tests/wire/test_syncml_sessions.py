"""A device and a server in OMA-DM sessions: everything that the protocol can say arrives on the other side."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from syncml_pair import DEVICE, ENROLMENT, EPOCH, ScriptedDesk, Wire

from autopilot_agent.backends.memory import MemoryBackend
from autopilot_agent.service.enrolment import Enrolled
from autopilot_agent.service.management import (
    DOMAIN_JOIN_ALERT,
    RESULT_ALERT,
    Alert,
    Command,
    Commands,
    ManagementMessage,
    Status,
)
from autopilot_agent.testing.in_process import InProcessNet, in_process_backend
from autopilot_agent.testing.samples import live
from autopilot_agent.testing.small import small_state
from autopilot_agent.wire import syncml_auth, tokens
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.wallet import Tokens

IME_HOST = "https://naprodimedatapri.azureedge.net"
OPEN = (
    Alert(1201),
    Alert(1224, "com.microsoft/MDM/LoginStatus", "others"),
    Alert(1224, "com.microsoft/MDM/BootstrapSync", "device"),
)
INFORMATION = (("./DevInfo/DevId", DEVICE), ("./DevInfo/Man", "Contoso"), ("./DevInfo/Lang", "en-US"))
URI = st.text("ABCdef/%20{}~", min_size=1, max_size=20).map(lambda text: f"./{text}")
VALUE = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")) | st.sampled_from("\n\r\uf000<&>"), max_size=30
)
FORMAT = st.sampled_from(("chr", "int", "bool", "node", "b64", "xml"))
LEAF = st.tuples(st.sampled_from(("Add", "Replace", "Delete", "Get", "Exec")), URI, VALUE, FORMAT)


@st.composite
def batches(draw: st.DrawFn) -> Commands:
    """Commands of a tenant, with numbers of their own; every third is an Atomic."""
    numbers = iter(draw(st.lists(st.integers(1, 999_999), min_size=12, max_size=12, unique=True)))
    out = []
    for verb, uri, value, form in draw(st.lists(LEAF, min_size=1, max_size=3)):
        if draw(st.integers(0, 2)):
            out.append(Command(next(numbers), verb, uri, value, form))
        else:
            out.append(Command(next(numbers), "Atomic", "", children=(Command(next(numbers), verb, uri, value, form),)))
    return Commands(tuple(out))


def opening(number: int = 1, alerts: tuple[Alert, ...] = OPEN, user_id: str = "") -> ManagementMessage:
    return ManagementMessage(ENROLMENT, number, 1, alerts, INFORMATION, (), user_id)


def after(statuses: tuple[Status, ...], message: int = 2, number: int = 1) -> ManagementMessage:
    return ManagementMessage(ENROLMENT, number, message, (), (), statuses)


@settings(deadline=None, max_examples=60)
@given(batches(), st.integers(1, 70_000), st.data())
def test_commands_statuses_and_results_come_through_without_private_headers(
    batch: Commands, number: int, data: st.DataObject
) -> None:
    desk = ScriptedDesk(batch)
    wire = Wire(desk)
    assert wire.send(opening(number)) == batch
    said = []
    for command in batch.commands:
        code = data.draw(st.sampled_from((200, 404, 405, 418, 500)))
        if command.verb == "Get" and code == 200:
            said.append(Status(command.id, 200, data.draw(VALUE), data.draw(FORMAT)))
        else:
            said.append(Status(command.id, code, children=tuple(Status(one.id, code) for one in command.children)))
    assert wire.send(after(tuple(said), number=number)) == Commands()
    first, second = desk.heard
    assert (first.enrolment_id, first.session, first.message) == (ENROLMENT, (number - 1) % 0xFFFF + 1, 1)
    assert (first.alerts, first.device_information, first.statuses) == (OPEN, INFORMATION, ())
    flat = [one for status in said for one in (structs.replace(status, children=()), *status.children)]
    assert (second.message, second.statuses) == (2, tuple(flat))


def test_package_1_says_what_windows_says() -> None:
    wire = Wire(ScriptedDesk())
    wire.send(opening(7, (*OPEN, DOMAIN_JOIN_ALERT)))
    request, message = wire.requests[0], wire.sent[0]
    assert request.url == "https://r.manage.microsoft.com/devicegatewayproxy/cimhandler.ashx?mode=Maintenance&Platform=WoA"
    assert request.certificate == "mdm" and request.headers["client-request-id"] == DEVICE
    assert request.headers["user-agent"] == "MSFT OMA DM Client/1.2.0.1"
    assert message.header.source == DEVICE and message.header.meta.max_message == "524288"
    assert [one.id for one in message.commands()] == ["2", "3", "4", "5", "6"]
    assert [one.data for one in message.alerts()] == ["1201", "1224", "1224", "1224"]
    assert message.final


def test_the_account_names_address_and_device() -> None:
    desk = ScriptedDesk()
    wire = Wire(desk)
    wire.wallet.account.update({"ADDR": "https://mdm.contoso.example/m?a=b", "DeviceID": DEVICE, "enrolment": ENROLMENT})
    wire.send(ManagementMessage(ENROLMENT, 1, 1))
    assert wire.requests[0].url == "https://mdm.contoso.example/m?a=b&mode=Maintenance&Platform=WoA"
    assert wire.sent[0].header.target == "https://mdm.contoso.example/m?a=b"
    assert [one.data for one in wire.sent[0].alerts(*dm.SESSION_BEGINS)] == ["1201"]
    assert desk.heard[0].alerts[0] == Alert(1201)


def test_an_enrolment_that_the_account_does_not_know_is_named_by_its_id() -> None:
    wire = Wire(ScriptedDesk())
    wire.wallet.account.update({"DeviceID": "OTHER", "enrolment": "another"})
    wire.send(opening())
    assert wire.sent[0].header.source == DEVICE


def token_of(desk: ScriptedDesk, user_id: str = "user-1", epoch: int = EPOCH, use: str = "access") -> Tokens:
    """A token that the device thinks is good."""
    resource = "https://manage.microsoft.com/"
    return Tokens({resource: tokens.mint(desk.authority, {"oid": user_id, "use": use}, epoch)}, {resource: 10**9})


def test_the_user_is_told_by_a_token() -> None:
    desk = ScriptedDesk()
    wire = Wire(desk)
    wire.wallet.users["user-1"] = token_of(desk)
    wire.send(opening(alerts=(Alert(1201), Alert(1224, "com.microsoft/MDM/LoginStatus", "user")), user_id="user-1"))
    assert desk.heard[0].user_id == "user-1" and "mode=Machine" in wire.requests[0].url
    assert all("AADUserToken" not in one.type for one in desk.heard[0].alerts)


def test_without_a_token_only_a_device_of_ours_can_name_its_user() -> None:
    for ours, known in ((False, ""), (True, "user-2")):
        desk = ScriptedDesk()
        Wire(desk, ours=ours).send(opening(user_id="user-2"))
        assert desk.heard[0].user_id == known


@pytest.mark.parametrize(("age", "use"), [(100_000, "access"), (0, "id")])
def test_a_bad_token_is_told_by_401_and_is_nobody(age: int, use: str) -> None:
    desk = ScriptedDesk()
    wire = Wire(desk)
    wire.wallet.users["user-1"] = token_of(desk, epoch=EPOCH - age, use=use)
    wire.send(opening(user_id="user-1"))
    assert desk.heard[0].user_id == ""
    assert [one.code for one in wire.got[0].statuses() if one.name == "Alert"] == ["200", "200", "200", "401"]


def test_alerts_of_ours_never_get_into_the_document() -> None:
    for ours in (False, True):
        desk = ScriptedDesk()
        wire = Wire(desk, ours=ours)
        wire.send(opening(alerts=(*OPEN, RESULT_ALERT)))
        assert RESULT_ALERT.type.encode() not in wire.requests[0].body
        assert (RESULT_ALERT in desk.heard[0].alerts) is ours


def test_large_results_go_in_pieces_and_arrive_whole() -> None:
    desk = ScriptedDesk(
        Commands((Command(7, "Get", "./A"), Command(8, "Get", "./B"))), Commands((Command(9, "Delete", "./A"),))
    )
    wire = Wire(desk)
    wire.send(opening())
    value = "<&\uf000" * 250_000
    said = (Status(7, 200, value, "xml"), Status(8, 404))
    assert wire.send(after(said)).commands == (Command(9, "Delete", "./A"),)
    assert sorted(desk.heard[1].statuses, key=lambda one: one.command) == list(said)
    assert len(desk.heard) == 2 and max(wire.sizes) <= 524_288
    assert {one.code for got in wire.got for one in got.statuses() if one.name == "Results"} == {"213"}


def test_large_commands_come_in_pieces_and_many_in_several_messages() -> None:
    big = Command(3, "Replace", "./Big", "x&" * 400_000, "xml")
    many = tuple(Command(number, "Replace", f"./Many/{number}", "y" * 100_000) for number in range(10, 20))
    desk = ScriptedDesk(Commands((Command(1, "Get", "./A"), big, *many)), Commands((Command(99, "Delete", "./A"),)))
    wire = Wire(desk)
    told, answer, message = [], wire.send(opening()), 1
    while answer.commands:
        told += answer.commands
        message += 1
        answer = wire.send(after(tuple(Status(one.id, 200) for one in answer.commands), message))
    assert tuple(told) == (Command(1, "Get", "./A"), big, *many, Command(99, "Delete", "./A"))
    assert [len(one.statuses) for one in desk.heard] == [0, 12, 1]
    assert max(wire.sizes) <= 524_288 and [one.final for one in wire.got][-1]


def test_a_session_that_was_lost_on_the_device_goes_on_with_the_numbers_of_the_commands() -> None:
    desk = ScriptedDesk(Commands((Command(5, "Get", "./A"),)))
    wire = Wire(desk)
    wire.send(opening())
    wire.wallet.session = None
    wire.send(after((Status(5, 200, "v"),)))
    assert desk.heard[1].statuses == (Status(5, 200, "v"),)


def md5_pair(**record: str) -> tuple[ScriptedDesk, Wire]:
    """A device and a server that know each other's secrets."""
    known = {
        "client_name": "lab-4711", "client_secret": "s2", "client_nonce": "bm9uY2U=",
        "server_name": "Contoso MDM", "server_secret": "s1", "server_nonce": "c2VydmVy",
    }  # fmt: skip
    desk = ScriptedDesk(Commands((Command(4, "Get", "./A"),)))
    desk.records.put("enrolment", DEVICE, {"enrolment_id": ENROLMENT, "auth": "md5", **known, **record})
    wire = Wire(desk)
    wire.wallet.account.update({**known, "enrolment": ENROLMENT, "DeviceID": DEVICE})
    return desk, wire


def header_codes(messages: list[dm.Message]) -> list[str]:
    return [one.statuses()[0].code for one in messages if one.statuses()]


def test_a_server_that_wants_md5_gets_package_1_again_with_credentials() -> None:
    desk, wire = md5_pair()
    assert wire.send(opening()).commands == (Command(4, "Get", "./A"),)
    assert wire.send(after((Status(4, 200, "v"),))) == Commands()
    assert header_codes(wire.got) == ["407", "212", "212"]
    assert [one.header.message for one in wire.sent] == ["1", "2", "3"]
    assert [one.header.credentials is not None for one in wire.sent] == [False, True, False]
    assert [one.message for one in desk.heard] == [1, 3] and desk.heard[0].alerts == OPEN
    assert header_codes(wire.sent[2:]) == ["212"], "the server has proved itself, too"


def test_the_next_session_begins_with_the_nonce_that_was_given() -> None:
    desk, wire = md5_pair()
    wire.send(opening())
    wire.send(after((Status(4, 404),)))
    wire.send(opening(2))
    assert header_codes(wire.got)[3:] == ["212"]
    assert desk.records.get("enrolment", DEVICE)["client_nonce"] == wire.wallet.account["client_nonce"] != "bm9uY2U="  # type: ignore[index]


def test_an_old_nonce_costs_one_more_message() -> None:
    desk, wire = md5_pair()
    wire.wallet.account["authenticates"] = syncml_auth.MD5
    wire.wallet.account["client_nonce"] = "b2xk"
    assert wire.send(opening()).commands
    assert header_codes(wire.got) == ["401", "212"]
    assert len(desk.heard) == 1


def test_a_server_that_does_not_know_its_secret_is_not_obeyed_until_it_does() -> None:
    desk, wire = md5_pair(server_nonce="b3RoZXI=")
    assert wire.send(opening()).commands == (Command(4, "Get", "./A"),), "the nonce of the device's challenge is the right one"
    refusal = wire.sent[2]
    assert [one.code for one in refusal.statuses()] == ["401", "401"] and refusal.statuses()[0].challenge is not None
    assert wire.send(after((Status(4, 200, "v"),))) == Commands()
    assert [one.value for one in desk.heard[-1].statuses if one.command == 4] == ["v"]


def at_home(command: Command) -> Command:
    """The command with packages where the tenant says that they lie; a stranger is told that they lie at the server."""
    agent = r"https://localhost(/IntuneWindowsAgent\.msi)\?fileNameHash=IntuneWindowsAgent\.msi"
    value = re.sub(agent, IME_HOST + r"\1", command.value)
    value = re.sub(r"https://localhost(/[^?<\"]*)\?fileNameHash=[^<\"]*", r"https://cdn.contoso.example\1", value)
    return structs.replace(command, value=value)


@pytest.mark.parametrize("auth", ["", "md5", "basic"])
def test_a_life_over_http_without_private_headers_brings_the_commands_of_the_tenant(auth: str) -> None:
    over_http, in_memory = small_state(), small_state()
    backend = in_process_backend(over_http)
    assert isinstance(backend.net, InProcessNet)
    records, reference = backend.net.application.desk.records, MemoryBackend(in_memory)
    compared = 0

    def ask(call: object) -> object:
        nonlocal compared
        backend.wallet.private = not isinstance(call, ManagementMessage)
        found, wanted = backend.send(call, now=60_000), reference.send(call, now=60_000)  # type: ignore[arg-type]
        if isinstance(found, Enrolled) and auth:
            device = backend.wallet.account["DeviceID"]
            records.put("enrolment", device, {**(records.get("enrolment", device) or {}), "auth": auth})
        if isinstance(found, Commands) and isinstance(call, ManagementMessage) and not call.user_id:
            assert isinstance(wanted, Commands)
            assert [at_home(one) for one in found.commands] == list(wanted.commands)
            compared += 1
        return wanted

    live(ask)
    assert compared > 8
