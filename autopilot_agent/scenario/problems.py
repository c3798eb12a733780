"""Problems of a file: what a person is told when something in it is wrong, all of it in one go."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from autopilot_agent.errors import InputError
from autopilot_agent.text.yaml_text import Document

Steps = tuple[str | int, ...]
MOST_LISTED = 20


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong: where, at the key or the value, and a sentence."""

    path: Steps
    sentence: str
    key: bool = False


def refusal(document: Document, problems: list[Problem]) -> InputError:
    """One error for all problems, the first in the file first."""
    located = [(document.place(one.path, key=one.key), one.sentence) for one in problems]
    located.sort(key=lambda pair: (pair[0].file != document.name, pair[0].file, pair[0].line, pair[0].column))
    place, message = located[0]
    others = located[1:]
    if others:
        message += f" (and {len(others)} more {'problem' if len(others) == 1 else 'problems'})"
        message += "".join(f"\n  {where}: {sentence}" for where, sentence in others[:MOST_LISTED])
        if len(others) > MOST_LISTED:
            message += f"\n  ... and {len(others) - MOST_LISTED} more"
    return InputError(message, place)


def suggestion(name: str, known: Iterable[object], listed: int = 12) -> str:
    """``did you mean 'x'?``, or the known names when they are few; the end of a sentence about an unknown name."""
    from difflib import get_close_matches

    names = [str(one) for one in known]
    close = get_close_matches(name, names, 1, 0.6)
    if not close:
        folded = {one.lower(): one for one in names}
        close = [folded[one] for one in get_close_matches(name.lower(), list(folded), 1, 0.6)]
    if close:
        return f"did you mean {close[0]!r}?"
    if not names:
        return "there are none."
    shown = ", ".join(names[:listed])
    return f"choose one of {shown}." if len(names) <= listed else f"for example {shown}, ..."


def path_text(path: Steps) -> str:
    """``faults[0].code`` for a path; empty for the whole file."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
