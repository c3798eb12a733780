"""A malicious MDM server on a socket: ours, with what one of its services answers spoilt beyond use."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from wrong_server import DISCOVER, ENROL, MANAGE, POLICY, PROBE, Spoil, header, instead, kind_of, read, write

from autopilot_agent.backends.addresses import Addresses
from autopilot_agent.backends.net import RequestsNet
from autopilot_agent.cli.conform import LARGEST
from autopilot_agent.conform import Finding, judge, visit
from autopilot_agent.conform.enrolling import Person
from autopilot_agent.simulator.server import Served, serving
from autopilot_agent.testing.in_process import one_authority
from autopilot_agent.testing.small import USER, small_state
from autopilot_agent.wire.http import Request, Response

PERSON = Person(USER, "right password")
KINDS = (PROBE, DISCOVER, POLICY, ENROL, MANAGE)
SOAP, SYNCML = "application/soap+xml; charset=utf-8", "application/vnd.syncml.dm+xml"
OURS = "/autopilot-agent"
"""Where our server says that it is ours; this one does not."""


@contextmanager
def nasty(spoils: dict[str, Spoil]) -> Iterator[Served]:
    """A stranger's server, spoilt by the kind of its answer."""
    with serving(small_state(), authority=one_authority) as server:
        inner = server.application.respond

        def respond(request: Any, seen: Any) -> Response:
            if request.path.startswith(OURS):
                return Response(404)
            body = request.get_data(cache=True)
            asked = Request(request.method, request.url, {name.lower(): value for name, value in request.headers}, body)
            response = inner(request, seen)
            if kind_of(asked) in spoils:
                spoils[kind_of(asked)](asked, response)
                response.headers.pop("content-length", None)
            return response

        server.application.respond = respond  # type: ignore[method-assign]
        yield server


def judged(url: str) -> list[Finding]:
    """What ``conform`` finds there, with keys that were made before."""
    net = RequestsNet(Addresses(url), largest=LARGEST)
    net.addresses = Addresses()
    try:
        return judge(visit(net, url, PERSON, pooled=True))
    finally:
        net.close()


