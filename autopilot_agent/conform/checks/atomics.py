"""What may not be in an Atomic, and which scope may be spoken of when (MS-MDM; Windows' OMA-DM support page)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from autopilot_agent.conform.checks.registry import Seen, tests
from autopilot_agent.conform.evidence import Exchange, Visit, leaves
from autopilot_agent.conform.pc import OBSERVED_EARLY
from autopilot_agent.wire import syncml_document as dm

USER = "./user/"


def atomics(visit: Visit) -> Iterator[tuple[Exchange, dm.Command]]:
    """Every Atomic at the top of a message or in a Sequence. Raises ``NotReached`` without messages."""
    for _, turn, got in visit.messages():
        waiting = list(got.commands())
        while waiting:
            one = waiting.pop(0)
            if one.name == "Atomic":
                yield turn.exchange, one
            elif one.name == "Sequence":
                waiting += [each for each in one.body if isinstance(each, dm.Command)]


def _uris(command: dm.Command) -> list[str]:
    return [(item.target or item.source) for item in command.items]


@tests("DM-ATOMIC-SCOPES")
def scopes(visit: Visit) -> Iterable[Seen]:
    """User and device apart."""
    for exchange, atomic in atomics(visit):
        users = {uri.casefold().startswith(USER) for one, _ in leaves(atomic.body) for uri in _uris(one)}
        if len(users) > 1:
            yield Seen(f"Atomic {atomic.id} has commands for ./User and for the device", exchange)
            return


@tests("DM-ATOMIC-TWICE")
def twice(visit: Visit) -> Iterable[Seen]:
    """No Add and Replace of one node."""
    for exchange, atomic in atomics(visit):
        verbs: dict[str, dict[str, str]] = {}
        for one, _ in leaves(atomic.body):
            for uri in _uris(one):
                verbs.setdefault(uri.casefold(), {})[one.name] = uri
        for found in verbs.values():
            if {"Add", "Replace"} <= found.keys():
                yield Seen(f"Atomic {atomic.id} has an Add and a Replace of {found['Add']}", exchange)
                return


@tests("DM-ATOMIC-GET")
def gets(visit: Visit) -> Iterable[Seen]:
    """No Get."""
    for exchange, atomic in atomics(visit):
        if any(one.name == "Get" for one, _ in leaves(atomic.body)):
            yield Seen(f"Atomic {atomic.id} has a Get", exchange)
            return


@tests("DM-ATOMIC-NESTED")
def nested(visit: Visit) -> Iterable[Seen]:
    """No Atomic in it."""
    for exchange, atomic in atomics(visit):
        if any("Atomic" in inside.split("/") for _, inside in leaves(atomic.body)):
            yield Seen(f"Atomic {atomic.id} has another Atomic in it", exchange)
            return


@tests("DM-USER-EARLY")
def early(visit: Visit) -> Iterable[Seen]:
    """Nothing for the user before there is one."""
    for talk, turn, got in visit.messages():
        if talk.user:
            continue
        for command, inside in leaves(got.body):
            wrong = [uri for uri in _uris(command) if _of_user(uri)]
            if wrong and "Atomic" not in inside.split("/"):
                yield Seen(f"{command.name} of {wrong[0][:100]} while LoginStatus is others", turn.exchange)
                return


def _of_user(uri: str) -> bool:
    folded = uri.casefold()
    return folded.startswith(USER) and not folded.startswith(OBSERVED_EARLY)
