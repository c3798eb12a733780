"""The domain join blob: what is packed comes out again, and what is no blob gives nothing."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.device.domain_blob import STRINGS_AT, DomainBlob, pack, unpack

NAMES = st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable() and max(map(ord, text)) < 0xFFFF)


@given(NAMES, NAMES, NAMES)
def test_a_blob_comes_out_as_it_was_packed(domain: str, name: str, password: str) -> None:
    blob = DomainBlob(domain, name, password)
    assert unpack(pack(blob)) == blob


def test_the_strings_begin_where_public_tools_look_for_them() -> None:
    data = base64.b64decode(pack(DomainBlob("corp.contoso.example", "FAB-1", "secret")))
    assert data[STRINGS_AT] == len("corp.contoso.example")
    assert data[STRINGS_AT + 12 : STRINGS_AT + 20].decode("utf-16-le") == "corp"


@pytest.mark.parametrize("text", ["", "no base64!", "aGFzaA==", base64.b64encode(bytes(400)).decode()])
def test_what_is_no_blob_gives_nothing(text: str) -> None:
    assert unpack(text) is None


def test_a_truncated_blob_gives_nothing() -> None:
    whole = base64.b64decode(pack(DomainBlob("corp.contoso.example", "FAB-1", "secret")))
    assert unpack(base64.b64encode(whole[:-8]).decode()) is None
