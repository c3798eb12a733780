"""Device names from templates: at most 15 characters, whatever the template and the serial number are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.clock import Clock
from autopilot_agent.oobe.names import LONGEST, expand_template

DRAW = Clock(7).draw


@pytest.mark.parametrize(
    ("template", "serial", "name"),
    [
        ("CON-%SERIAL%", "5CG1234", "CON-5CG1234"),
        ("CON-%serial%", "5CG1234", "CON-5CG1234"),
        ("CON-%SERIAL%", "5CG123456789012", "CON-23456789012"),
        ("CON-%SERIAL%", "VM 12/34.56", "CON-VM123456"),
        ("%SERIAL%", "5CG1234", "5CG1234"),
        ("PC-%SERIAL%", "", "PC-"),
        ("KIOSK", "5CG1234", "KIOSK"),
        ("A-VERY-LONG-NAME-INDEED", "5CG1234", "A-VERY-LONG-NAM"),
        ("FIFTEEN-LETTERS%SERIAL%", "5CG1234", "FIFTEEN-LETTERS"),
    ],
)
def test_a_template_gives_a_name(template: str, serial: str, name: str) -> None:
    assert expand_template(template, serial, DRAW) == name


def test_random_digits_are_as_many_as_asked_for_and_come_from_the_seed() -> None:
    name = expand_template("CON-%RAND:5%", "5CG1234", DRAW)
    assert re.fullmatch(r"CON-\d{5}", name)
    assert name == expand_template("CON-%RAND:5%", "5CG1234", Clock(7).draw)
    assert name != expand_template("CON-%RAND:5%", "5CG1234", Clock(8).draw)


TEMPLATES = st.lists(
    st.one_of(
        st.text("ABCxyz019-", max_size=20),
        st.sampled_from(["%SERIAL%", "%serial%", "%RAND:3%", "%RAND:0%", "%RAND:999999999%", "%RAND:%", "%"]),
    ),
    max_size=6,
).map("".join)


@given(TEMPLATES, st.text(max_size=40))
def test_a_name_is_never_longer_than_windows_allows(template: str, serial: str) -> None:
    name = expand_template(template, serial, DRAW)
    assert len(name) <= LONGEST
    assert name == expand_template(template, serial, DRAW)


@given(st.text("ABCxyz019-", max_size=20), st.text(max_size=40))
def test_a_serial_number_adds_only_characters_that_names_allow(prefix: str, serial: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9-]*", expand_template(prefix + "%SERIAL%", serial, DRAW))


@given(st.text("ABC0189", min_size=16, max_size=30))
def test_a_serial_number_that_is_too_long_loses_its_beginning(serial: str) -> None:
    assert expand_template("PC-%SERIAL%", serial, DRAW) == "PC-" + serial[-12:]
