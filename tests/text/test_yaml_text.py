"""YAML files: what they mean, where their parts stand, and what is refused."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopilot_agent.errors import InputError, Place
from autopilot_agent.text import yaml_text
from autopilot_agent.text.yaml_reader import SlowReader
from autopilot_agent.text.yaml_text import load_yaml, load_yaml_text


def value_of(text: str) -> object:
    return load_yaml_text(text, "a.yaml").value


def refusal_of(text: str) -> str:
    with pytest.raises(InputError) as caught:
        load_yaml_text(text, "a.yaml")
    return str(caught.value)


@pytest.fixture(params=["libyaml", "pure Python"], autouse=True)
def both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure Python":
        monkeypatch.setattr(yaml_text, "Reader", SlowReader)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("Y", "Y"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("2026-01-12", "2026-01-12"),
        ("2026-01-12T08:00:00Z", "2026-01-12T08:00:00Z"),
        ("12:30:00", "12:30:00"),
        ("1_000", "1_000"),
        ("0x10", 16),
        ("0x80180014", 0x80180014),
        ("'0x10'", "0x10"),
        ("012", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        (".", "."),
        ("=", "="),
        ("5CG1234", "5CG1234"),
        ("!!str 12", "12"),
        ("'true'", "true"),
    ],
)
def test_an_unquoted_word_means_what_yaml_1_2_says(written: str, meant: object) -> None:
    assert value_of(f"a: {written}\n") == {"a": meant}
    assert type(value_of(f"a: {written}\n")["a"]) is type(meant)  # type: ignore[index]


def test_keys_named_on_and_yes_stay_text() -> None:
    assert value_of("on: 1\nyes: 2\n") == {"on": 1, "yes": 2}


def test_a_list_may_be_the_root() -> None:
    assert value_of("- 1\n- a\n") == [1, "a"]


def test_merge_keys_give_way_to_own_keys_and_to_earlier_merges() -> None:
    text = "d: &d {x: 1, y: 2}\ne: &e {x: 5, z: 3}\na:\n  <<: [*d, *e]\n  y: 9\n"
    assert value_of(text)["a"] == {"x": 1, "y": 9, "z": 3}  # type: ignore[index]


def test_a_place_is_that_of_the_value_or_of_its_key() -> None:
    document = load_yaml_text("a:\n  b: [1, {c: 2}]\n", "f.yaml")
    assert document.place(("a", "b", 1, "c")) == Place("f.yaml", 2, 14)
    assert document.place(("a", "b", 1, "c"), key=True) == Place("f.yaml", 2, 11)
    assert document.place(()) == Place("f.yaml", 1, 1)


def test_a_place_that_does_not_exist_is_that_of_its_nearest_ancestor() -> None:
    document = load_yaml_text("a:\n  b: 1\n", "f.yaml")
    assert document.place(("a", "nothing", 3)) == document.place(("a",))
    assert document.place(("a", "b", "c"), key=True) == document.place(("a", "b"))


def test_a_merged_value_has_the_place_where_it_is_written() -> None:
    document = load_yaml_text("d: &d\n  x: 1\na:\n  <<: *d\n", "f.yaml")
    assert document.place(("a", "x")) == Place("f.yaml", 2, 6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b: c\n", "a.yaml:1:5: this is not valid YAML"),
        ("a:\n\tb: 1\n", "indent with spaces, not tabs"),
        ('a: "b\n', "a quote is not closed"),
        ('a: "C:\\Windows"\n', "backslash"),
        ("a: [1, 2\n", "is not closed"),
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3:1: the key 'a' stands here twice, first in line 1"),
        ("a: {b: 1, b: 2}\n", "a.yaml:1:11: the key 'b' stands here twice"),
        ("1: a\n", 'a.yaml:1:1: a key must be text; put 1 in quotes: "1"'),
        ("true: a\n", "a key must be text"),
        ("~: a\n", "a key must be text"),
        ("? [a]\n: b\n", "a key must be text"),
        ("a: !!python/object/apply:os.system ['x']\n", "the tag !!python/object/apply:os.system is not allowed"),
        ("a: !mine x\n", "the tag !mine is not allowed"),
        ("a: !!binary aGk=\n", "the tag !!binary is not allowed"),
        ("a: !!set {b}\n", "the tag !!set is not allowed"),
        ("a: !!int b\n", "is not a whole number"),
        ("a: !!bool yes\n", "is not a value of !!bool"),
        ("a: " + "9" * 5000, "is not a whole number that can be read"),
        ("a: &a [*a]\n", "refers to a value that contains it"),
        ("a: &a\n  <<: *a\n", "refers to a value that contains it"),
        ("a: *b\n", "needs an anchor"),
        ("a:\n  <<: 5\n", "'<<' merges mappings"),
        ("", "a.yaml: the file is empty"),
        ("# only a remark\n", "the file is empty"),
        ("hello\n", "found one piece of text"),
        ("a: 1\n---\nb: 2\n", "a file holds one document"),
        ("b: 1\na: \x07", "a.yaml:2:4: the file holds a character that YAML does not allow (U+0007)"),
        ("a: \ud800", "a.yaml:"),
        ("%YAML 3.0\n---\na: 1\n", "a.yaml:1"),
    ],
)
def test_a_wrong_text_is_refused_with_its_place_and_a_remedy(text: str, said: str) -> None:
    assert said in refusal_of(text)


def test_an_alias_bomb_is_refused_before_it_is_expanded() -> None:
    names = "abcdefghijklmnop"
    text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    for before, name in pairwise(names):
        text += f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
    assert "more than 100,000 values" in refusal_of(text)


def test_a_bomb_of_merge_keys_is_refused_too() -> None:
    text = "a0: &a0 {k: [1,2,3,4,5,6,7,8,9,0]}\n"
    for index in range(1, 12):
        text += f"a{index}: &a{index} {{<<: [{', '.join([f'*a{index - 1}'] * 9)}]}}\n"
    assert "more than 100,000 values" in refusal_of(text)


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 200_000, "{a: " * 100_000, "? " * 200_000, "a: " + "[" * 61 + "]" * 61])
def test_deep_nesting_is_refused_without_a_crash(text: str) -> None:
    assert "deeper than 60 levels" in refusal_of(text)


def test_nesting_below_the_limit_is_read() -> None:
    value_of("a: " + "[" * 59 + "]" * 59)


def test_a_large_file_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: " + "x" * 2000)
    with pytest.raises(InputError, match=r"2,003 bytes, more than the 1,000"):
        load_yaml(path, 1000)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_utf_8_and_utf_16_with_a_byte_order_mark_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: Zürich\n", encoding=encoding)
    assert load_yaml(path).value == {"a": "Zürich"}


def test_another_encoding_is_refused_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("b: 1\na: Zürich\n".encode("latin-1"))
    with pytest.raises(InputError, match="save the file as UTF-8") as caught:
        load_yaml(path)
    assert (caught.value.place or Place("")).line == 2


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_yaml(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="directory"):
        load_yaml(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        load_yaml(Path("a\0b"))


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_load_or_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    try:
        load_yaml(path).place(("a", 0))
    except InputError as error:
        assert str(error)


SIGNS = st.sampled_from([*"[]{}:,-?&*!|>%@`'\"# \n\tab<1~=.", "\n  ", ": ", "- ", "&a ", "*a", "<<: ", "!!", "---\n", "...\n"])


@settings(max_examples=500, deadline=None)
@given(parts=st.lists(SIGNS, max_size=40))
def test_any_yaml_signs_load_or_are_refused(parts: list[str]) -> None:
    try:
        load_yaml_text("".join(parts), "a.yaml")
    except InputError as error:
        assert str(error)


TEXT = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=50)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(value=st.dictionaries(TEXT, PLAIN, min_size=1, max_size=4))
def test_json_is_read_as_what_it_means(value: dict[str, object]) -> None:
    assert value_of(json.dumps(value)) == value
