"""A SyncML 1.2 message as data (protocols.md 12.2): what MS-MDM uses of it, in the words of the protocol."""

from __future__ import annotations

import msgspec

SYNCML = "SYNCML:SYNCML1.2"
OLDER = "SYNCML:SYNCML1.1"
METINF = "syncml:metinf"

LEAVES = ("Add", "Replace", "Delete", "Get", "Exec")
"""Commands that act on the nodes of their items."""
CONTAINERS = ("Atomic", "Sequence")
HEADER = "SyncHdr"

SESSION_BEGINS = ("1200", "1201")
"""Alert codes of package 1: the session was asked for by the server, or by the client."""
NEXT_MESSAGE, ABORT, NO_END = "1222", "1223", "1225"

DONE, AUTHENTICATED, BUFFERED = 200, 212, 213
NOT_EXECUTED, ROLLED_BACK = 215, 216
BAD, WRONG_CREDENTIALS, NO_CREDENTIALS, OPTIONAL, TOO_LARGE, WRONG_SIZE = 400, 401, 407, 406, 413, 424
FAILED, ATOMIC_FAILED = 500, 507


class Meta(msgspec.Struct, frozen=True):
    """The children of a ``Meta`` element that mean something here; "" where one is missing."""

    format: str = ""
    type: str = ""
    mark: str = ""
    size: str = ""
    next_nonce: str = ""
    max_message: str = ""
    max_object: str = ""


NO_META = Meta()


class Item(msgspec.Struct, frozen=True):
    """One item. ``data`` is None without a Data element; ``more`` tells that the object goes on in the next message."""

    target: str = ""
    source: str = ""
    meta: Meta = NO_META
    data: str | None = None
    more: bool = False


class Credentials(msgspec.Struct, frozen=True):
    """A ``Cred`` element."""

    type: str
    data: str
    format: str = "b64"


class Challenge(msgspec.Struct, frozen=True):
    """A ``Chal`` element; ``nonce`` is base64."""

    type: str
    nonce: str = ""
    format: str = "b64"


class Status(msgspec.Struct, frozen=True, tag=True, tag_field="element"):
    """A ``Status``: the answer to the command ``command`` ("0" for the header) of the peer's message ``message``."""

    id: str
    message: str
    command: str
    name: str
    code: str
    targets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    challenge: Challenge | None = None
    items: tuple[Item, ...] = ()


class Results(msgspec.Struct, frozen=True, tag=True, tag_field="element"):
    """A ``Results``: what a Get found."""

    id: str
    message: str
    command: str
    items: tuple[Item, ...]
    meta: Meta = NO_META
    targets: tuple[str, ...] = ()


class Command(msgspec.Struct, frozen=True, tag=True, tag_field="element"):
    """Every other element of a body: Alert (its code is ``data``), Add ..., Atomic, Sequence, and names that nobody knows.

    ``id`` is "" where the CmdID is missing.
    """

    name: str
    id: str
    data: str = ""
    items: tuple[Item, ...] = ()
    meta: Meta = NO_META
    body: tuple[Element, ...] = ()

    @property
    def known(self) -> bool:
        """Whether it is an element that OMA-DM has."""
        return self.name == "Alert" or self.name in LEAVES or self.name in CONTAINERS


Element = Status | Results | Command


class Header(msgspec.Struct, frozen=True):
    """A ``SyncHdr``."""

    session: str
    message: str
    target: str
    source: str
    source_name: str = ""
    credentials: Credentials | None = None
    meta: Meta = NO_META


class Message(msgspec.Struct, frozen=True):
    """A whole message; ``final`` tells that the package ends with it."""

    header: Header
    body: tuple[Element, ...] = ()
    final: bool = True

    def statuses(self) -> list[Status]:
        """The statuses of the body."""
        return [one for one in self.body if isinstance(one, Status)]

    def results(self) -> list[Results]:
        """The results of the body."""
        return [one for one in self.body if isinstance(one, Results)]

    def commands(self) -> list[Command]:
        """What is neither."""
        return [one for one in self.body if isinstance(one, Command)]

    def alerts(self, *codes: str) -> list[Command]:
        """The alerts with one of these codes (all of them without any)."""
        return [one for one in self.commands() if one.name == "Alert" and (not codes or one.data in codes)]


def status_code(status: Status) -> int:
    """The code of a status as a number; 0 for a text that is none."""
    return int(status.code) if status.code.isascii() and status.code.isdecimal() and len(status.code) == 3 else 0
