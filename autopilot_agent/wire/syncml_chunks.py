"""Objects that are larger than a message: cut into pieces by the sender, put together by the receiver (protocols.md 12.3).

A piece that is not the last one has ``MoreData``; the first one tells the size of the whole in ``Meta/Size`` (bytes of the
text in UTF-8). The receiver answers each piece with 213 and asks for the next message with alert 1222.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import structs

from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.syncml_xml import serialize, size_of

MESSAGE = 524_288
"""Bytes of a message that Windows says it takes, and that is sent to anybody who says nothing."""
SMALLEST = 2_048
"""A peer that says it takes less is sent this much all the same: a header and one status need it."""
OBJECT = 4_000_000
"""Characters of an object that is put together at all."""
LEAST = 64
"""Characters below which a piece is not worth a message."""
LONG_NUMBER = 10

E = TypeVar("E", dm.Status, dm.Results, dm.Command)


class Portion(msgspec.Struct, frozen=True):
    """What goes into one message, and what is left. ``continuing``: the first of the rest is the second part of an object."""

    elements: tuple[dm.Element, ...]
    rest: tuple[dm.Element, ...] = ()
    continuing: bool = False


def fitting(head: dm.Header, owed: tuple[dm.Element, ...], more: tuple[dm.Element, ...], largest: int, on: bool) -> Portion:
    """How much of ``more`` goes into one message behind what is ``owed``; ``on`` tells that its first is going on.

    The message is written once to see whether all of it fits, unless that is clear from the length of its texts: it nearly
    always is, which saves half of the writing.
    """
    if _surely_fits(dm.Message(head, (*owed, *more)), largest):
        return Portion(more)
    whole = len(serialize(dm.Message(head, (*owed, *more))))
    if whole <= largest:
        return Portion(more)
    empty = len(serialize(dm.Message(head, owed)))
    return portion(more, largest - empty, continuing=on)


def _surely_fits(message: dm.Message, largest: int) -> bool:
    """Whether a message would fit even if each of its bytes in JSON took eight.

    A character becomes five at most (``&amp;``), and no tag that is written is eight times as long as the field's name and
    quotes in JSON: the closest is ``<TargetRef></TargetRef>`` with 23 bytes for the three of ``"",``.
    """
    try:
        return len(msgspec.json.encode(message)) * 8 <= largest
    except ValueError:  # half a character; writing it will say so
        return False


def portion(elements: tuple[dm.Element, ...], room: int, *, continuing: bool = False) -> Portion:
    """As many elements, in their order, as fit into ``room`` bytes; the last one cut where it can be."""
    taken: list[dm.Element] = []
    for index, element in enumerate(elements):
        size = size_of(element)
        if size <= room:
            taken.append(element)
            room -= size
            continue
        parts = _cut(element, room, first=not (continuing and index == 0))
        if parts is None:
            return Portion(tuple(taken), elements[index:], continuing and index == 0)
        return Portion((*taken, parts[0]), (parts[1], *elements[index + 1 :]), continuing=True)
    return Portion(tuple(taken))


def _cut(element: dm.Element, room: int, *, first: bool) -> tuple[dm.Element, dm.Element] | None:
    """An element with one item in two parts, the first of which fits; None where that cannot be."""
    if isinstance(element, dm.Status) or len(element.items) != 1 or element.items[0].data is None:
        return None
    item = element.items[0]
    data = item.data or ""
    meta = structs.replace(item.meta, size=str(len(data.encode()))) if first else item.meta
    empty = structs.replace(element, items=(structs.replace(item, meta=meta, data="", more=True),))
    room -= size_of(empty)
    plain = data.isascii() and not any(one in data for one in "&<>\r")
    length = room if plain else room // 5  # the longest that one character becomes is &amp; or &#13;
    if length < LEAST or length >= len(data):
        return None
    return (
        structs.replace(element, items=(structs.replace(item, meta=meta, data=data[:length], more=True),)),
        structs.replace(element, items=(structs.replace(item, data=data[length:]),)),
    )


class Part(msgspec.Struct):
    """The beginning of an object that has not come to its end. ``size`` is -1 where nobody told it."""

    name: str
    uri: str
    meta: dm.Meta
    size: int
    pieces: list[str] = []


class Joined(msgspec.Struct, frozen=True):
    """What became of one element: itself or the whole object, or None and the status for a piece; ``broken``: see ``join``."""

    element: dm.Results | dm.Command | None
    part: Part | None = None
    code: int = 0
    broken: bool = False


def join(part: Part | None, element: dm.Results | dm.Command) -> Joined:
    """Take one more element. ``broken`` tells that it is not the rest of the object that was begun, which is forgotten.

    Only elements with one item carry pieces; of others each item must be whole.
    """
    name = type(element).__name__ if isinstance(element, dm.Results) else element.name
    item = element.items[0] if len(element.items) == 1 else dm.Item()
    uri = item.target or item.source
    broken = part is not None and (part.name, part.uri) != (name, uri)
    if part is None or broken:
        if not item.more:
            lost = any(one.more for one in element.items)
            return Joined(None, None, dm.WRONG_SIZE, broken) if lost else Joined(element, None, 0, broken)
        told = item.meta.size
        size = int(told) if told.isascii() and told.isdecimal() and len(told) < LONG_NUMBER else -1
        part = Part(name, uri, structs.replace(item.meta, size=""), size)
    part = Part(part.name, part.uri, part.meta, part.size, [*part.pieces, item.data or ""])
    if sum(map(len, part.pieces)) > OBJECT or part.size > OBJECT:
        return Joined(None, None, dm.TOO_LARGE, broken)
    if item.more:
        return Joined(None, part, dm.BUFFERED, broken)
    data = "".join(part.pieces)
    if part.size not in (-1, len(data.encode())):
        return Joined(None, None, dm.WRONG_SIZE, broken)
    return Joined(structs.replace(element, items=(structs.replace(item, meta=part.meta, data=data),)), None, 0, broken)
