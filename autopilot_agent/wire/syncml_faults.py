"""What a device makes of an answer on the management URL that is no SyncML: a status, a SOAP fault, a web page."""

from __future__ import annotations

from autopilot_agent.errors import Malformed
from autopilot_agent.wire import safe_xml, soap, soap_faults, syncml_xml
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.http import Response, refused


def message_of(response: Response) -> dm.Message:
    """The SyncML in a response. Raises ``ServiceFault`` for a refusal, ``Malformed`` for rubbish.

    A server may send a SOAP fault with status 200, so the root element is looked at first (protocols.md 18.2). It is shown with
    the code that enrolment would show for it, which is an assumption.
    """
    if not response.good:
        raise refused(response)
    if "wbxml" in response.headers.get("content-type", "").casefold():
        raise Malformed("the answer is WBXML, which nobody asked for")
    root = safe_xml.parse(response.body, syncml_xml.LARGEST)
    name = safe_xml.local(root).casefold()
    if name == "html":
        raise Malformed("the answer is a web page and no SyncML")
    if name == "envelope":
        raise soap_faults.decode(soap.read(response.body, syncml_xml.LARGEST)) or Malformed("the answer is SOAP, and no SyncML")
    return syncml_xml.read(root)
