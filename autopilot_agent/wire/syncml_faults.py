"""What a device makes of an answer on the management URL that is no SyncML: a status, a SOAP fault, a web page."""

from __future__ import annotations

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.wire import safe_xml, syncml_xml
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.http import Response, refused

SUBCODES = {
    "messageformat": "0x80180001",
    "authentication": "0x80180002",
    "authorization": "0x80180003",
    "certificaterequest": "0x80180004",
    "enrollmentserver": "0x80180005",
    "internalservicefault": "0x80180006",
    "invalidsecurity": "0x80180007",
}
UNKNOWN = "0x80180008"
"""Codes of a SOAP fault by its subcode (protocols.md 11.1); that they are shown for management too is an assumption."""


def message_of(response: Response) -> dm.Message:
    """The SyncML in a response. Raises ``ServiceFault`` for a refusal, ``Malformed`` for rubbish.

    A server may send a SOAP fault with status 200, so the root element is looked at first (protocols.md 18.2).
    """
    if not response.good:
        raise refused(response)
    if "wbxml" in response.headers.get("content-type", "").casefold():
        raise Malformed("the answer is WBXML, which nobody asked for")
    root = safe_xml.parse(response.body, syncml_xml.LARGEST)
    name = safe_xml.local(root).casefold()
    if name == "html":
        raise Malformed("the answer is a web page and no SyncML")
    if name in ("envelope", "fault"):
        fault = root if name == "fault" else safe_xml.child(root, "Body", "Fault")
        if fault is None:
            raise Malformed("the answer is a SOAP message without a fault, and no SyncML")
        subcode = safe_xml.text(safe_xml.child(fault, "Code", "Subcode", "Value")).strip().rpartition(":")[2]
        said = safe_xml.text(safe_xml.child(fault, "Reason", "Text")).strip()[:200]
        raise ServiceFault(SUBCODES.get(subcode.casefold(), UNKNOWN), said)
    return syncml_xml.read(root)
