"""As much of DER (X.690) as certificate requests need: a strict reader with bounds, and a writer.

The subject of a request by Windows is a PrintableString that holds characters such a string may not have (protocols.md 9.3);
libraries that check the text refuse the whole request, so its structure is read and written here.
"""

from __future__ import annotations

from typing import NamedTuple

from autopilot_agent.errors import Malformed

INTEGER, BIT_STRING, OCTET_STRING, OBJECT, PRINTABLE = 0x02, 0x03, 0x04, 0x06, 0x13
SEQUENCE, SET = 0x30, 0x31
MOST_PARTS = 200
"""Elements that a sequence may have; requests and signatures have a handful."""


class Value(NamedTuple):
    """One element: its tag, what is in it, and all its bytes."""

    tag: int
    content: bytes
    raw: bytes

    def parts(self) -> list[Value]:
        """The elements of a sequence or set. Raises ``Malformed``."""
        found: list[Value] = []
        at = 0
        while at < len(self.content):
            if len(found) >= MOST_PARTS:
                raise Malformed("a sequence has too many elements")
            one, at = _read(self.content, at)
            found.append(one)
        return found

    def sequence(self, least: int = 0) -> list[Value]:
        """The elements of what must be a sequence of at least so many. Raises ``Malformed``."""
        if self.tag != SEQUENCE:
            raise Malformed("a sequence is missing")
        found = self.parts()
        if len(found) < least:
            raise Malformed("a sequence is too short")
        return found

    def bits(self) -> bytes:
        """The bytes of a bit string without spare bits. Raises ``Malformed``."""
        if self.tag != BIT_STRING or self.content[:1] != b"\0":
            raise Malformed("a bit string of whole bytes is missing")
        return self.content[1:]

    def oid(self) -> str:
        """The dotted form of an object identifier. Raises ``Malformed``."""
        if self.tag != OBJECT or not self.content or len(self.content) > 64 or self.content[-1] & 0x80:
            raise Malformed("an object identifier is missing")
        numbers, value = [], 0
        for byte in self.content:
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                numbers.append(value)
                value = 0
        first = min(numbers[0] // 40, 2)
        return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def read(data: bytes) -> Value:
    """The one element that the bytes are. Raises ``Malformed`` for anything else, more bytes behind it included."""
    value, end = _read(data, 0)
    if end != len(data):
        raise Malformed("there are bytes behind the DER value")
    return value


def _read(data: bytes, at: int) -> tuple[Value, int]:
    if at + 2 > len(data):
        raise Malformed("the DER ends too early")
    tag, length, begin = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        raise Malformed("a DER tag has more than one byte")
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or begin + size > len(data):
            raise Malformed("a DER length cannot be read")
        length, begin = int.from_bytes(data[begin : begin + size], "big"), begin + size
    end = begin + length
    if end > len(data):
        raise Malformed("the DER ends too early")
    return Value(tag, data[begin:end], data[at:end]), end


def write(tag: int, *content: bytes) -> bytes:
    """One element."""
    inside = b"".join(content)
    size = len(inside)
    if size < 0x80:
        return bytes((tag, size)) + inside
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + inside


def sequence(*content: bytes) -> bytes:
    """A sequence."""
    return write(SEQUENCE, *content)


def oid(dotted: str) -> bytes:
    """An object identifier."""
    numbers = [int(one) for one in dotted.split(".")]
    inside = b""
    for number in (numbers[0] * 40 + numbers[1], *numbers[2:]):
        group = bytes((number & 0x7F,))
        while number := number >> 7:
            group = bytes((0x80 | number & 0x7F,)) + group
        inside += group
    return write(OBJECT, inside)


def bit_string(data: bytes) -> bytes:
    """A bit string of whole bytes."""
    return write(BIT_STRING, b"\0", data)
