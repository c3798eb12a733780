"""SyncML messages from bytes and to bytes.

Reading takes what peers really send (protocols.md 18): either version of the namespace, any prefix, elements in another order,
Data as escaped text or as elements, names that nobody knows. Writing keeps the order of the DTD, escapes all data, and uses no
CDATA, because Windows knows none.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from lxml import etree

from autopilot_agent.errors import Malformed
from autopilot_agent.wire import safe_xml
from autopilot_agent.wire import syncml_document as dm

if TYPE_CHECKING:
    from autopilot_agent.wire.safe_xml import Element

    Parts = dict[str, Element]  # what ``safe_xml.firsts`` gives: an element's children by name

LARGEST = 4_000_000
"""Bytes of a message that is read at all; eight times what Windows says it takes."""
MOST_ELEMENTS = 10_000
"""Commands, statuses and results that a message may have, nested ones included; items the same."""
LONGEST_NAME = 200
"""Characters of an id or of a name."""
META = {
    "format": "Format",
    "type": "Type",
    "mark": "Mark",
    "size": "Size",
    "next_nonce": "NextNonce",
    "max_message": "MaxMsgSize",
    "max_object": "MaxObjSize",
}
IN_METINF: Any = {None: dm.METINF}
"""Declared on each child of a Meta, as Windows writes them."""
NAMESPACES = ("", dm.SYNCML, dm.OLDER)


def parse(data: bytes, largest: int = LARGEST) -> dm.Message:
    """The message in a document. Raises ``Malformed`` for anything that is no SyncML."""
    return read(safe_xml.parse(data, largest))


def read(root: Element) -> dm.Message:
    """The same of the root of a document."""
    name = safe_xml.local(root)
    if name != "SyncML" or safe_xml.namespace(root) not in NAMESPACES:
        raise Malformed(f"the document is no SyncML: its root is {name[:60]!r} of {safe_xml.namespace(root)[:60]!r}")
    header, body = safe_xml.child(root, "SyncHdr"), safe_xml.child(root, "SyncBody")
    if header is None or body is None:
        raise Malformed("the SyncML has no header or no body")
    reader = _Reader()
    elements = reader.elements(body)
    return dm.Message(_header(header), elements, safe_xml.child(body, "Final") is not None)


def _header(element: Element) -> dm.Header:
    parts = safe_xml.firsts(element)
    credentials = None
    if "cred" in parts:
        cred = safe_xml.firsts(parts["cred"])
        meta = _meta(cred)
        credentials = dm.Credentials(meta.type, _word(cred, "data"), meta.format or "b64")
    source = safe_xml.firsts(parts.get("source"))
    return dm.Header(
        _name(parts, "SessionID"),
        _name(parts, "MsgID"),
        _uri(parts, "target"),
        _word(source, "locuri"),
        _word(source, "locname"),
        credentials,
        _meta(parts),
    )


class _Reader:
    """Reads the elements of one body, and counts them."""

    def __init__(self) -> None:
        self.left = MOST_ELEMENTS
        self.items_left = MOST_ELEMENTS

    def elements(self, parent: Element, skip: tuple[str, ...] = ("Final",)) -> tuple[dm.Element, ...]:
        """The children that are elements of a body."""
        return tuple(self._element(one) for one in parent if safe_xml.local(one) not in skip)

    def _element(self, element: Element) -> dm.Element:
        self.left -= 1
        if self.left < 0:
            raise Malformed(f"the message has more than {MOST_ELEMENTS} commands")
        name, parts = safe_xml.local(element), safe_xml.firsts(element)
        number = _name(parts, "CmdID")
        if name == "Status":
            return self._status(element, parts, number)
        if name == "Results":
            message, command = _name(parts, "MsgRef"), _name(parts, "CmdRef")
            targets = _references(element, parts, "targetref")
            return dm.Results(number, message, command, self._items(element, parts), _meta(parts), targets)
        if name in dm.CONTAINERS:
            inner = self.elements(element, ("CmdID", "Meta", "NoResp"))
            return dm.Command(name, number, meta=_meta(parts), body=inner)
        data = _word(parts, "data")[:LONGEST_NAME]
        return dm.Command(name[:LONGEST_NAME], number, data, self._items(element, parts), _meta(parts))

    def _status(self, element: Element, parts: Parts, number: str) -> dm.Status:
        challenge = None
        if "chal" in parts:
            meta = _meta(safe_xml.firsts(parts["chal"]))
            challenge = dm.Challenge(meta.type, meta.next_nonce, meta.format or "b64")
        return dm.Status(
            number,
            _name(parts, "MsgRef"),
            _name(parts, "CmdRef"),
            _name(parts, "Cmd"),
            _name(parts, "Data"),
            _references(element, parts, "targetref"),
            _references(element, parts, "sourceref"),
            challenge,
            self._items(element, parts),
        )

    def _items(self, element: Element, parts: Parts) -> tuple[dm.Item, ...]:
        found = safe_xml.children(element, "item") if "item" in parts else []
        self.items_left -= len(found)
        if self.items_left < 0:
            raise Malformed(f"the message has more than {MOST_ELEMENTS} items")
        return tuple(_item(safe_xml.firsts(one)) for one in found)


def _item(parts: Parts) -> dm.Item:
    return dm.Item(_uri(parts, "target"), _uri(parts, "source"), _meta(parts), _data(parts.get("data")), "moredata" in parts)


def _word(parts: Parts, name: str) -> str:
    return safe_xml.text(parts.get(name)).strip()


def _uri(parts: Parts, name: str) -> str:
    return safe_xml.text(safe_xml.child(parts.get(name), "locuri")).strip()


def _name(parts: Parts, name: str) -> str:
    text = _word(parts, name.casefold())
    if len(text) > LONGEST_NAME:
        raise Malformed(f"the {name} has more than {LONGEST_NAME} characters")
    return text


def _references(element: Element, parts: Parts, name: str) -> tuple[str, ...]:
    return tuple(safe_xml.text(one).strip() for one in safe_xml.children(element, name)) if name in parts else ()


def _meta(parts: Parts) -> dm.Meta:
    if "meta" not in parts:
        return dm.NO_META
    found = safe_xml.firsts(parts["meta"])
    return dm.Meta(**{field: _word(found, name.casefold()) for field, name in META.items()})


def _data(element: Element | None) -> str | None:
    """The text of a Data element; elements in it are written out as they would stand in the escaped form."""
    if element is None:
        return None
    if not len(element):
        return element.text or ""
    pieces = [_escaped(element.text or "")]
    for one in element:
        for inner in one.iter():
            if safe_xml.namespace(inner) in NAMESPACES:
                inner.tag = safe_xml.local(inner)
        alone = deepcopy(one)  # a copy knows nothing of what the message declares further out
        alone.tail = None
        etree.cleanup_namespaces(alone)
        pieces += [etree.tostring(alone, encoding="unicode"), _escaped(one.tail or "")]
    return "".join(pieces).strip()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def serialize(message: dm.Message) -> bytes:
    """The bytes of a message. Raises ``Malformed`` for text that XML cannot hold."""
    root = safe_xml.element(f"{{{dm.SYNCML}}}SyncML", {"": dm.SYNCML})
    header = message.header
    head = _sub(root, "SyncHdr")
    _sub(head, "VerDTD", "1.2")
    _sub(head, "VerProto", "DM/1.2")
    _sub(head, "SessionID", header.session)
    _sub(head, "MsgID", header.message)
    _sub(_sub(head, "Target"), "LocURI", header.target)
    source = _sub(head, "Source")
    _sub(source, "LocURI", header.source)
    if header.source_name:
        _sub(source, "LocName", header.source_name)
    if header.credentials is not None:
        cred = _sub(head, "Cred")
        _write_meta(cred, dm.Meta(header.credentials.format, header.credentials.type))
        _sub(cred, "Data", header.credentials.data)
    _write_meta(head, header.meta)
    body = _sub(root, "SyncBody")
    for element in message.body:
        _write(body, element)
    if message.final:
        _sub(body, "Final")
    return safe_xml.serialize(root)


def size_of(element: dm.Element) -> int:
    """Bytes that an element of a body adds to a message."""
    root = safe_xml.element(f"{{{dm.SYNCML}}}SyncBody", {"": dm.SYNCML})
    _write(root, element)
    return len(safe_xml.serialize(root)) - len(f'<SyncBody xmlns="{dm.SYNCML}"></SyncBody>')


def _sub(parent: Element, name: str, value: str | None = None) -> Element:
    made = etree.SubElement(parent, f"{{{dm.SYNCML}}}{name}")
    return made if value is None else _fill(made, value)


def _fill(element: Element, value: str) -> Element:
    try:
        element.text = value
    except ValueError:
        raise Malformed("the text holds characters that XML has no way to write") from None
    return element


def _write(parent: Element, element: dm.Element) -> None:
    if isinstance(element, dm.Command):
        _write_command(parent, element)
        return
    made = _sub(parent, type(element).__name__)
    _sub(made, "CmdID", element.id)
    if isinstance(element, dm.Results):
        _sub(made, "MsgRef", element.message)
        _sub(made, "CmdRef", element.command)
        _write_meta(made, element.meta)
        for uri in element.targets:
            _sub(made, "TargetRef", uri)
        _write_items(made, element.items)
        return
    for name, value in (("MsgRef", element.message), ("CmdRef", element.command), ("Cmd", element.name)):
        _sub(made, name, value)
    for uri in element.targets:
        _sub(made, "TargetRef", uri)
    for uri in element.sources:
        _sub(made, "SourceRef", uri)
    if element.challenge is not None:
        found = element.challenge
        _write_meta(_sub(made, "Chal"), dm.Meta(found.format, found.type, next_nonce=found.nonce))
    _sub(made, "Data", element.code)
    _write_items(made, element.items)


def _write_command(parent: Element, command: dm.Command) -> None:
    if not command.known:
        raise Malformed(f"{command.name!r} is no command of OMA-DM")
    made = _sub(parent, command.name)
    if command.id:
        _sub(made, "CmdID", command.id)
    if command.name == "Alert":
        _sub(made, "Data", command.data)
    else:
        _write_meta(made, command.meta)
    _write_items(made, command.items)
    for inner in command.body:
        _write(made, inner)


def _write_meta(parent: Element, meta: dm.Meta) -> None:
    if meta == dm.NO_META:
        return
    made = _sub(parent, "Meta")
    for field, name in META.items():
        value = getattr(meta, field)
        if value:
            _fill(etree.SubElement(made, f"{{{dm.METINF}}}{name}", nsmap=IN_METINF), value)


def _write_items(parent: Element, items: tuple[dm.Item, ...]) -> None:
    for item in items:
        made = _sub(parent, "Item")
        if item.target:
            _sub(_sub(made, "Target"), "LocURI", item.target)
        if item.source:
            _sub(_sub(made, "Source"), "LocURI", item.source)
        _write_meta(made, item.meta)
        if item.data is not None:
            _sub(made, "Data", item.data)
        if item.more:
            _sub(made, "MoreData")
