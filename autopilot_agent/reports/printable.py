"""Text from files and services made safe for terminals and CI systems: nothing in it can move a cursor, hide, or command."""

from __future__ import annotations

import os
import re

READING_ALONG = ("GITHUB_ACTIONS", "TF_BUILD")
"""Variables of CI systems that take lines of the output for commands."""
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e01ef]"
)
_NOT_SAFE = re.compile("[^\n\x20-\x7e\u00a1-\u00ac\u00ae-\u052f\u1e00-\u1fff\u3040-\u9fff\uac00-\ud7a3]")
_NOT_ASCII = re.compile("[^\n\x20-\x7e]")
_COMMAND = re.compile(r"^([^\S\n]*):(?=:)|#(?=#(?:vso)?\[)", re.MULTILINE)


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


def safe_json(text: str, *, ascii_only: bool = False) -> str:
    """JSON that loses nothing: what a console must not see, or cannot, is written as an escape of JSON."""
    return (_NOT_ASCII if ascii_only else _NOT_SAFE).sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    data = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[at : at + 2].hex()}" for at in range(0, len(data), 2))


def without_commands(text: str) -> str:
    """Lines that no CI system takes for commands.

    The runner of GitHub Actions obeys "::" after any blanks at the start of a line and "##[" anywhere (ActionCommand.cs in
    github.com/actions/runner); that of Azure Pipelines obeys "##vso[".
    """
    return _COMMAND.sub(lambda found: "\\x23" if found[0] == "#" else f"{found[1]}\\x3a", text)


def obeyed_by_nobody(text: str) -> str:
    """The text, with its commands made visible where a CI system reads along."""
    return without_commands(text) if _read_along() else text


def json_obeyed_by_nobody(text: str) -> str:
    """JSON that says the same; the marks of commands inside of it are escapes of JSON where a CI system reads along."""
    return text.replace("##", "#\\u0023") if _read_along() else text


def _read_along() -> bool:
    return any(os.environ.get(name) for name in READING_ALONG)
