"""The registry: names without case, keys below keys, and paths as they were first written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.device.registry import Registry

KEY = r"HKLM\SOFTWARE\Contoso"


def test_names_compare_without_case() -> None:
    registry = Registry()
    registry.set(KEY, "Value", 1)
    registry.set(KEY.upper(), "VALUE", 2)
    assert registry.get(KEY.lower(), "value") == 2
    assert registry.keys() == {KEY: {"VALUE": 2}}


def test_what_is_not_there_is_none() -> None:
    registry = Registry()
    registry.create(KEY)
    assert registry.get(KEY, "Value") is None
    assert registry.get(KEY + r"\Below", "Value") is None


def test_a_key_exists_when_something_lies_below_it() -> None:
    registry = Registry()
    registry.set(KEY + r"\Deep\Deeper", "Value", "x")
    assert registry.has(KEY)
    assert registry.has(KEY + r"\Deep")
    assert not registry.has(KEY + r"\De")
    assert not registry.has(KEY + "2")


def test_deleting_a_key_takes_what_is_below_and_nothing_beside() -> None:
    registry = Registry()
    for path in (KEY, KEY + r"\Below", KEY + "2"):
        registry.set(path, "Value", 1)
    registry.delete(KEY.upper())
    assert registry.keys() == {KEY + "2": {"Value": 1}}


def test_several_values_are_written_at_once() -> None:
    registry = Registry()
    registry.update(KEY, {"One": 1, "Two": "2"})
    registry.update(KEY, {"two": "3"})
    assert registry.keys() == {KEY: {"One": 1, "two": "3"}}


@given(st.dictionaries(st.text("abcß\\", min_size=1, max_size=6), st.dictionaries(st.text("xyz", min_size=1), st.integers())))
def test_everything_written_is_listed_once(content: dict[str, dict[str, int]]) -> None:
    registry, model = Registry(), {}
    for key, values in content.items():
        registry.update(key, dict(values))
        model.setdefault(key.casefold(), {}).update({name.casefold(): value for name, value in values.items()})
    listed = {key.casefold(): {name.casefold(): value for name, value in one.items()} for key, one in registry.keys().items()}
    assert listed == model
