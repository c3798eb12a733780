"""The two bases: a call, which names its answer, and an answer."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar, get_args

import msgspec


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a service says when it does not refuse."""


A = TypeVar("A", bound=Answer)


class Call(msgspec.Struct, Generic[A], frozen=True, gc=False):
    """A question to a service. ``host`` is whom a firewall would have to let through; ``rule`` the row that says so."""

    host: ClassVar[str] = ""
    rule: ClassVar[str] = ""
    patient: ClassVar[bool] = False
    """Whether the caller waits for the answer however long it takes; others give up (downloads do not)."""
    takes: ClassVar[str] = ""
    """Id of the duration that this call takes (rulebook/durations.jsonl); "" means a network round trip."""


class Done(Answer, frozen=True, gc=False):
    """Nothing but: it is done."""


def answer_type(kind: type[Call[Any]]) -> type[Answer]:
    """The answer that a type of call declares: ``DeviceJoined`` for ``class JoinDevice(Call[DeviceJoined])``."""
    for base in getattr(kind, "__orig_bases__", ()):
        for found in get_args(base):
            if isinstance(found, type) and issubclass(found, Answer):
                return found
    raise TypeError(f"{kind.__name__} declares no answer")
