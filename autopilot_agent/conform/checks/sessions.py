"""How sessions go: that they begin, go on whatever the device answers, and end (MS-MDM, OMA DM 1.2.1)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable

from autopilot_agent.conform.checks.registry import Check, Seen, tests
from autopilot_agent.conform.evidence import (
    NO_NUMBER,
    OBSTINATE,
    SESSION,
    STRANGER,
    UNKNOWN,
    NotReached,
    Talk,
    Turn,
    Visit,
    leaves,
    turn_of,
)
from autopilot_agent.wire import syncml_document as dm

REPEATED = 3
"""How often the same command may come in one session before the server is taken to go round in circles."""
SCHEMES = ("syncml:auth-md5", "syncml:auth-basic")
GOOD = range(200, 300)


def _failed(talk: Talk) -> Turn | None:
    """The turn whose answer is not one of a session."""
    return next((turn for turn in talk.turns if turn.got is None), None)


def _honest(visit: Visit, *purposes: str) -> list[Talk]:
    visit.turns(*purposes)
    return [talk for talk in visit.talks if talk.purpose in purposes]


@tests("DM-ANSWER")
def first(visit: Visit) -> Iterable[Seen]:
    """The first message is answered."""
    talk = _honest(visit, SESSION)[0]
    turn = talk.turns[0]
    if turn.got is None:
        yield Seen(f"the first message was answered with {turn.exchange.said()}", turn.exchange)
    elif talk.failed and len(talk.turns) == 1 and not talk.endless:
        yield Seen(f"the first message was refused: {talk.reason}", turn.exchange)


@tests("DM-LATER")
def later(visit: Visit) -> Iterable[Seen]:
    """So are all others, and other sessions."""
    for number, talk in enumerate(_honest(visit, SESSION), 1):
        turn = _failed(talk)
        if number == 1 and (turn is talk.turns[0] or (talk.failed and len(talk.turns) == 1)):
            raise NotReached("the first message was not answered")
        if turn is not None:
            place = talk.turns.index(turn) + 1
            yield Seen(f"message {place} of session {number} was answered with {turn.exchange.said()}", turn.exchange)
            return


@tests("DM-END")
def end(visit: Visit) -> Iterable[Seen]:
    """No session goes on for ever."""
    for number, talk in enumerate(_honest(visit, SESSION), 1):
        if talk.endless:
            yield Seen(f"session {number} had not come to its end after {len(talk.turns)} messages", talk.turns[-1].exchange)
            return
        if talk.turns[-1].got is not None and talk.failed and _failed(talk) is None and len(talk.turns) > 1:
            yield Seen(f"session {number} broke off: {talk.reason}", talk.turns[-1].exchange)
            return


def _goes_on(verb: str, answered: int) -> Check:
    """A session goes on although a kind of command always fails."""

    def check(visit: Visit) -> Iterable[Seen]:
        talks = _honest(visit, OBSTINATE)
        found: Counter[str] = Counter()
        answers: set[int] = set()
        for talk in talks:
            for turn in talk.turns:
                answers |= {dm.status_code(one) for one in turn.sent.statuses() if one.name == verb}
                for command, _ in leaves(turn.got.body if turn.got is not None else ()):
                    if command.name == verb:
                        found.update((item.target or item.source) for item in command.items)
        if not found:
            raise NotReached(f"the server sent no {verb} to a device that answers it with {answered}")
        turn = talks[0].turns[-1]
        uri, times = found.most_common(1)[0]
        broken = _failed(talks[0])
        before = broken is not None and any(
            dm.status_code(one) == answered and one.name == verb for one in broken.sent.statuses()
        )
        if times > REPEATED:
            yield Seen(f"{verb} of {uri[:100]} came {times} times in one session, and was answered with {answered} each time",
                       turn.exchange)  # fmt: skip
        elif broken is not None and before:
            yield Seen(f"after a {answered} the server answered with {broken.exchange.said()}", broken.exchange)

    return check


tests("DM-GO-ON-418")(_goes_on("Add", 418))
tests("DM-GO-ON-404")(_goes_on("Get", 404))


@tests("DM-CHALLENGE")
def challenge(visit: Visit) -> Iterable[Seen]:
    """A challenge that can be met."""
    asked = False
    for _, turn, got in visit.messages():
        for status in got.statuses():
            if dm.status_code(status) not in (401, 407):
                continue
            asked = True
            found = status.challenge
            if found is None or found.type not in SCHEMES:
                yield Seen(f"status {status.code} has no Chal of a type that Windows knows", turn.exchange)
                return
            if found.type == SCHEMES[0] and not _nonce(found.nonce):
                yield Seen(f"Chal asks for MD5, and NextNonce is {found.nonce or 'missing'}", turn.exchange)
                return
    if not asked:
        raise NotReached("the server asks for no credentials inside SyncML")


def _nonce(text: str) -> bool:
    try:
        return bool(b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def _odd(purpose: str, wanted: str) -> Check:
    """A message with something wrong in it."""

    def check(visit: Visit) -> Iterable[Seen]:
        exchange, _ = visit.answered(purpose)
        turn = turn_of(exchange)
        if turn is None or turn.got is None:
            yield Seen(f"the message was answered with {exchange.said()}", exchange)
            return
        if any(dm.status_code(one) in (401, 407) for one in turn.got.statuses()):
            raise NotReached("the server asks for credentials inside SyncML first")
        about = [one for one in turn.got.statuses() if one.command not in ("0", "2", "3")]
        if not any(one.code == "400" for one in about):
            yield Seen(f"there is no Status 400 for {wanted}", exchange)

    return check


tests("DM-NO-NUMBER")(_odd(NO_NUMBER, "the Alert without a CmdID"))
tests("DM-UNKNOWN")(_odd(UNKNOWN, "the element that nobody knows"))


@tests("DM-STRANGER")
def stranger(visit: Visit) -> Iterable[Seen]:
    """A certificate does not open another device's session; where nobody's is answered, that shows nothing."""
    exchange = visit.last(STRANGER)
    next(visit.messages(SESSION))
    turn = turn_of(exchange)
    if turn is None or turn.got is None:
        return
    header = next((one for one in turn.got.statuses() if one.command == "0"), None)
    if header is None or dm.status_code(header) in GOOD:
        yield Seen("a device was managed under the name of another one", exchange)
