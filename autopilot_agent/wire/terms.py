"""The MDM's terms of use page in the web view of OOBE (protocols.md 3.4): a GET for HTML, a form, a redirect that ends it."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lxml import etree

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.entra import GetTermsOfUse, TermsOfUse
from autopilot_agent.wire import claims, clients, tokens
from autopilot_agent.wire.http import (
    FORM,
    Desk,
    Flow,
    Flows,
    Incoming,
    Request,
    Response,
    Route,
    refused,
    status_of,
    with_query,
)
from autopilot_agent.wire.wallet import Wallet

HOST, PATH = "portal.manage.microsoft.com", "/TermsofUse.aspx"
REDIRECT = "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS"
SCHEMES = ("ms-appx-web", "ms-aadj-redir")
"""Where the page may send its visitor: only back into Windows."""
LARGEST, LONGEST = 500_000, 20_000
"""Bytes of a page that is read, and characters of its text."""
QUIET = {"head", "title", "script", "style", "noscript", "template", "button", "select", "option", "textarea", "iframe"}
BLOCKS = {"p", "div", "br", "li", "ul", "ol", "h1", "h2", "h3", "h4", "tr", "table", "section", "article", "pre", "form"}
SPACE = re.compile(r"\s")
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ERRORS = {"invalid_request": "0x80190190", "unauthorized_client": "0x80190191", "server_error": "0x801901F4"}
"""What the device shows for an error of the page: the HTTP status that says the same (an assumption)."""


def get_terms(call: GetTermsOfUse, wallet: Wallet) -> Flow[TermsOfUse]:
    """Open the page and read its text."""
    response = yield from _open("GET", call.url, call.user_id, wallet)
    if response.status in (301, 302, 303, 307):
        raise decode_redirect(response)
    if not response.good:
        raise refused(response)
    return TermsOfUse(visible_text(response.body))


def accept(wallet: Wallet, url: str, user_id: str) -> Generator[Request, Response, str]:
    """Press Accept: the ``OpaqueBlob`` that the enrolment carries as ``EnrollmentData``, "" where the page gives none."""
    response = yield from _open("POST", url, user_id, wallet)
    if response.status not in (301, 302, 303, 307):
        raise refused(response)
    query = _query(response)
    if query.get("IsAccepted", "").casefold() != "true":
        raise decode_redirect(response)
    return query.get("OpaqueBlob", "")


def _open(method: str, url: str, user_id: str, wallet: Wallet) -> Generator[Request, Response, Response]:
    """One request for the page. A tenant of ours stands for every MDM, whose pages it has at one place."""
    if url and not claims.is_address(url):
        raise Malformed("the address of the terms of use is none")
    if not url or (wallet.private and urlsplit(url).path.casefold() != PATH.casefold()):
        url = f"https://{HOST}{PATH}"
    bearer = yield from clients.user_token(wallet, user_id, claims.ENROLMENT)
    query = {
        "redirect_uri": REDIRECT,
        "client-request-id": wallet.new_guid("terms of use"),
        "api-version": "1.0",
        "mode": "azureadjoin",
    }
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    headers["cxh-host"] = "FRX"
    body = b""
    if method == "POST":
        headers["content-type"], body = FORM, b"accept=true"
    return (yield Request(method, with_query(url, **query), headers, body))


def decode_redirect(response: Response) -> ServiceFault:
    """What a redirect of the page means for the device: an error, or that the terms were not accepted."""
    query = _query(response)
    error = query.get("error", "")
    if error:
        return ServiceFault(ERRORS.get(error, ERRORS["server_error"]), query.get("error_description", error)[:300])
    return ServiceFault("rejectedTermsOfUse", "the page says that the terms of use were not accepted")


def _query(response: Response) -> dict[str, str]:
    try:
        return dict(parse_qsl(urlsplit(response.headers.get("location", "")).query, max_num_fields=50))
    except ValueError as error:
        raise Malformed(f"the page redirects to what is no address: {error}") from None


def visible_text(data: bytes) -> str:
    """What a reader sees of a page: no scripts, no buttons. Raises ``Malformed`` for a page that is too large."""
    if len(data) > LARGEST:
        raise Malformed(f"the page has more than {LARGEST} bytes")
    text = data.decode("utf-8", "replace").replace("\0", "")
    if not text.strip():
        return ""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root: Any = etree.fromstring(text.encode("utf-8"), parser)
    except (etree.XMLSyntaxError, ValueError, AssertionError) as error:
        raise Malformed(f"the page is no HTML: {error}") from None
    if root is None:
        return ""
    pre = root.find(".//pre")
    if pre is not None and pre.get("id") == "terms":
        return "".join(map(str, pre.itertext())).removeprefix("\n")[:LONGEST]
    return _flowing(root)[:LONGEST]


def _flowing(root: Any) -> str:
    """The text of any page, with white space as a browser shows it."""
    parts: list[str] = []
    hidden = 0
    for event, one in etree.iterwalk(root, events=("start", "end")):
        tag = str(one.tag).casefold()
        if tag in BLOCKS:
            parts.append("\n")
        if event == "start":
            hidden += tag in QUIET
            parts.append("" if hidden else _spaced(one.text))
        else:
            hidden -= tag in QUIET
            parts.append("" if hidden else _spaced(one.tail))
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _spaced(text: str | None) -> str:
    return SPACE.sub(" ", text or "")


def page(incoming: Incoming, desk: Desk) -> Response:
    """The page for the user of the token."""
    user = _visitor(incoming, desk)
    call = clients.agreed(GetTermsOfUse(PATH, claims.text(user, "oid")), incoming, user)
    text = desk.answer(call, incoming).text
    return Response(200, {"content-type": "text/html; charset=utf-8"}, encode_page(text))


def encode_page(text: str) -> bytes:
    """The page: the text as it is, and a button. Characters that HTML has no way to write are left out."""
    root = etree.Element("html")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = "Terms of use"
    body = etree.SubElement(root, "body")
    shown = etree.SubElement(body, "pre", {"id": "terms"})
    shown.text = "\n" + UNWRITABLE.sub("", text)
    form = etree.SubElement(body, "form", {"method": "post"})
    etree.SubElement(form, "button", {"name": "accept", "value": "true"}).text = "Accept"
    return b"<!DOCTYPE html>\n" + bytes(etree.tostring(root, encoding="utf-8", method="html"))


def answer(incoming: Incoming, desk: Desk) -> Response:
    """The button was pressed: back into Windows, with a text that only this server reads."""
    user = _visitor(incoming, desk)
    redirect = _redirect(incoming)
    if not redirect:
        raise Malformed("the redirect_uri is none of Windows")
    accepted = incoming.form().get("accept", "") == "true"
    said = {"IsAccepted": "true" if accepted else "false"}
    if accepted:
        claims_said = {"use": "terms", "oid": claims.text(user, "oid")}
        said["OpaqueBlob"] = tokens.mint(desk.authority, claims_said, incoming.epoch)
    return Response(302, {"location": with_query(redirect, **said)})


def _visitor(incoming: Incoming, desk: Desk) -> dict[str, Any]:
    """Whose page it is: the claims of the token. Raises ``Malformed`` for a version that does not exist."""
    if incoming.query.get("api-version") != "1.0":
        raise Malformed("the api-version is missing, or not 1.0")
    user = clients.bearer_of(incoming, desk)
    if not user and not incoming.ours:
        raise ServiceFault(tokens.UNAUTHORIZED, "the page is opened without a token")
    return user


def _redirect(incoming: Incoming) -> str:
    found = incoming.query.get("redirect_uri", "")
    try:
        scheme = urlsplit(found).scheme
    except ValueError:
        return ""
    return found if scheme in SCHEMES and found.isprintable() and found.isascii() else ""


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """Back into Windows with the error, where there is one for it; else the status alone."""
    status, redirect = status_of(fault.code), _redirect(incoming)
    error = {400: "invalid_request", 401: "unauthorized_client", 403: "unauthorized_client"}.get(status, "")
    if status >= 500:
        error = "server_error"
    if not redirect or not error:
        return Response(status)
    return Response(302, {"location": with_query(redirect, error=error, error_description=fault.reason[:300])})


FLOWS: Flows = {GetTermsOfUse: get_terms}
ROUTES = (Route("GET", PATH, page, refuse, "terms of use"), Route("POST", PATH, answer, refuse, "terms of use", 10_000))
