"""The hardware hash: its layout, what it says, and what is no hash."""

from __future__ import annotations

import base64
import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from autopilot_agent.device import Hardware, Tpm
from autopilot_agent.device.hardware_hash import LENGTH, NotBase64, WrongHash, read_hash, repaired

PC = Hardware("5CG0000123", "Contoso", "Notebook 14", "NB14-1", "Notebook", "", False, 4, 2400, 16384, "x64", Tpm())


def test_a_hash_has_4000_characters_and_no_padding() -> None:
    assert len(PC.hash) == LENGTH == 4000
    assert not PC.hash.endswith("=")


def test_the_records_and_the_checksum_fill_what_the_header_announces() -> None:
    data = base64.b64decode(PC.hash)
    (length,) = struct.unpack_from("<H", data, 2)
    assert data[:2] == b"OA"
    assert data[length : length + 4] == b"CS\x24\x00"
    assert data[length + 4 : length + 36] == hashlib.sha256(data[:length]).digest()
    assert set(data[length + 36 :]) == {0}


def test_a_hash_says_what_the_firmware_says() -> None:
    found = read_hash(structs.replace(PC, product_key="3303012345678").hash)
    assert (found.serial_number, found.manufacturer, found.model) == ("5CG0000123", "Contoso", "Notebook 14")
    assert found.product_key == "3303012345678"
    assert (len(found.mac_addresses), found.warnings) == (2, ())


def test_the_same_hardware_gives_the_same_hash() -> None:
    assert structs.replace(PC).hash == PC.hash


def test_another_board_is_another_device_with_another_tpm() -> None:
    repaired_pc = structs.replace(PC, board=2, factory_serial=PC.serial_number)
    old, new = read_hash(PC.hash), read_hash(repaired_pc.hash)
    assert old.serial_number == new.serial_number
    assert not old.same_board(new)
    assert old.ek != new.ek


def test_another_serial_number_in_the_firmware_leaves_the_board_as_it_is() -> None:
    renamed = structs.replace(PC, serial_number="5CG0000999", factory_serial=PC.serial_number)
    assert read_hash(PC.hash).same_board(read_hash(renamed.hash))


def test_a_pc_without_tpm_has_no_endorsement_key() -> None:
    assert read_hash(structs.replace(PC, tpm=Tpm(present=False)).hash).ek == ""


def test_a_product_name_that_is_far_too_long_is_cut() -> None:
    assert len(structs.replace(PC, model="X" * 5000, serial_number="9" * 5000).hash) == LENGTH


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("not base64!", "' ' at character 4"),
        (PC.hash[:-1], "the padding is missing"),
        (PC.hash + "=", "the padding is missing"),
        ("QUJDREVGR0g=", "begins with OA"),
        (PC.hash[:400], "it is cut off"),
        (base64.b64encode(b"OA\x10\x00\x01\x00\x00\x00" + bytes(8)).decode(), "does not fit"),
    ],
)
def test_what_is_no_hash_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(WrongHash, match=said):
        read_hash(text)


def test_a_changed_byte_breaks_the_checksum() -> None:
    data = bytearray(base64.b64decode(PC.hash))
    data[100] ^= 1
    assert "checksum does not fit" in " ".join(read_hash(base64.b64encode(data).decode()).warnings)


def test_a_short_hash_of_an_old_tool_is_doubtful() -> None:
    data = base64.b64decode(PC.hash).rstrip(b"\0")
    data += bytes(-len(data) % 3)
    assert "instead of 3000" in " ".join(read_hash(base64.b64encode(data).decode()).warnings)


@given(st.binary(min_size=1, max_size=60))
def test_missing_padding_can_be_put_right(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert base64.b64decode(repaired(text.rstrip("="))) == data


@given(st.binary(max_size=200))
def test_any_bytes_after_the_mark_give_a_content_or_a_sentence(data: bytes) -> None:
    text = base64.b64encode(b"OA" + data).decode()
    try:
        read_hash(text)
    except WrongHash as wrong:
        assert not isinstance(wrong, NotBase64)
