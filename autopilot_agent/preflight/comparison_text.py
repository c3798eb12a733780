"""The comparison of two tenants as text and as plain data."""

from __future__ import annotations

from typing import Any

import msgspec

from autopilot_agent.preflight.comparison import TenantDifference
from autopilot_agent.reports.difference_text import plain as plain_difference
from autopilot_agent.reports.difference_text import summary, write
from autopilot_agent.reports.resources import ResourceChange
from autopilot_agent.reports.style import Style, clean
from autopilot_agent.reports.words import count

MOST_SETTINGS = 12
MOST_NAMES = 4
LONGEST = 120
"""Characters of a value that are shown."""


def render(found: TenantDifference, style: Style) -> list[str]:
    """The lines of the comparison: resources, then each device with what is another for it; the first one at length."""
    lines = [style.paint("bold", f"A  {clean(found.a)}"), style.paint("bold", f"B  {clean(found.b)}")]
    if found.equal:
        return [*lines, "", f"Nothing differs; {count(found.same, 'run')} played alike."]
    lines += ["", style.paint("bold", "Resources")]
    for one in found.resources:
        lines += _resource(one, style)
    if not found.resources:
        lines.append("  the same")
    lines += ["", style.paint("bold", "Devices")]
    grouped: dict[str, list[str]] = {}
    for each in found.devices:
        said = summary(each.difference) if each.difference is not None else f"only in {each.only}"
        grouped.setdefault(said, []).append(each.device)
    for said, names in grouped.items():
        lines += style.block("  ", clean(said))
        for name in names[:MOST_NAMES]:
            lines += style.block("    ", clean(name), "dim", hang=6)
        if len(names) > MOST_NAMES:
            lines.append(f"    and {len(names) - MOST_NAMES} more")
    lines.append(f"  {count(found.same, 'run')} played alike")
    first = next((each.difference for each in found.devices if each.difference is not None), None)
    if first is not None:
        lines += ["", style.paint("bold", "The first of them"), *write(first, style)]
    return lines


def _resource(one: ResourceChange, style: Style) -> list[str]:
    marks = {"added": "B alone", "removed": "A alone", "changed": "changed"}
    lines = style.block("  ", f"{marks[one.change]}: {one.collection} {clean(one.name)}", hang=4)
    places = [str(place) for place in (one.place_a, one.place_b) if place is not None and place.file]
    lines += [f"    {clean(place)}" for place in places]
    for each in one.settings[:MOST_SETTINGS]:
        lines += style.block("    ", f"{clean(each.path)}: {_value(each.a)} -> {_value(each.b)}", hang=6)
    left = len(one.settings) - MOST_SETTINGS
    return [*lines, f"    and {left} more"] if left > 0 else lines


def _value(value: object) -> str:
    if value is None:
        return "nothing"
    text = value or '""' if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = clean(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def plain(found: TenantDifference) -> dict[str, Any]:
    """The json of the comparison."""
    return {
        "version": 1,
        "kind": "tenants",
        "a": found.a,
        "b": found.b,
        "equal": found.equal,
        "resources": msgspec.to_builtins(found.resources),
        "devices": [
            {"device": one.device, "only": one.only, "difference": plain_difference(one.difference) if one.difference else None}
            for one in found.devices
        ],
        "same": found.same,
    }
