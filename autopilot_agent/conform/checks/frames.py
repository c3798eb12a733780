"""How the messages of a session are written: frame, order, numbers, statuses, data (OMA DM 1.2.1, MS-MDM)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from autopilot_agent.conform.checks.registry import Seen, tests
from autopilot_agent.conform.evidence import Visit, leaves
from autopilot_agent.wire import safe_xml
from autopilot_agent.wire import syncml_document as dm

ORDERS = {
    "SyncML": "SyncHdr SyncBody",
    "SyncHdr": "VerDTD VerProto SessionID MsgID Target Source RespURI NoResp Cred Meta",
    "Item": "Target Source SourceParent TargetParent Meta Data MoreData",
    "Status": "CmdID MsgRef CmdRef Cmd TargetRef SourceRef Cred Chal Data Item",
    "Results": "CmdID MsgRef CmdRef Meta TargetRef SourceRef Item",
    "Alert": "CmdID NoResp Cred Data Correlator Item",
    "Add": "CmdID NoResp Cred Meta Item",
    "Replace": "CmdID NoResp Cred Meta Item",
    "Delete": "CmdID NoResp Archive SftDel Cred Meta Item",
    "Get": "CmdID NoResp Lang Cred Meta Item",
    "Exec": "CmdID NoResp Cred Correlator Meta Item",
    "Target": "LocURI LocName",
    "Source": "LocURI LocName",
}
"""Children in the order of the DTD; Atomic and Sequence, whose commands come in any order, are not looked at."""
FORMATS = {"", "chr", "int", "bool", "node", "b64", "bin", "xml", "null", "time", "float", "date"}
DATA = f"{{{dm.SYNCML}}}Data"


@tests("DM-TYPE")
def content_type(visit: Visit) -> Iterable[Seen]:
    """The type that was sent."""
    for _, turn, _ in visit.messages():
        response = turn.exchange.response
        kind = response.headers.get("content-type", "") if response is not None else ""
        if kind.partition(";")[0].strip().casefold() != "application/vnd.syncml.dm+xml":
            yield Seen(f"Content-Type is {kind or 'missing'}", turn.exchange)
            return


@tests("DM-FRAME")
def frame(visit: Visit) -> Iterable[Seen]:
    """Namespace and versions."""
    for _, turn, _ in visit.messages():
        root = turn.root
        if root is None:
            continue
        if safe_xml.namespace(root) != dm.SYNCML:
            yield Seen(f"the root is in {safe_xml.namespace(root) or 'no namespace'}", turn.exchange)
            return
        header = safe_xml.child(root, "SyncHdr")
        found = [safe_xml.text(safe_xml.child(header, name)).strip() for name in ("VerDTD", "VerProto")]
        if found != ["1.2", "DM/1.2"]:
            yield Seen(f"VerDTD and VerProto are {found[0] or 'missing'} and {found[1] or 'missing'}", turn.exchange)
            return


@tests("DM-ORDER")
def order(visit: Visit) -> Iterable[Seen]:
    """As in the DTD."""
    for _, turn, _ in visit.messages():
        for one in turn.root.iter() if turn.root is not None else ():
            name = safe_xml.local(one)
            found = [safe_xml.local(child) for child in one]
            wanted = ORDERS.get(name, "").split()
            above = one.getparent()
            inside = above is not None and safe_xml.local(above) in ("Data", "Meta")
            if not wanted or inside or set(found) - set(wanted):
                continue
            if found != sorted(found, key=wanted.index):
                yield Seen(f"the children of {name} come as {', '.join(found[:8])}", turn.exchange)
                return


@tests("DM-META")
def meta(visit: Visit) -> Iterable[Seen]:
    """Children of Meta in their namespace, with formats that exist."""
    for _, turn, _ in visit.messages():
        for one in turn.root.iter(f"{{{dm.SYNCML}}}Meta") if turn.root is not None else ():
            for child in one:
                name = safe_xml.local(child)
                if safe_xml.namespace(child) != dm.METINF:
                    yield Seen(f"{name} of a Meta is not in {dm.METINF}", turn.exchange)
                    return
                if name == "Format" and safe_xml.text(child).strip() not in FORMATS:
                    yield Seen(f"Format is {safe_xml.text(child)[:40]!r}", turn.exchange)
                    return


@tests("DM-SESSION-ID")
def session_id(visit: Visit) -> Iterable[Seen]:
    """Copied."""
    for _, turn, got in visit.messages():
        if got.header.session != turn.sent.header.session:
            yield Seen(f"SessionID is {got.header.session or 'missing'}, the device's is {turn.sent.header.session}",
                       turn.exchange)  # fmt: skip
            return


@tests("DM-MSG-ID")
def message_id(visit: Visit) -> Iterable[Seen]:
    """Counted from 1."""
    number: dict[int, int] = {}
    for talk, turn, got in visit.messages():
        number[id(talk)] = number.get(id(talk), 0) + 1
        allowed = {str(number[id(talk)]), turn.sent.header.message}
        if got.header.message not in allowed:
            said = got.header.message or "(none)"
            yield Seen(f"message {number[id(talk)]} of the server has the MsgID {said}", turn.exchange)
            return


@tests("DM-ADDRESSES")
def addresses(visit: Visit) -> Iterable[Seen]:
    """To the device, from the server."""
    for _, turn, got in visit.messages():
        if got.header.target != turn.sent.header.source:
            yield Seen(f"Target is {got.header.target or 'missing'}, the device is {turn.sent.header.source}", turn.exchange)
            return
        if not got.header.source:
            yield Seen("Source is missing", turn.exchange)
            return


@tests("DM-STATUS-HEADER")
def header_status(visit: Visit) -> Iterable[Seen]:
    """First of all, for the header."""
    for _, turn, got in visit.messages():
        first = got.body[0] if got.body else None
        if not isinstance(first, dm.Status) or first.command != "0" or first.name != dm.HEADER:
            yield Seen("the first element of the body is no Status for the header (CmdRef 0, Cmd SyncHdr)", turn.exchange)
            return
        if first.message != turn.sent.header.message:
            yield Seen(f"the Status for the header has MsgRef {first.message}, the message was {turn.sent.header.message}",
                       turn.exchange)  # fmt: skip
            return


@tests("DM-STATUS-ALL")
def statuses(visit: Visit) -> Iterable[Seen]:
    """For every command of the device."""
    for _, turn, got in visit.messages():
        if any(dm.status_code(one) in (401, 407) for one in got.statuses()):
            continue
        answered = {one.command for one in got.statuses()}
        missing = [one.name for one in turn.sent.commands() if one.id and one.id not in answered]
        if missing:
            yield Seen(f"there is no Status for {', '.join(missing)} of the device", turn.exchange)
            return


@tests("DM-STATUS-STATUS")
def no_more(visit: Visit) -> Iterable[Seen]:
    """None for a Status."""
    for _, turn, got in visit.messages():
        own = {one.id for one in turn.sent.statuses()}
        wrong = [one for one in got.statuses() if one.command in own or one.name == "Status"]
        if wrong:
            yield Seen(f"Status {wrong[0].id} answers a Status of the device", turn.exchange)
            return


@tests("DM-CMD-ID")
def command_ids(visit: Visit) -> Iterable[Seen]:
    """One for everything, each once."""
    for _, turn, got in visit.messages():
        found = list(_ids(got.body))
        if not all(found):
            yield Seen("a command has no CmdID", turn.exchange)
            return
        if "0" in found:
            yield Seen("a command has the CmdID 0", turn.exchange)
            return
        if len(set(found)) < len(found):
            twice = Counter(found).most_common(1)[0][0]
            yield Seen(f"CmdID {twice} is there twice in one message", turn.exchange)
            return


def _ids(body: tuple[dm.Element, ...]) -> Iterable[str]:
    for one in body:
        yield one.id
        if isinstance(one, dm.Command):
            yield from _ids(one.body)


@tests("DM-COMMANDS")
def known(visit: Visit) -> Iterable[Seen]:
    """Commands that exist."""
    for _, turn, got in visit.messages():
        for one in (*(each for each in got.body if isinstance(each, dm.Command)), *(each for each, _ in leaves(got.body))):
            if not one.known:
                yield Seen(f"{one.name!r} is no command", turn.exchange)
                return


@tests("DM-FINAL")
def final(visit: Visit) -> Iterable[Seen]:
    """At the end of what is whole."""
    for _, turn, got in visit.messages():
        body = safe_xml.child(turn.root, "SyncBody")
        names = [safe_xml.local(one) for one in body] if body is not None else []
        goes_on = any(item.more for one in got.commands() for item in one.items) or got.alerts(dm.NEXT_MESSAGE)
        if "Final" in names[:-1]:
            yield Seen("Final is not the last element", turn.exchange)
            return
        if not got.final and not goes_on and not got.commands():
            yield Seen("the last message of the session has no Final", turn.exchange)
            return


@tests("DM-CDATA")
def cdata(visit: Visit) -> Iterable[Seen]:
    """Never."""
    for _, turn in visit.turns():
        if turn.exchange.response is not None and b"<![CDATA[" in turn.exchange.response.body:
            yield Seen("the message has a CDATA section", turn.exchange)
            return


@tests("DM-MARKUP")
def markup(visit: Visit) -> Iterable[Seen]:
    """Elements in Data only where Format says xml."""
    for _, turn, _ in visit.messages():
        for one in turn.root.iter(DATA) if turn.root is not None else ():
            item = one.getparent() if len(one) else None
            if item is not None and not ({_format(item), _format(item.getparent())} & {"xml", "node"}):
                yield Seen("Data holds elements, and Format is not xml", turn.exchange)
                return


def _format(element: safe_xml.Element | None) -> str:
    """The format in the Meta of a command or an item, which stands among the first children: a command may have thousands."""
    for one in islice(element if element is not None else (), 8):
        if safe_xml.local(one) == "Meta":
            return safe_xml.text(safe_xml.child(one, "Format")).strip()
    return ""


@tests("DM-LOCURI")
def uris(visit: Visit) -> Iterable[Seen]:
    """Relative to the root, encoded."""
    for _, turn, got in visit.messages():
        for command, _ in leaves(got.body):
            for item in command.items:
                uri = item.target or item.source
                if not uri.startswith("./") or any(one in uri for one in " {}<>\"\\") or "//" in uri:
                    yield Seen(f"{command.name} of {uri[:120]!r}", turn.exchange)
                    return


@tests("DM-SIZE")
def size(visit: Visit) -> Iterable[Seen]:
    """No more than the device takes."""
    for _, turn in visit.turns():
        largest = turn.sent.header.meta.max_message
        response = turn.exchange.response
        if response is not None and largest.isdecimal() and len(response.body) > int(largest):
            yield Seen(f"the message has {len(response.body)} bytes, MaxMsgSize is {largest}", turn.exchange)
            return
