"""What holds for every way in which parts of a scenario can be laid over each other."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.layers import Layer, compose, laid_over, merged_value
from autopilot_agent.scenario.loader import load_scenario_text
from autopilot_agent.scenario.settings import apply_settings, parse_path, parse_setting
from autopilot_agent.text.yaml_text import Document, load_yaml_text

KEYS = st.sampled_from(["a", "b", "c.d", "e f", "0"])
LEAVES = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["x", "y"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)
MAPS = st.dictionaries(KEYS, VALUES, max_size=4)


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [above]
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in items:
        found += paths(one, (*above, step))
    return found


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@given(MAPS, MAPS)
def test_merging_changes_nothing_and_doing_it_twice_is_doing_it_once(one: Any, two: Any) -> None:
    before = copy.deepcopy((one, two))
    once = merged_value(one, two)
    assert merged_value(once, two) == once
    assert merged_value(one, one) == one and merged_value(one, {}) == one and merged_value({}, one) == one
    assert (one, two) == before


@given(MAPS, MAPS)
def test_what_is_laid_on_top_is_there(one: Any, two: Any) -> None:
    whole = merged_value(one, two)
    for path in paths(two):
        value = at(two, path)
        if not isinstance(value, dict):
            assert at(whole, path) == value
    assert set(whole) == set(one) | set(two)


@given(MAPS, MAPS)
def test_every_value_stands_where_it_was_written(one: Any, two: Any) -> None:
    texts = [yaml.safe_dump(value, sort_keys=False) for value in (one, two)]
    below, above = (load_yaml_text(text, name) for text, name in zip(texts, ("below", "above"), strict=True))
    whole = compose([Layer(below, below.value), Layer(above, above.value)])
    for path in paths(whole.value):
        place = whole.place(path)
        document = above if place.file == "above" else below
        assert place == document.place(path)
        if not isinstance(at(whole.value, path), dict):
            assert at(document.value, path) == at(whole.value, path)


@given(MAPS, st.data())
def test_a_set_value_is_read_back(value: Any, data: Any) -> None:
    document = Document("a", value)
    known = [path for path in paths(value) if path and path[0] not in ("include", "matrix", "root")]
    if not known:
        return
    path = data.draw(st.sampled_from(known))
    text = "".join(f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in path).removeprefix(".")
    before = copy.deepcopy(value)
    changed = apply_settings(document, [parse_setting(f"{text}=7")])
    assert at(changed.value, path) == 7 and value == before
    assert str(changed.place(path)) == f"--set {text}"[: len("--set ") + 80]
    assert laid_over(changed.value, path, at(value, path)) == value or isinstance(at(value, path), dict)


@given(st.text(max_size=40))
def test_any_setting_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        setting = parse_setting(text)
    except InputError as error:
        assert str(error).startswith("--set") and error.message.endswith((".", "...", "?"))
        return
    assert setting.path and all(step != "" for step in setting.path)


@pytest.mark.parametrize("text", ["scenario=#1", "expect.device_name= # later"])
def test_a_comment_is_no_value(text: str) -> None:
    with pytest.raises(InputError, match="is a comment in YAML"):
        parse_setting(text)


@given(st.lists(st.text("ab.-_ \\/0", min_size=1, max_size=5), min_size=1, max_size=4))
def test_a_quoted_path_is_its_steps(steps: list[str]) -> None:
    place = Document("a", {}).place()
    assert parse_path(".".join(f'"{step}"' for step in steps), place) == tuple(steps)


@given(st.text(max_size=60))
def test_a_matrix_of_anything_is_a_sentence(text: str) -> None:
    try:
        load_scenario_text(f"scenario: x\nmatrix: {text!r}\n", Path("a.yaml"))
    except InputError as error:
        assert error.place is not None
