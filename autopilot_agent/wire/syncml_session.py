"""A device's side of one OMA-DM session: what the server sent, and the answers that it is owed (protocols.md 12.3).

The device knows its commands by numbers; a server may name them as it likes. The session remembers which is which.
"""

from __future__ import annotations

import msgspec
from msgspec import structs

from autopilot_agent.service.management import Command, Status
from autopilot_agent.wire import syncml_chunks
from autopilot_agent.wire import syncml_document as dm

OWN_NUMBERS = 2_000_000_000
"""Where the numbers begin that commands are given whose CmdID is no number."""
LONG_NUMBER = 10


class Due(msgspec.Struct, frozen=True):
    """A status that the server is owed. ``code`` 0 leaves it to the device, which knows the items by ``numbers``."""

    message: str
    command: str
    name: str
    code: int = 0
    numbers: tuple[int, ...] = ()
    uris: tuple[str, ...] = ()
    inner: tuple[Due, ...] = ()
    challenge: dm.Challenge | None = None


class Session(msgspec.Struct):
    """What the device knows of a session.

    ``sent`` is its last MsgID, ``scheme`` how it proves itself ("" not at all), ``proved`` that it need not again.
    """

    enrolment: str
    number: int
    sent: int = 0
    due: tuple[Due, ...] = ()
    opening: tuple[dm.Element, ...] = ()
    scheme: str = ""
    proved: bool = False
    challenges: int = 0
    server_proved: bool = False
    part: syncml_chunks.Part | None = None
    owed_alerts: tuple[str, ...] = ()
    correlation: str = ""
    taken: int = 0
    """Commands that the server has sent, each item counted."""

    @property
    def name(self) -> str:
        """The SessionID: a number of two bytes in hexadecimal, never 0."""
        return format((self.number - 1) % 0xFFFF + 1, "X")


class Receipt:
    """Takes one message of the server apart: ``commands`` are for the device, ``due`` is what the server will be told."""

    def __init__(self, message: dm.Message, part: syncml_chunks.Part | None, used: set[int]) -> None:
        self.message = message
        self.part = part
        self.used = used
        self.commands: list[Command] = []
        self.due: list[Due] = []
        self.aborted = bool(message.alerts(dm.ABORT))
        self.buffered = False
        self.broken = False
        """An object was begun, and something else came instead of its rest (alert 1225)."""
        if part is not None and not any(one.name in dm.LEAVES for one in message.commands()):
            self.part, self.broken = None, True
        for one in message.commands():
            self.due.append(self._take(one, self.commands))

    def _take(self, command: dm.Command, out: list[Command]) -> Due:
        """Put what the device has to do into ``out``."""
        if not command.id:
            return self._said(command, dm.BAD)
        if command.name == "Alert":
            return self._said(command, dm.DONE)
        if command.name == "Sequence":
            inner = tuple(self._take(one, out) for one in command.body if isinstance(one, dm.Command))
            return structs.replace(self._said(command, dm.DONE), inner=inner)
        if command.name == "Atomic":
            return self._atomic(command, out)
        if command.name not in dm.LEAVES:
            return self._said(command, dm.BAD)
        joined = syncml_chunks.join(self.part, command)
        self.part = joined.part
        self.broken |= joined.broken
        self.buffered |= joined.code == dm.BUFFERED
        if not isinstance(joined.element, dm.Command):
            return self._said(command, joined.code)
        return self._leaf(joined.element, out)

    def _said(self, command: dm.Command, code: int) -> Due:
        return Due(self.message.header.message, command.id, command.name, code)

    def _atomic(self, command: dm.Command, out: list[Command]) -> Due:
        children: list[Command] = []
        number = self._number(command.id)
        inner = tuple(self._inside(one, children) for one in command.body if isinstance(one, dm.Command))
        out.append(Command(number, "Atomic", "", children=tuple(children)))
        return Due(self.message.header.message, command.id, "Atomic", 0, (number,), (), inner)

    def _inside(self, command: dm.Command, out: list[Command]) -> Due:
        """A part of an Atomic. The device is given even what it cannot do, because that makes the whole fail."""
        if command.name == "Alert" and command.id:
            return self._said(command, dm.DONE)
        if command.name == "Sequence" and command.id:
            inner = tuple(self._inside(one, out) for one in command.body if isinstance(one, dm.Command))
            return structs.replace(self._said(command, dm.DONE), inner=inner)
        if command.name == "Atomic" and command.id:
            return self._atomic(command, out)
        return self._leaf(command, out)

    def _leaf(self, command: dm.Command, out: list[Command]) -> Due:
        numbers, uris = [], []
        for item in command.items or (dm.Item(),):
            whole = bool(command.id) and command.name in dm.LEAVES and not item.more  # no pieces inside an Atomic
            verb = command.name if whole else "?"
            uri = item.target or item.source
            kind = item.meta.format or command.meta.format or "chr"
            numbers.append(self._number(command.id))
            uris.append(uri)
            out.append(Command(numbers[-1], verb, uri, item.data or "", kind))
        return Due(self.message.header.message, command.id, command.name, 0, tuple(numbers), tuple(uris))

    def _number(self, text: str) -> int:
        """The server's own number where it is one, and was not used for another command yet."""
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < LONG_NUMBER else 0
        if str(number) != text or number in self.used:
            number = OWN_NUMBERS + len(self.used)
        self.used.add(number)
        return number


def answers(due: tuple[Due, ...], statuses: tuple[Status, ...]) -> list[dm.Element]:
    """The statuses and results for what is due, in the order of the commands; CmdIDs are given later."""
    said: dict[int, Status] = {}
    waiting = list(statuses)
    while waiting:
        one = waiting.pop()
        said[one.command] = one
        waiting.extend(one.children)
    out: list[dm.Element] = []
    for one_due in due:
        _answer(one_due, said, dm.FAILED, out)
    return out


def _answer(due: Due, said: dict[int, Status], silent: int, out: list[dm.Element]) -> None:
    """``silent`` is the status of a command about which the device said nothing."""
    found = [said.get(number) or Status(number, silent) for number in due.numbers]
    if due.code or not found:
        out.append(_status(due, due.code or silent))
    elif len({one.code for one in found}) == 1:
        out.append(_status(due, found[0].code))
    else:
        out += [_status(due, one.code, uri) for one, uri in zip(found, due.uris, strict=True)]
    items = tuple(
        dm.Item(source=uri, meta=dm.Meta(one.format), data=one.value)
        for one, uri in zip(found, due.uris, strict=False)
        if one.value is not None
    )
    if items:
        out.append(dm.Results("", due.message, due.command, items))
    if due.name == "Atomic":
        silent = found[0].code if found and found[0].code < dm.BAD else dm.NOT_EXECUTED
    for inner in due.inner:
        _answer(inner, said, silent, out)


def _status(due: Due, code: int, uri: str = "") -> dm.Status:
    return dm.Status("", due.message, due.command, due.name, str(code), (uri,) * bool(uri), challenge=due.challenge)


def numbered(elements: tuple[dm.Element, ...], first: int = 1) -> tuple[dm.Element, ...]:
    """The elements with CmdIDs from ``first`` on."""
    return tuple(structs.replace(one, id=str(number)) for number, one in enumerate(elements, first))
