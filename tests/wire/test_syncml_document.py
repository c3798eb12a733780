"""SyncML documents, credentials and pieces of large objects."""

from __future__ import annotations

import base64
from hashlib import md5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from autopilot_agent.errors import Malformed
from autopilot_agent.wire import syncml_auth, syncml_chunks, syncml_xml
from autopilot_agent.wire import syncml_document as dm

WORD = st.text("abcXYZ019./%{}-_ü", min_size=1, max_size=12)
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")) | st.sampled_from("\n\t\r\uf000<>&'\""), max_size=40
)
META = st.builds(
    dm.Meta,
    st.sampled_from(("", "chr", "int", "xml")),
    st.sampled_from(("", "text/plain")),
    st.just(""),
    st.sampled_from(("", "12")),
)
ITEM = st.builds(dm.Item, WORD | st.just(""), WORD | st.just(""), META, st.none() | TEXT, st.booleans())
ITEMS = st.lists(ITEM, max_size=3).map(tuple)
LEAF = st.builds(dm.Command, st.sampled_from(dm.LEAVES), WORD | st.just(""), st.just(""), ITEMS, META)
ALERT = st.builds(dm.Command, st.just("Alert"), WORD, st.sampled_from(("1201", "1224", "1226")), ITEMS)
COMMAND = st.recursive(
    LEAF | ALERT,
    lambda inner: st.builds(
        dm.Command,
        st.sampled_from(dm.CONTAINERS),
        WORD,
        st.just(""),
        st.just(()),
        st.just(dm.NO_META),
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=5,
)
CHALLENGE = st.builds(dm.Challenge, st.sampled_from((syncml_auth.MD5, syncml_auth.BASIC)), st.sampled_from(("", "bm9uY2U=")))
STATUS = st.builds(
    dm.Status, WORD, WORD, WORD, WORD, st.sampled_from(("200", "507")), st.lists(WORD, max_size=2).map(tuple),
    st.lists(WORD, max_size=2).map(tuple), st.none() | CHALLENGE, ITEMS,
)  # fmt: skip
RESULTS = st.builds(dm.Results, WORD, WORD, WORD, ITEMS, META, st.lists(WORD, max_size=2).map(tuple))
HEADER = st.builds(
    dm.Header, WORD, WORD, WORD, WORD, WORD | st.just(""), st.none() | st.builds(dm.Credentials, WORD, WORD),
    st.builds(dm.Meta, max_message=st.sampled_from(("", "524288"))),
)  # fmt: skip
MESSAGE = st.builds(dm.Message, HEADER, st.lists(COMMAND | STATUS | RESULTS, max_size=4).map(tuple), st.booleans())


@settings(deadline=None, max_examples=80)
@given(MESSAGE)
def test_a_message_comes_back_from_its_bytes(message: dm.Message) -> None:
    assert syncml_xml.parse(syncml_xml.serialize(message)) == message


@settings(deadline=None, max_examples=30)
@given(MESSAGE, st.integers(0, 6000))
def test_what_surely_fits_does_fit(message: dm.Message, largest: int) -> None:
    if syncml_chunks._surely_fits(message, largest):
        assert len(syncml_xml.serialize(message)) <= largest


def test_the_tag_that_grows_most_is_counted() -> None:
    status = dm.Status("", "", "", "", "", ("",) * 1000, ("",) * 1000, items=(dm.Item(data="&" * 1000),) * 9)
    message = dm.Message(dm.Header("", "", "", ""), (status,))
    size = len(syncml_xml.serialize(message))
    assert not syncml_chunks._surely_fits(message, size - 1)


@settings(deadline=None, max_examples=60)
@given(
    st.binary(max_size=200)
    | MESSAGE.map(syncml_xml.serialize).flatmap(lambda data: st.integers(0, len(data)).map(lambda at: data[:at]))
)
def test_broken_bytes_are_malformed_and_nothing_else(data: bytes) -> None:
    try:
        syncml_xml.parse(data)
    except Malformed:
        return


FOREIGN = b"""<?xml version="1.0"?>
<a:SyncML xmlns:a="SYNCML:SYNCML1.1" xmlns:m="syncml:metinf"><a:SyncHdr><a:MsgID> 1 </a:MsgID>
  <a:Source><a:LocURI>https://mdm.fabrikam.example/</a:LocURI></a:Source></a:SyncHdr>
<a:SyncBody><a:Exec><a:CmdID>8a7b</a:CmdID><a:Item>
<a:Data> <a:MsiInstallJob id="{1}">x &amp; y<z xmlns="urn:z"/></a:MsiInstallJob> </a:Data>
  <a:Meta><m:Format>xml</m:Format></a:Meta><a:Target><a:LocURI>./A</a:LocURI></a:Target></a:Item></a:Exec>
  <a:Replace><a:CmdID>2</a:CmdID><a:Item><a:Data><![CDATA[<b>]]></a:Data></a:Item></a:Replace>
  <a:Teleport msft:x="1" xmlns:msft="urn:q"><a:CmdID>3</a:CmdID></a:Teleport></a:SyncBody></a:SyncML>"""


def test_older_namespace_prefixes_order_and_elements_as_data_are_taken() -> None:
    found = syncml_xml.parse(FOREIGN)
    execute, replace, unknown = found.commands()
    assert (found.header.message, found.final) == ("1", False)
    assert execute.items[0].target == "./A" and execute.items[0].meta.format == "xml"
    assert execute.items[0].data == '<MsiInstallJob id="{1}">x &amp; y<z xmlns="urn:z"/></MsiInstallJob>'
    assert replace.items[0].data == "<b>"
    assert (unknown.name, unknown.known) == ("Teleport", False)


def test_written_messages_have_no_cdata_and_the_order_of_the_dtd() -> None:
    item = dm.Item("./A", "./B", dm.Meta("chr", "text/plain"), "<x>&")
    text = syncml_xml.serialize(dm.Message(dm.Header("1", "1", "t", "s"), (dm.Command("Add", "2", items=(item,)),))).decode()
    assert "CDATA" not in text and "&lt;x&gt;&amp;" in text
    places = [text.index(f"<{name}") for name in ("VerDTD", "VerProto", "SessionID", "MsgID", "Target", "Source")]
    inner = [text.index(f"<{name}", text.index("<Item")) for name in ("Target", "Source", "Meta", "Data")]
    assert places == sorted(places) and inner == sorted(inner)
    assert '<Format xmlns="syncml:metinf">chr</Format>' in text and text.endswith("<Final/></SyncBody></SyncML>")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Bad Request",
        b"<html/>",
        b'<SyncML xmlns="urn:other"><SyncHdr/><SyncBody/></SyncML>',
        b'<SyncML xmlns="SYNCML:SYNCML1.2"><SyncBody/></SyncML>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr/><SyncBody/></SyncML>',
        b'<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr/><SyncBody>' + b"<Get/>" * 10_001 + b"</SyncBody></SyncML>",
        b'<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr/><SyncBody><Get>' + b"<Item/>" * 10_001 + b"</Get></SyncBody></SyncML>",
        b'<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr/><SyncBody>'
        + b"<Atomic>" * 70
        + b"</Atomic>" * 70
        + b"</SyncBody></SyncML>",
        b'<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><MsgID>' + b"1" * 300 + b"</MsgID></SyncHdr><SyncBody/></SyncML>",
    ],
)
def test_what_is_no_syncml_or_too_much_of_it_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        syncml_xml.parse(data)