def with_body(change: Callable[[bytes], bytes]) -> Spoil:
    def spoil(request: Request, response: Response) -> None:
        response.body = change(response.body)

    return spoil


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "' + b"ha" * 50 + b'">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 50) for n in range(8))
    + b"]><b>&i;</b>"
)  # fmt: skip
ENVELOPE = b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">%s</s:Envelope>'
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]><b>&a;</b>'
ANYWHERE: dict[str, Spoil] = {
    "nothing": instead(200),
    "no content": instead(204),
    "a page of an error": instead(500, b"<html><body>500</body></html>"),
    "a page": instead(200, b"<html><body>hello<br></body></html>"),
    "a circle": lambda request, response: instead(302, location=request.url)(request, response),
    "a redirect to nowhere": instead(302),
    "a redirect that is none": instead(302, location="https://[::1/x"),
    "a redirect to Microsoft": instead(302, location="https://login.microsoftonline.com/common"),
    "a permanent redirect away": instead(301, location="https://mdm.contoso.example/x"),
    "60 MB": instead(200, b"<a>" * 20_000_000, SOAP),
    "60 MB that were packed": instead(200, gzip.compress(b"\0" * 60_000_000), SOAP, **{"content-encoding": "gzip"}),
    "a lie about packing": instead(200, b"\x1f\x8bhello", SOAP, **{"content-encoding": "gzip"}),
    "no XML": instead(200, b"<a><b></a>", SOAP),
    "half of it": with_body(lambda body: body[: len(body) // 2]),
    "an entity bomb": instead(200, BOMB, SOAP),
    "an entity from outside": instead(200, OUTSIDE, SOAP),
    "another content type": header("content-type", "image/png"),
    "no content type": header("content-type", None),
    "a list": instead(200, json.dumps([1, None, {"a": []}]).encode(), "application/json"),
    "null": instead(200, b"null", "application/json"),
    "no UTF-8": with_body(lambda body: body.replace(b"http", b"\xff\xfe\x80")),
    "UTF-16": with_body(lambda body: (body.decode("utf-8", "replace")).encode("utf-16")),
    "zeros": instead(200, b"\0" * 1000, SOAP),
    "an unknown encoding": with_body(lambda body: b'<?xml version="1.0" encoding="x-none"?>' + body),
    "deep": instead(200, b"<a>" * 5000 + b"</a>" * 5000, SOAP),
    "empty elements": with_body(lambda body: re.sub(rb">[^<]+<", b"><", body)),
    "numbers": with_body(lambda body: re.sub(rb">[^<]+<", b">-999999999999999999999999<", body)),
    "null everywhere": with_body(lambda body: re.sub(rb">[^<]+<", b">null<", body)),
    "letters that are no digits": with_body(lambda body: re.sub(rb">[^<]+<", ">\u00b2\u0664<".encode(), body)),
    "a root without children": with_body(lambda body: re.sub(rb"(?s)^(<[^>]*[^/])>.*$", rb"\1/>", body)),
    "everything twice": with_body(lambda body: body + body),
    "status 999": instead(999, b"x"),
    "status 101": instead(199, b"x"),
    "status 401": instead(401, b"x", **{"www-authenticate": "Basic"}),
    "status 429": instead(429, b"x", **{"retry-after": "99999999999999999999999"}),
    "status 503": instead(503, b"x", **{"retry-after": "Wed, 21 Oct 9999 07:28:00 GMT"}),
    "a fault": instead(500, ENVELOPE % b"<s:Body><s:Fault/></s:Body>", SOAP),
    "an empty envelope": instead(200, ENVELOPE % b"<s:Body/>", SOAP),
    "SyncML without anything": instead(200, b'<SyncML xmlns="SYNCML:SYNCML1.2"/>', SYNCML),
}  # fmt: skip

FRAME = """<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>
<SessionID>{session}</SessionID><MsgID>{message}</MsgID><Target><LocURI>x</LocURI></Target><Source><LocURI>y</LocURI></Source>
</SyncHdr><SyncBody><Status><CmdID>1</CmdID><MsgRef>{message}</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data>
</Status>{body}</SyncBody></SyncML>"""
ITEM = "<Item><Target><LocURI>./Vendor/MSFT/X</LocURI></Target>{}</Item>"


def saying(make: Callable[[int], str]) -> Spoil:
    """Every message of a session is answered with this body; it is given the number of the answer."""
    said = 0

    def spoil(request: Request, response: Response) -> None:
        nonlocal said
        said += 1
        session, message = (
            re.search(rf"<{name}>([^<]*)", request.body.decode("utf-8", "replace")) for name in ("SessionID", "MsgID")
        )
        assert session is not None and message is not None
        body = FRAME.format(session=session[1], message=message[1], body=make(said))
        instead(200, body.encode(), SYNCML)(request, response)

    return spoil


def adds(number: int, count: int) -> str:
    """Adds of nodes that no answer before had."""
    found = (f"<Add><CmdID>{10 + at}</CmdID>{ITEM.format('').replace('X', f'{number}/{at}')}</Add>" for at in range(count))
    return "".join(found)


NUMBERS = ("\u00b2\u0664", "9" * 5000, "-1", "null", "\uf000;;\uf000;" + "9" * 5000)
NODES = ("TimeOutUntilSyncFailure", "BlockInStatusPage", "ExpectedPolicies", "SkipDeviceStatusPage", "CustomErrorText")
PAGE = "./Device/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/FirstSyncStatus"
URIS = ("", ".", "./", "/", "././", "./%", "./%zz", "./Vendor//x", "../../x", "./Vendor/" + "a/" * 500, "./Device", "./User")


def values(number: int) -> str:
    every = [(f"{PAGE}/{name}", value) for name in NODES for value in NUMBERS] + [(uri, "1") for uri in URIS]
    found = (
        f"<Replace><CmdID>{10 + at}</CmdID><Item><Target><LocURI>{uri}</LocURI></Target><Data>{value}</Data></Item></Replace>"
        for at, (uri, value) in enumerate(every)
    )
    return "".join(found)


PIECE = f"<Add><CmdID>5</CmdID>{ITEM.format('<Data>' + 'x' * 400_000 + '</Data><MoreData/>')}</Add>"
STATUS = "<Status><CmdID>5</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>9999999999999999</Data></Status>"
SESSIONS: dict[str, tuple[Callable[[int], str], str]] = {
    "a Get without end": (lambda number: read("./DevDetail/SwV") + "<Final/>", "DM-END"),
    "never Final": (lambda number: read("./DevDetail/SwV"), "DM-END"),
    "no command and no Final": (lambda number: "", "ESP-FINISHED-DEVICE"),
    "10,000 commands": (lambda number: read("./DevDetail/SwV") * 10_000 + "<Final/>", "DM-ANSWER"),
    "thousands of commands without end": (lambda number: adds(number, 1_000) + "<Final/>", "DM-END"),
    "no CmdID": (lambda number: f"<Get>{ITEM.format('')}</Get><Final/>", "DM-CMD-ID"),
    "commands that nobody knows": (lambda number: "<Frob><CmdID>4</CmdID></Frob><Exec/><Put/><Final/>", "DM-COMMANDS"),
    "an Alert without end": (lambda number: "<Alert><CmdID>4</CmdID><Data>1222</Data></Alert><Final/>", "DM-END"),
    "an object without end": (lambda number: PIECE + "<Final/>", "DM-END"),
    "an object without end or Final": (lambda number: PIECE, "DM-END"),
    "Atomics in each other": (lambda number: "<Atomic><CmdID>7</CmdID>" * 25 + "</Atomic>" * 25 + "<Final/>", "DM-END"),
    "thousands of items": (lambda number: f"<Replace><CmdID>5</CmdID>{ITEM.format('') * 2000}</Replace><Final/>", "DM-END"),
    "thousands of statuses": (lambda number: STATUS * 2000 + "<Final/>", "DM-CMD-ID"),
    "numbers and places that are none": (lambda number: values(number) + "<Final/>", "ESP-TIMEOUT"),
    "a name without end": (lambda number: write("Add", "./Vendor/" + "x" * 400_000), "DM-END"),
}  # fmt: skip
"""Bodies of sessions, and a complaint that each gets."""
