"""Downloads (protocols.md 13.7 and 15.4): packages of Win32 apps, MSI and MSIX packages, Microsoft 365 Apps.

A served tenant sends a few bytes for each; how large the content would be is a fact of the simulation and travels apart. The
path of Microsoft 365 Apps is an assumption. What the store delivers has no protocol here: only a tenant of ours is asked for
it, by the private route.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from autopilot_agent.errors import ServiceFault
from autopilot_agent.service.content import Content, DownloadContent, DownloadMsi, DownloadOffice
from autopilot_agent.wire import calls, packages
from autopilot_agent.wire.http import Desk, Flow, Flows, Incoming, Request, Response, Route, refused, status_of, with_query
from autopilot_agent.wire.ime import is_web
from autopilot_agent.wire.wallet import Wallet

OFFICE = "/pr/Office/Data/v64.cab"
NETWORKS = (DownloadMsi.host, "cdn.contoso.example")
"""Where the tenants of this project say that packages lie."""
_PACKAGE = re.compile(rf"https://(?:{'|'.join(map(re.escape, NETWORKS))})(/[^\s<\"&?]*)(\?)?")
BYTES = "application/octet-stream"
NO_ADDRESS = "0x80072EE6"
"""The URL is not one of HTTP (WININET_E_UNRECOGNIZED_SCHEME)."""
MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
"""How a compound file begins, which an MSI is."""
SAFE = "/:?=&%+,;@!$'()*~#[]"
"""What stays as it is in a URL that is sent."""


def content(call: DownloadContent, wallet: Wallet) -> Flow[Content]:
    """A package of a Win32 app: fetched, checked, decrypted with the keys that the gateway gave. Damage is 0x87D30004."""
    known = wallet.packages.get(call.app_id) or packages.Package()
    url = known.url or f"https://{DownloadContent.host}/{quote(call.app_id, safe='')}.intunewin.bin"
    response = yield _get(url)
    if not response.good:
        raise refused(response)
    if known.keys is not None:
        packages.unseal(response.body, known.keys)
    return Content(size_of(response))


def package(call: DownloadMsi, wallet: Wallet) -> Flow[Content]:
    """A package at a URL; one of the store only from a tenant of ours."""
    if wallet.private and not is_web(call.url):
        answer: Any = yield from calls.ask(call, wallet)
        return Content(answer.size)
    response = yield _get(call.url)
    if not response.good:
        raise refused(response)
    return Content(size_of(response))


def office(call: DownloadOffice, wallet: Wallet) -> Flow[Content]:
    """Microsoft 365 Apps."""
    response = yield _get(with_query(f"https://{DownloadOffice.host}{OFFICE}", product=call.product_id))
    if not response.good:
        raise refused(response)
    return Content(size_of(response))


def within_reach(text: str, incoming: Incoming) -> str:
    """A job whose packages lie here: a client that is not ours cannot resolve the hosts of the simulated content network.

    The name of the package is a parameter as well, as Intune writes it and tools look for it (protocols.md 18.4).
    """

    def here(found: re.Match[str]) -> str:
        path, more = found.groups()
        name = quote(path.rpartition("/")[2], safe="")
        return f"{incoming.base}{path}?fileNameHash={name}{'&amp;' if more else ''}"

    return _PACKAGE.sub(here, text)


def _get(url: str) -> Request:
    """A download. Raises ``ServiceFault`` for a URL that is none of HTTP."""
    if not is_web(url):
        raise ServiceFault(NO_ADDRESS, "the address of the content is no URL of HTTP", "NET-CONTENT")
    return Request("GET", quote(url, safe=SAFE), {"accept": "*/*"})


def size_of(response: Response) -> int:
    """Bytes of a download: as the server says, or as many as came."""
    said = response.headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 16 else len(response.body)


def serve_content(incoming: Incoming, desk: Desk) -> Response:
    """The package of an app."""
    app_id = incoming.parameters["app_id"]
    data, _ = packages.make(desk.authority, app_id)
    desk.answer(DownloadContent(app_id, len(data)), incoming)
    return Response(200, {"content-type": BYTES}, data)


def serve_package(incoming: Incoming, desk: Desk) -> Response:
    """Any MSI, MSIX or AppX by its name."""
    desk.answer(DownloadMsi(f"{incoming.base}{incoming.path}"), incoming)
    return Response(200, {"content-type": BYTES}, sample(incoming.path))


def serve_office(incoming: Incoming, desk: Desk) -> Response:
    """Microsoft 365 Apps."""
    desk.answer(DownloadOffice(incoming.query.get("product", "")), incoming)
    return Response(200, {"content-type": BYTES}, sample(incoming.path))


def sample(name: str) -> bytes:
    """A few bytes that stand for a package: always the same for the same name."""
    return MAGIC + sha256(name.encode("utf-8", "replace")).digest()


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """A status: content networks say no more."""
    return Response(status_of(fault.code))


FLOWS: Flows = {DownloadContent: content, DownloadMsi: package, DownloadOffice: office}
ROUTES = (
    Route("GET", "/<path:app_id>.intunewin.bin", serve_content, refuse, "content"),
    *(Route("GET", f"/<path:name>.{kind}", serve_package, refuse, "package") for kind in ("msi", "msix", "appx")),
    Route("GET", OFFICE, serve_office, refuse, "office"),
)
