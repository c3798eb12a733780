"""Where a value came from: a path inside a JSON or YAML text, and how to find its line."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeAlias

from autopilot_agent.errors import InputError, Place

from .base import Notice

JsonPath: TypeAlias = tuple[str | int, ...]
Locate: TypeAlias = Callable[[JsonPath], Place]


class Source:
    """One text that is being read.

    ``inline`` is true for text that a person writes for us, where a misspelt property is an error; exports have hundreds
    of properties that nothing here reads.
    """

    def __init__(self, file: str, locate: Locate, *, inline: bool = False) -> None:
        self.file = file
        self.inline = inline
        self.notices: list[Notice] = []
        self._locate = locate
        self._said: set[str] = set()

    def place(self, path: JsonPath) -> Place:
        """File, line and column of the value at ``path``, as far as they can be found."""
        return self._locate(path)

    def over(self, locate: Locate) -> Source:
        """The same text with some values from elsewhere, which ``locate`` knows; notices are kept here."""
        twin = Source(self.file, locate, inline=self.inline)
        twin.notices, twin._said = self.notices, self._said
        return twin

    def fail(self, path: JsonPath, message: str) -> NoReturn:
        """Raise InputError at ``path``."""
        place = self.place(path)
        raise InputError(message if place.line else f"{message} (at {spelled(path)})", place)

    def note(self, path: JsonPath, text: str) -> None:
        """Leave a notice; the same sentence is said once per text."""
        if text not in self._said:
            self._said.add(text)
            self.notices.append(Notice(self.place(path), text))


def spelled(path: JsonPath) -> str:
    """A path as a person writes it: ``$.value[3].displayName``."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
