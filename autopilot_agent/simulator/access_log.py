"""What is told of each request: one line of JSON for the log, without secrets, and the figures for the metrics."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec

from autopilot_agent.errors import InputError, Place

LONGEST = 300
"""Characters of a path or a name that the log keeps."""


class Seen(msgspec.Struct):
    """One request. ``query`` has the names of parameters without their values, which may be secrets; bodies and headers are
    never kept. ``error`` is the type of an exception that nobody expected, ``fault`` the code of a refusal."""

    method: str = ""
    path: str = ""
    route: str = ""
    status: int = 0
    milliseconds: float = 0.0
    client: str = ""
    query: list[str] = []
    serial_number: str = ""
    device: str = ""
    enrolment: str = ""
    received: int = 0
    sent: int = 0
    fault: str = ""
    error: str = ""


Observer = Callable[[Seen], None]


class AccessLog:
    """Writes lines to a stream; a line that cannot be written is lost, and counted in ``lost``.

    ``tell`` is told when that begins and when it ends, and nothing in between.
    """

    def __init__(
        self,
        stream: TextIO,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.stream = stream
        self.clock = clock
        self.tell = tell
        self.trouble = False
        self.lost = 0
        self._lock = threading.Lock()

    @classmethod
    def open(cls, name: str, tell: Callable[[str], None] = lambda text: None) -> AccessLog:
        """The log at a path (appended to), or on standard output for "-". Raises ``InputError``."""
        if name == "-":
            return cls(sys.stdout, tell=tell)
        try:
            return cls(Path(name).open("a", encoding="utf-8", newline="\n"), tell=tell)
        except (OSError, ValueError) as error:
            text = f"the access log cannot be written ({reason_of(error)}); choose another place."
            raise InputError(text, Place(name)) from None

    def seen(self, one: Seen) -> None:
        """A request was answered."""
        found = {name: _short(value) for name, value in msgspec.structs.asdict(one).items() if value or name == "status"}
        self._write(found)

    def said(self, text: str) -> None:
        """Something about a connection, which never became a request."""
        self._write({"connection": _short(text)})

    def _write(self, fields: dict[str, object]) -> None:
        stamp = self.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = msgspec.json.encode({"time": stamp, **fields}).decode()
        with self._lock:
            try:
                self.stream.write(_ascii(line) + "\n")
                self.stream.flush()
            except (OSError, ValueError) as error:
                self.lost += 1
                self._changed(True, f"cannot be written ({reason_of(error)}): lines are lost, serving goes on; make room.")
            else:
                self._changed(False, f"can be written again; {self.lost} lines are lost.")

    def _changed(self, trouble: bool, said: str) -> None:
        """Once for as long as it lasts, not once a request."""
        if trouble is not self.trouble:
            self.trouble = trouble
            self.tell(f"{getattr(self.stream, 'name', 'access log')}: the access log {said}")

    def close(self) -> None:
        """Close a file; standard output stays open."""
        if self.stream is not sys.stdout:
            with suppress(OSError, ValueError):  # said when it was to be written
                self.stream.close()


def reason_of(error: OSError | ValueError) -> str:
    """Why a file could not be used, in a few words."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _short(value: object) -> object:
    if isinstance(value, list):
        return [_short(one) for one in value[:20]]
    return value if not isinstance(value, str) else value.encode("utf-8", "replace").decode()[:LONGEST]


def _ascii(line: str) -> str:
    """JSON with everything beyond ASCII escaped, so that no terminal takes a client's path for a command."""
    return "".join(one if " " <= one <= "~" else _escaped(one) for one in line)


def _escaped(one: str) -> str:
    number = ord(one)
    if number < 0x10000:
        return f"\\u{number:04x}"
    number -= 0x10000
    return f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}"
