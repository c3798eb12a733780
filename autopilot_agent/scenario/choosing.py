"""Cases chosen by their names: exact, or with ``*``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.problems import suggestion


def names_chosen(names: Iterable[str], only: Sequence[str], *, complete: bool = True) -> frozenset[str]:
    """The names that the patterns mean; one that is a name means that alone. Raises ``InputError`` for one that means none.

    With ``complete`` False there are files whose names are not known, and a pattern may mean what is in them.
    """
    known = list(dict.fromkeys(name for name in names if name))
    found: set[str] = set()
    for pattern in only:
        matching = {pattern} if pattern in known else {name for name in known if fnmatchcase(name, pattern)}
        if not matching and complete:
            said = suggestion(pattern, known, 20) if known else "what was given has no cases with names."
            raise InputError(f"no case is named {pattern[:80]!r}; {said}")
        found |= matching
    return frozenset(found)