def test_text_that_xml_cannot_hold_is_refused_by_the_writer() -> None:
    with pytest.raises(Malformed):
        syncml_xml.serialize(
            dm.Message(dm.Header("1", "1", "t", "s"), (dm.Command("Add", "1", items=(dm.Item("./A", data="\x00"),)),))
        )


def test_md5_credentials_are_the_hash_of_name_and_secret_and_decoded_nonce() -> None:
    secret = syncml_auth.Secret("lab-4711", "s2", "bm9uY2U=")
    inner = base64.b64encode(md5(b"lab-4711:s2").digest())
    wanted = base64.b64encode(md5(inner + b":nonce").digest()).decode()
    assert syncml_auth.prove(secret).data == wanted
    assert syncml_auth.proven(syncml_auth.prove(secret), secret)
    assert not syncml_auth.proven(syncml_auth.prove(structs.replace(secret, nonce="b2xk")), secret)
    assert not syncml_auth.proven(syncml_auth.prove(secret, syncml_auth.BASIC), secret)


def test_basic_credentials_are_name_and_secret() -> None:
    assert base64.b64decode(syncml_auth.prove(syncml_auth.Secret("a", "b"), syncml_auth.BASIC).data) == b"a:b"


def test_secrets_are_found_under_the_names_of_the_document_too() -> None:
    kept = {"APPSRV/AAUTHNAME": "n", "APPSRV/AAUTHSECRET": "s", "CLIENT/AAUTHSECRET": "t", "PROVIDER-ID": "P"}
    assert syncml_auth.Secret.of(kept, "client") == syncml_auth.Secret("n", "s")
    assert syncml_auth.Secret.of(kept, "server") == syncml_auth.Secret("P", "t")
    assert syncml_auth.Secret.of({}, "client") is None


@settings(deadline=None, max_examples=60)
@given(st.text(st.sampled_from("ab<&\r\uf000\U0001f600"), min_size=0, max_size=6000), st.integers(600, 3000))
def test_what_is_cut_into_pieces_is_put_together_again(data: str, room: int) -> None:
    whole = (
        dm.Command("Get", "1", items=(dm.Item("./A"),)),
        dm.Command("Replace", "2", items=(dm.Item("./B", meta=dm.Meta("chr"), data=data),)),
        dm.Command("Delete", "3", items=(dm.Item("./C"),)),
    )
    left: tuple[dm.Element, ...] = whole
    going_on, part, out = False, None, []
    while left:
        one = syncml_chunks.portion(left, room, continuing=going_on)
        assert one.elements and sum(map(syncml_xml.size_of, one.elements)) <= room
        left, going_on = one.rest, one.continuing
        for element in one.elements:
            assert isinstance(element, dm.Command)
            joined = syncml_chunks.join(part, element)
            part = joined.part
            assert not joined.broken
            if joined.element is not None:
                out.append(joined.element)
            else:
                assert joined.code == 213
    assert tuple(out) == whole


def test_a_wrong_size_is_424_and_a_strange_element_breaks_the_object() -> None:
    first = dm.Command("Replace", "1", items=(dm.Item("./B", meta=dm.Meta(size="99"), data="ab", more=True),))
    begun = syncml_chunks.join(None, first)
    assert (begun.code, begun.element) == (213, None)
    last = dm.Command("Replace", "1", items=(dm.Item("./B", data="c"),))
    assert syncml_chunks.join(begun.part, last).code == 424
    strange = syncml_chunks.join(begun.part, dm.Command("Get", "1", items=(dm.Item("./X"),)))
    assert strange.broken and strange.element is not None


def test_an_object_without_end_is_refused() -> None:
    endless = dm.Command("Replace", "1", items=(dm.Item("./B", data="x" * 1_500_000, more=True),))
    part, codes = None, []
    for _ in range(4):
        joined = syncml_chunks.join(part, endless)
        part = joined.part
        codes.append(joined.code)
    assert codes[:3] == [213, 213, 413]
