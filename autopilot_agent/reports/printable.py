"""Text from files and services made safe for terminals: nothing in it can move a cursor or hide."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e01ef]"
)


def printable(text: str, *, lines: bool = False) -> str:
    """Text from a file or a service made safe for a terminal: escapes, bidi and invisible characters become visible.

    ``lines`` keeps line ends.
    """
    return _UNSAFE.sub(lambda found: _visible(found[0], lines), text)


def _visible(character: str, lines: bool) -> str:
    if character == "\n" and lines:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
