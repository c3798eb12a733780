"""A picture as plain lines: no boxes, no colour, nothing moves; for pipes, logs and screen readers."""

from __future__ import annotations

from autopilot_agent.reports.style import clean
from autopilot_agent.reports.words import clock
from autopilot_agent.walk.picture import OFF, WORDS, Picture


def lines_of(picture: Picture) -> list[str]:
    """The whole screen, top to bottom."""
    head = "PC" if picture.kind == OFF else f"Screen {picture.screen}"
    lines = [f"{head}, {clock(picture.at)}: {clean(picture.title)}"]
    if picture.brand:
        lines.append(f"Organisation: {clean(picture.brand)}")
    lines += [clean(part) for part in picture.text]
    lines += [f"{clean(name)}: {clean(value)}" for name, value in picture.facts]
    for phase in picture.phases:
        lines.append(f"{clean(phase.title)}: {WORDS.get(phase.state, phase.state)}")
        if phase.title == picture.open_phase:
            for row in phase.rows:
                lines.append(f"  {clean(row.title)}: {row_words(row.state, row.note)}")
    if picture.limit:
        lines.append(f"Elapsed: {clock(picture.elapsed or 0)} of {clock(picture.limit)}")
    if picture.message:
        lines.append(clean(picture.message))
    if picture.field:
        suggested = f", suggested: {clean(picture.suggestion)}" if picture.suggestion and not picture.secret else ""
        lines.append(f"Field: {clean(picture.field)}{suggested}")
    if picture.choices:
        lines.append("Choices: " + ", ".join(f"{number} {clean(one)}" for number, one in enumerate(picture.choices, 1)))
    return lines


def row_words(state: str, note: str) -> str:
    """What stands behind a row's title."""
    words = WORDS.get(state, state)
    return words if not note or clean(note) == words else f"{clean(note)}" if state != "failed" else f"{words} {clean(note)}"
