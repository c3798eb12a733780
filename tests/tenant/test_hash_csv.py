"""The import file of hardware hashes: headers, rows, encodings, and what the service says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from autopilot_agent.device import Hardware, Tpm
from autopilot_agent.tenant.hash_csv import read_hashes

PC = Hardware("5CG0000123", "Contoso", "Notebook 14", "NB14-1", "Notebook", "", False, 4, 2400, 16384, "x64", Tpm())
HEADER = "Device Serial Number,Windows Product ID,Hardware Hash"
ROW = f"5CG0000123,,{PC.hash}"


def test_a_good_file_has_a_device_and_nothing_to_say() -> None:
    found = read_hashes(f"{HEADER}\n{ROW}\n".encode())
    assert [row.content.serial_number for row in found.rows] == ["5CG0000123"]
    assert found.findings == []


def test_group_tag_and_assigned_user_are_optional_columns() -> None:
    found = read_hashes(f"{HEADER},Group Tag,Assigned User\r\n{ROW},Sales,user1@contoso.example\r\n".encode())
    assert [(row.group_tag, row.assigned_user) for row in found.rows] == [("Sales", "user1@contoso.example")]


@pytest.mark.parametrize("codec", ["utf-16", "utf-8-sig"])
def test_an_encoding_that_the_portal_does_not_want_is_a_warning(codec: str) -> None:
    found = read_hashes(f"{HEADER}\n{ROW}".encode(codec))
    assert (len(found.rows), len(found.errors), len(found.findings)) == (1, 0, 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        (HEADER, "no device"),
        (f"{HEADER.lower()}\n{ROW}", "letter by letter"),
        (f"{HEADER},OrderID\n{ROW},Sales", "called Group Tag"),
        (f"{HEADER},Manufacturer name,Device model\n{ROW},Contoso,X", "partner format"),
        (f"{HEADER},Assigned User\n{ROW},user1@contoso.example", "in this order"),
        ("Contoso,Notebook 14,5CG0000123", "no header"),
        (f'{HEADER}\n"5CG0000123",,{PC.hash}', "quotes"),
        (f"{HEADER}\n" + f"{ROW}\n" * 501, "501 devices"),
        (f"{HEADER}\n5CG0000123,,{PC.hash}AA", "Edm.Binary"),
        (f"{HEADER}\n5CG0000123,,%%%%", "Edm.Binary"),
    ],
)
def test_a_file_that_is_refused_imports_nothing(content: str, said: str) -> None:
    found = read_hashes(content.encode())
    assert found.refused
    assert found.rows == []
    assert any(said in one.text for one in found.errors), found.errors


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (f",,{PC.hash}", "803"),
        ("5CG0000123,,QUJDREVG", "802"),
        (f"5CG0000123,,{structs.replace(PC, serial_number='').hash}", "802"),
        (f"5CG0000123,,{PC.hash},Sales", ""),
        ("", ""),
        (ROW, "ZtdDeviceDuplicated"),
    ],
)
def test_one_bad_row_does_not_keep_the_others_out(row: str, code: str) -> None:
    other = structs.replace(PC, serial_number="5CG0000124")
    found = read_hashes(f"{HEADER}\n{ROW}\n{row}\n5CG0000124,,{other.hash}\n".encode())
    assert [one.content.serial_number for one in found.rows] == ["5CG0000123", "5CG0000124"]
    assert [(one.line, one.code) for one in found.errors] == [(3, code)]


def test_doubts_are_warnings() -> None:
    found = read_hashes(f"{HEADER}\n5CG0000999,,{PC.hash}   \n".encode())
    assert len(found.rows) == 1
    assert [one.error for one in found.findings] == [False, False]


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    assert read_hashes(data).rows == []
