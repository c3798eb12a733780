"""The offline domain join blob travels as the text of an XML element (protocols.md 5) and comes out as it went in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.device.domain_blob import DomainBlob, pack, unpack
from autopilot_agent.wire import safe_xml

# Names of computers and domains, and passwords of computers, need no character beyond two bytes.
NAMES = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs",), exclude_characters="\0"), min_size=1)


@given(st.builds(DomainBlob, NAMES, NAMES, NAMES))
def test_a_blob_survives_xml(blob: DomainBlob) -> None:
    root = safe_xml.element("{SYNCML:SYNCML1.2}SyncML", {"": "SYNCML:SYNCML1.2"})
    safe_xml.sub(safe_xml.sub(root, "Item"), "Data", pack(blob))
    found = safe_xml.text(safe_xml.child(safe_xml.parse(safe_xml.serialize(root)), "Item", "Data"))
    assert unpack(found) == blob
