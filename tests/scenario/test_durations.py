"""Durations: as people write them, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.scenario.durations import LONGEST, format_duration, parse_duration, parse_signed_duration


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("40m", 2_400_000),
        ("1h30m", 5_400_000),
        ("1h 30m", 5_400_000),
        ("90s", 90_000),
        ("2d", 172_800_000),
        ("250ms", 250),
        ("0s", 0),
        ("1.5s", 1500),
        ("1d2h3m4s5ms", 93_784_005),
    ],
)
def test_a_duration_is_read(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize(
    "text", ["", "40", "m", "-5m", "1m1h", "1m1m", "1x", "1,5s", "٣s", "99999d", "1h-30m", "1e3s", "40 minutes"]
)
def test_a_wrong_duration_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|unit|ten years"):
        parse_duration(text)


def test_a_number_without_unit_is_told_its_units() -> None:
    with pytest.raises(ValueError, match="write 40s for seconds or 40m for minutes"):
        parse_duration("40")


def test_a_clock_may_be_ahead_or_behind() -> None:
    assert (parse_signed_duration("-10m"), parse_signed_duration("+10m"), parse_signed_duration("10m")) == (
        -600_000,
        600_000,
        600_000,
    )


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0s"),
        (250, "0.25s"),
        (59_000, "59s"),
        (2_400_000, "40m 00s"),
        (3_723_000, "1h 02m 03s"),
        (90_061_000, "1d 01h 01m 01s"),
    ],
)
def test_a_duration_is_written_for_people(milliseconds: int, text: str) -> None:
    assert format_duration(milliseconds) == text


@given(st.integers(0, LONGEST))
def test_a_written_duration_is_read_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds)) == milliseconds


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        assert parse_duration(text) >= 0
    except ValueError as error:
        assert str(error)
