"""What can be typed, as plain data read from the parser: commands, their options, and what each value may be."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.cli.argument_types import path
from autopilot_agent.cli.console import PROGRAM as PROGRAM
from autopilot_agent.scenario.model import MODES


class Value(msgspec.Struct, frozen=True):
    """What an option or a place takes: one of some words, a file, or (neither) anything. ``several`` may follow each other.

    With both, each word ends with ``=`` and a file follows it.
    """

    words: tuple[str, ...] = ()
    files: bool = False
    several: bool = False


class Option(msgspec.Struct, frozen=True):
    """An option with all its names; ``value`` is None for one that takes none, ``optional`` says that it may be left out."""

    names: tuple[str, ...]
    help: str
    value: Value | None = None
    optional: bool = False
    repeatable: bool = False


class Command(msgspec.Struct, frozen=True):
    """One command, by the words that lead to it; the first, without words, is the program."""

    words: tuple[str, ...]
    help: str
    options: tuple[Option, ...]
    places: tuple[Value, ...] = ()
    below: tuple[tuple[str, str], ...] = ()
    """Its own commands, each with its help."""

    @property
    def path(self) -> str:
        """The words with blanks between them."""
        return " ".join(self.words)


def grammar_of(parser: argparse.ArgumentParser) -> list[Command]:
    """All commands that a parser knows, the program first, in the order of its help."""
    return list(_commands(parser, (), parser.description or ""))


def _commands(parser: argparse.ArgumentParser, words: tuple[str, ...], help: str) -> Iterator[Command]:
    options: list[Option] = []
    places: list[Value] = []
    below: list[tuple[str, argparse.ArgumentParser, str]] = []
    for action in parser._actions:  # argparse names them nowhere else; shtab and argcomplete read the same
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            below += [(name, leaf, helps.get(name, "")) for name, leaf in action.choices.items()]
        elif action.option_strings:
            options.append(_option(action, words))
        else:
            places.append(_value(action, words))
    yield Command(words, help, tuple(options), tuple(places), tuple((name, told) for name, _, told in below))
    for name, leaf, told in below:
        yield from _commands(leaf, (*words, name), told)


def _option(action: argparse.Action, words: tuple[str, ...]) -> Option:
    takes = action.nargs != 0
    repeatable = isinstance(action, argparse._AppendAction | argparse._CountAction)
    told = _told(action)
    return Option(tuple(action.option_strings), told, _value(action, words) if takes else None, action.nargs == "?", repeatable)


def _told(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%")


def _value(action: argparse.Action, words: tuple[str, ...]) -> Value:
    several = action.nargs in ("*", "+")
    known = KNOWN.get((words[0] if words else "", action.dest)) or KNOWN.get(("", action.dest))
    if action.choices is not None:
        return Value(tuple(str(one) for one in action.choices), several=several)
    if words[:1] == ("explain",) or known is not None:
        return Value(known() if known else (), several=several)
    if action.metavar == "KIND=FILE":
        return Value(_reports(), True, several)
    files = action.type is path or str(action.metavar or "").startswith("FILE")
    return Value((), files, several)


def _names() -> tuple[str, ...]:
    tables = (rulebook.faults(), rulebook.rules(), rulebook.screens(), rulebook.invariants(), rulebook.questions())
    return tuple(dict.fromkeys(name for table in tables for name in table if " " not in name))


def _screens() -> tuple[str, ...]:
    return tuple(rulebook.screens())


def _modes() -> tuple[str, ...]:
    return tuple(MODES)


def _rehearsed() -> tuple[str, ...]:
    from autopilot_agent.preflight.report import MODES as REHEARSED

    return REHEARSED


def _reports() -> tuple[str, ...]:
    from autopilot_agent.reports.registry import kinds

    return tuple(f"{kind}=" for kind in kinds())


def _flows() -> tuple[str, ...]:
    from autopilot_agent.oobe.modes import flow_names

    return flow_names()


def _resets() -> tuple[str, ...]:
    return tuple(rulebook.resets())


KNOWN: dict[tuple[str, str], Callable[[], tuple[str, ...]]] = {
    ("", "mode"): _modes,
    ("preflight", "mode"): _rehearsed,
    ("show", "mode"): _flows,
    ("show", "id"): _screens,
    ("show", "kinds"): _resets,
    ("explain", "name"): _names,
}
"""Words that the parser leaves to the rulebook, by command and place."""
