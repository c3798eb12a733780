"""The difference of two runs as text, first divergence first, and as plain data."""

from __future__ import annotations

from typing import Any

import msgspec

from autopilot_agent import rulebook
from autopilot_agent.reports.difference import Difference, Divergence, Hunk, Spot
from autopilot_agent.reports.style import Style, clean
from autopilot_agent.reports.words import clock, in_sentence, span

MOST_TIMES = 6
TITLES = {"end_state": "end state", "mdm_enrolled": "MDM enrolled", "device_name": "device name", "error": "error"}


def write(found: Difference, style: Style) -> list[str]:
    """The lines of one comparison."""
    lines = [style.paint("bold", f"A  {clean(found.a)}"), style.paint("bold", f"B  {clean(found.b)}")]
    if found.equal:
        return [*lines, "", "Nothing differs."]
    lines += _divergence("First divergence", found.first, style)
    if found.parting is not None and found.parting != found.first:
        lines += _divergence("Where the paths part", found.parting, style)
    lines += _end(found, style)
    lines += _hunks("Path", found.path, style, states=True) + _hunks("Pages", found.screens, style, states=False)
    if found.apps:
        lines += ["", style.paint("bold", "Apps"), *_table([(one.name, one.a, one.b) for one in found.apps], style)]
    lines += _time(found, style)
    if found.first is None and found.trace:
        lines += ["", "The traces differ; save both runs with --output jsonl to see where."]
    return lines


def summary(found: Difference) -> str:
    """The comparison in one line."""
    if found.equal:
        return "nothing differs"
    facts = {one.name: one for one in found.end}
    parts = [f"{_word(facts[name].a)} -> {_word(facts[name].b)}" for name in ("end_state", "error", "flow") if name in facts]
    if found.seconds is not None:
        parts.append(f"{_seconds(found.seconds.a)} -> {_seconds(found.seconds.b)}")
    if found.apps and "end_state" not in facts:
        parts.append("apps: " + ", ".join(f"{one.name} {_word(one.a)} -> {_word(one.b)}" for one in found.apps[:3]))
    if not parts:
        parts.append("other pages" if found.screens else "other events")
    return "; ".join(parts)


def plain(found: Difference) -> dict[str, Any]:
    """The json of a comparison."""
    data: dict[str, Any] = msgspec.to_builtins(found)
    data["equal"] = found.equal
    for name in ("first", "parting"):
        divergence: Divergence | None = getattr(found, name)
        if divergence is not None:
            data[name]["rules"] = [_rule(rule) for rule in divergence.rules]
    return data


def _rule(name: str) -> dict[str, str]:
    known = rulebook.rules().get(name)
    row = rulebook.faults().get(name)
    text = known.statement if known is not None else f"{row.symptom}: {row.cause}" if row is not None else ""
    return {"id": name, "statement": text, "source": known.source if known else row.source if row else ""}


def _divergence(title: str, found: Divergence | None, style: Style) -> list[str]:
    if found is None:
        return []
    title = f"{title} (in time alone)" if found.kind == "time" else title
    lines = ["", style.paint("bold", title)]
    for head, spot in (("both", found.before), ("A", found.a), ("B", found.b)):
        if spot is None and head == "both":
            continue
        lines += _spot(head, spot, style)
    for name in found.rules:
        rule = _rule(name)
        said = f"{name} ({rule['source']}): {rule['statement']}" if rule["statement"] else name
        lines += style.block("  rule  ", clean(said), "dim")
    return lines


def _spot(head: str, spot: Spot | None, style: Style) -> list[str]:
    if spot is None:
        return [f"  {head:4}  {'':>8}  the run is over"]
    rule = f"  [{spot.rule}]" if spot.rule and head != "both" else ""
    return style.block(f"  {head:4}  {clock(spot.at):>8}  ", clean(spot.text) + rule)


def _end(found: Difference, style: Style) -> list[str]:
    if not found.end:
        return []
    rows = [(TITLES.get(one.name, one.name), one.a, one.b) for one in found.end]
    return ["", style.paint("bold", "The end"), *_table(rows, style)]


def _table(rows: list[tuple[str, object, object]], style: Style) -> list[str]:
    """Name, A and B in columns; B goes below where they do not fit."""
    cells = [(clean(name), clean(_word(a)), clean(_word(b))) for name, a, b in rows]
    first = max(len(name) for name, _, _ in cells)
    second = max(len("A"), *(len(a) for _, a, _ in cells))
    if first + second + max(len(b) for _, _, b in cells) + 6 <= style.width:
        head = f"  {'':{first}}  {'A':{second}}  B"
        return [head, *(f"  {name:{first}}  {a:{second}}  {b}".rstrip() for name, a, b in cells)]
    lines: list[str] = []
    for name, a, b in cells:
        lines += [f"  {name}", *style.block("    A  ", a), *style.block("    B  ", b)]
    return lines


def _hunks(title: str, found: list[Hunk], style: Style, *, states: bool) -> list[str]:
    if not found:
        return []
    lines = ["", style.paint("bold", title)]
    for one in found:
        word = in_sentence if states else str
        after = f"after {word(one.before)}: " if one.before else "at the beginning: "
        for head, names, other in (("A", one.a, one.b), ("B", one.b, one.a)):
            if names or not other:
                lines += style.block(f"  {head}  {clean(after)}", clean(", ".join(word(name) for name in names)), hang=5)
    return lines


def _time(found: Difference, style: Style) -> list[str]:
    if found.seconds is None and not found.times:
        return []
    lines = ["", style.paint("bold", "Time")]
    rows: list[tuple[str, object, object]] = []
    if found.seconds is not None:
        rows.append(("in all", _seconds(found.seconds.a), _seconds(found.seconds.b)))
    rows += [(in_sentence(one.state), span(one.a), span(one.b)) for one in found.times[:MOST_TIMES]]
    lines += _table(rows, style)
    left = len(found.times) - MOST_TIMES
    return [*lines, f"  and {left} more"] if left > 0 else lines


def _seconds(value: object) -> str:
    return span(float(value) * 1000) if isinstance(value, int | float) else "nothing"


def _word(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)


