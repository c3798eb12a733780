"""The trace: every kind of event has a tag of its own, survives its encoding, and counts in the hash with every field."""

from __future__ import annotations

from typing import Any, Union

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent import events
from autopilot_agent.events import KINDS, Event, trace_hash

ANY_EVENT: Any = Union[KINDS]  # noqa: UP007  a union made from a tuple
DECODER = msgspec.json.Decoder(ANY_EVENT)
EXAMPLES = {str: "x", int: 7, bool: False, tuple[str, ...]: ("a", "b")}
OTHERS = {str: "y", int: 8, bool: True, tuple[str, ...]: ("ab",)}


def fields_of(kind: type[Event]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def example(kind: type[Event]) -> Event:
    return kind(**{name: EXAMPLES[wanted] for name, wanted in fields_of(kind).items()})


def test_every_kind_is_listed() -> None:
    found = {value for value in vars(events).values() if isinstance(value, type) and issubclass(value, Event)}
    assert found - {Event} == set(KINDS)


def test_every_kind_has_a_tag_of_its_own() -> None:
    tags = [kind.__struct_config__.tag for kind in KINDS]
    assert len(set(tags)) == len(tags)
    assert all(isinstance(tag, str) and tag == tag.lower() for tag in tags)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_event_survives_its_encoding(kind: type[Event]) -> None:
    line = events.to_json_lines([example(kind)])
    assert line.endswith(b"\n")
    assert DECODER.decode(line) == example(kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_event_begins_with_its_tag_and_order(kind: type[Event]) -> None:
    assert list(events.to_dict(example(kind)))[:4] == ["event", "seq", "at", "rule"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_field_counts_in_the_hash(kind: type[Event]) -> None:
    hashes = {trace_hash([example(kind)])}
    for name, wanted in fields_of(kind).items():
        hashes.add(trace_hash([msgspec.structs.replace(example(kind), **{name: OTHERS[wanted]})]))
    assert len(hashes) == len(fields_of(kind)) + 1


def test_order_and_number_of_events_count_in_the_hash() -> None:
    one, two = events.Noted(0, 0, "", "a"), events.Noted(0, 0, "", "b")
    assert len({trace_hash(trace) for trace in ([], [one], [one, two], [two, one], [one, one])}) == 5


def test_the_schema_version_counts_in_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = trace_hash([])
    monkeypatch.setattr(events, "SCHEMA_VERSION", events.SCHEMA_VERSION + 1)
    assert trace_hash([]) != before


def test_the_encoding_is_pinned() -> None:
    """A change here changes every stored hash: raise SCHEMA_VERSION with it."""
    assert events.SCHEMA_VERSION == 2
    line = events.to_json_lines([events.CommandApplied(3, 1500, "MDM-404", "Get", "./DevDetail/SwV", 404)])
    assert line == (
        b'{"event":"command_applied","seq":3,"at":1500,"rule":"MDM-404","verb":"Get",'
        b'"uri":"./DevDetail/SwV","status":404,"detail":""}\n'
    )


@given(st.text(), st.integers(0, 2**53), st.sampled_from(KINDS))
def test_any_text_survives(text: str, at: int, kind: type[Event]) -> None:
    values = {str: text, int: at, bool: at % 2 == 0, tuple[str, ...]: (text,)}
    made = {name: values[wanted] for name, wanted in fields_of(kind).items()}
    event = kind(**made)
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert DECODER.decode(events.to_json_lines([event])) == event
    assert events.to_json_lines([event]).count(b"\n") == 1
