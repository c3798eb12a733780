"""What a scenario can name: states, screens, calls, faults, codes, events; and how what it misnames is collected."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any

from autopilot_agent import rulebook
from autopilot_agent.scenario.durations import parse_duration, parse_signed_duration
from autopilot_agent.scenario.problems import Problem, Steps, path_text, suggestion

_KEY = re.compile(r"(HKLM|HKCU|HKU|HKCR)\\[^\\]", re.IGNORECASE)
_SHORT = re.compile("0x[0-9a-f]*", re.IGNORECASE)
"""What is meant to be a HRESULT; one of another length than 8 digits is a slip."""


@cache
def known_states() -> frozenset[str]:
    """Names that ``visits``, ``never``, ``states`` and ``in_state`` take: states and screens."""
    from autopilot_agent.oobe.states import State

    return frozenset(state.value for state in State) | ids(rulebook.screens)


@cache
def known_ends() -> frozenset[str]:
    """Names that ``end_state`` takes."""
    from autopilot_agent.oobe.states import ENDS

    return frozenset(state.value for state in ENDS)


@cache
def known_live_states() -> frozenset[str]:
    """Names that ``until`` takes: states that an act can be left in."""
    from autopilot_agent.oobe.states import ENDS, State

    return frozenset(state.value for state in State if state not in ENDS)


@cache
def known_calls() -> frozenset[str]:
    """Names that a fault's ``on`` takes."""
    from autopilot_agent.service import CALLS

    return frozenset(CALLS)


@cache
def known_injections() -> frozenset[str]:
    """Faults that can be brought about by name."""
    return ids(rulebook.injections) or ids(rulebook.faults)


@cache
def known_codes() -> frozenset[str]:
    """Error codes of the rulebook, normalised."""
    named = frozenset(rulebook.normalised_code(row.code) for row in rows(rulebook.faults) if row.code)
    return ids(rulebook.codes) | named


@cache
def known_events() -> frozenset[str]:
    """Windows events as ``Channel/id``."""
    return frozenset(f"{row.channel}/{row.id}" for row in rows(rulebook.windows_events))


def rows(table: Callable[[], dict[Any, Any]]) -> Collection[Any]:
    """The rows of a table of the rulebook; none where the table is missing."""
    try:
        return table().values()
    except FileNotFoundError:
        return ()


@cache
def ids(table: Callable[[], dict[str, Any]]) -> frozenset[str]:
    """The ids of a table of the rulebook; none where the table is missing."""
    try:
        return frozenset(table())
    except FileNotFoundError:
        return frozenset()


class Checker:
    """Collects what is wrong with the texts of a scenario."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, path: Steps, sentence: str, key: bool = False) -> None:
        self.problems.append(Problem(path, f"{path_text(path[:-1] if key else path)}: {sentence}", key=key))

    def duration(self, path: Steps, text: str | None, signed: bool = False) -> None:
        if text is not None:
            try:
                (parse_signed_duration if signed else parse_duration)(text)
            except ValueError as error:
                self.add(path, f"{error}.")

    def name(self, path: Steps, name: str, known: frozenset[str], what: str, key: bool = False) -> None:
        if known and name not in known:
            self.add(path, f"{name[:60]!r} is not {what}; {suggestion(name, sorted(known))}", key=key)

    def least(self, path: Steps, number: int | None, least: int) -> None:
        if number is not None and number < least:
            self.add(path, f"{number} is too small; expected {least} or more.")

    def names(self, path: Steps, names: Iterable[str] | None, known: frozenset[str], what: str) -> None:
        for index, name in enumerate(names or ()):
            self.name((*path, index), name, known, what)

    def key(self, path: Steps, key: str, is_key: bool = False) -> None:
        if not _KEY.match(key):
            self.add(path, f"{key[:60]!r} is not a key of the registry; write it as HKLM\\SOFTWARE\\...", key=is_key)

    def code(self, path: Steps, code: str) -> None:
        if _SHORT.fullmatch(code) and len(code) != 10:
            digits = len(code) - 2
            self.add(path, f"{code[:60]!r} has {digits} digit{'' if digits == 1 else 's'}; a code has 8, as in 0x80180014.")
