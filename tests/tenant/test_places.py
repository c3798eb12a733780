"""Reading a big export: the place of each of many resources is found without reading the whole text again."""

from __future__ import annotations

import json

import pytest

from autopilot_agent.tenant.graph.text import JsonText

MANY = 2_000


def test_places_in_one_long_line_are_found_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    text = JsonText(json.dumps({"@odata.context": "x", "value": [{"id": str(number)} for number in range(MANY)]}), "users.json")
    scanned = 0
    original = JsonText._end_of

    def counted(self: JsonText, position: int) -> int:
        nonlocal scanned
        end = original(self, position)
        scanned += end - position
        return end

    monkeypatch.setattr(JsonText, "_end_of", counted)
    places = [text.place(("value", index)) for index in range(MANY)]
    assert len({place.column for place in places}) == MANY
    assert scanned < 4 * len(text.text)
