"""The offline domain join blob: the strings that a provisioning blob begins with (protocols.md 5), written and read."""

from __future__ import annotations

import base64
import binascii
import struct

import msgspec

STRINGS_AT = 0xC0
"""Where the strings begin; what stands before, and the structure that follows in a real blob, is opaque to us."""


class DomainBlob(msgspec.Struct, frozen=True):
    """What a computer needs to be a member of a domain without having spoken to it."""

    domain: str
    computer_name: str
    password: str


def pack(blob: DomainBlob) -> str:
    """The blob as base64, the way an Exec carries it."""
    data = bytearray(STRINGS_AT)
    for text in (blob.domain, blob.computer_name, blob.password):
        raw = text.encode("utf-16-le")
        data += struct.pack("<III", len(raw) // 2, 0, len(raw) // 2) + raw + bytes(-len(raw) % 4)
    return base64.b64encode(data).decode()


def unpack(text: str) -> DomainBlob | None:
    """The strings of a blob, or None for what is none."""
    try:
        data = base64.b64decode(text, validate=True)
        found, at = [], STRINGS_AT
        for _ in range(3):
            (count,) = struct.unpack_from("<I", data, at)
            raw = data[at + 12 : at + 12 + 2 * count]
            if not count or len(raw) < 2 * count:
                return None
            found.append(raw.decode("utf-16-le"))
            at += 12 + len(raw) + -len(raw) % 4
        return DomainBlob(*found)
    except (binascii.Error, ValueError, struct.error):
        return None
