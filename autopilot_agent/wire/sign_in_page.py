"""The web page of discovery's AuthenticationServiceUrl, for clients that have no Entra token (Federated; protocols.md 7.4).

A form asks for name and password; the page after it posts the hidden field ``wresult`` to the address in ``appru``. The client
sends that value as its token of the type DeviceEnrollmentUserToken.
"""

from __future__ import annotations

from lxml import etree

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.wire import safe_xml, tokens
from autopilot_agent.wire.claimants import PAGE_TOKEN
from autopilot_agent.wire.http import Desk, Incoming, Response, Route, status_of

PATHS = ("/EnrollmentServer/auth", "/api/mdm/microsoft/auth")
APP = "ms-app://"
"""How the address of a Windows component begins: the token is posted nowhere else."""
LIFETIME = 900
LONGEST = 500


def show(incoming: Incoming, desk: Desk) -> Response:
    """The form. Raises ``Malformed`` for an ``appru`` that is no address of a Windows component."""
    return _page("Sign in", incoming.path, {"appru": _target(incoming.query)}, _said(incoming.query, "login_hint"))


def sign_in(incoming: Incoming, desk: Desk) -> Response:
    """The page that hands the token over. Raises ``ServiceFault`` for a wrong password."""
    form = incoming.form()
    target, name = _target(form), _said(form, "login")
    user_id = desk.check_password(name, form.get("password", "")[:LONGEST])
    claims = {"use": PAGE_TOKEN, "oid": user_id, "upn": name}
    token = tokens.mint(desk.authority, claims, incoming.epoch, LIFETIME)
    return _page("Continue", target, {"wresult": token}, None)


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """A page that says why."""
    root = safe_xml.element("html")
    safe_xml.sub(safe_xml.sub(root, "body"), "p", "".join(one if one.isprintable() else " " for one in fault.reason)[:LONGEST])
    status = 401 if fault.code.startswith("AADSTS") else status_of(fault.code)
    return _html(root, status)


def _target(fields: dict[str, str]) -> str:
    found = _said(fields, "appru")
    if not found.startswith(APP):
        raise Malformed("appru has to be the address of a Windows component (ms-app://...)")
    return found


def _said(fields: dict[str, str], name: str) -> str:
    return "".join(one for one in fields.get(name, "") if one.isprintable())[:LONGEST]


def _page(button: str, action: str, hidden: dict[str, str], hint: str | None) -> Response:
    root = safe_xml.element("html")
    add = safe_xml.sub
    add(add(root, "head"), "title", button)
    form = add(add(root, "body"), "form", method="post", action=action)
    for name, value in hidden.items():
        add(form, "input", type="hidden", name=name).set("value", value)
    if hint is not None:
        add(form, "input", type="text", name="login").set("value", hint)
        add(form, "input", type="password", name="password")
    add(form, "input", type="submit").set("value", button)
    return _html(root, 200)


def _html(root: safe_xml.Element, status: int) -> Response:
    body = b"<!DOCTYPE html>\n" + bytes(etree.tostring(root, encoding="utf-8", method="html"))
    return Response(status, {"content-type": "text/html; charset=utf-8"}, body)


ROUTES = tuple(
    one
    for path in PATHS
    for one in (Route("GET", path, show, refuse, "sign-in page"), Route("POST", path, sign_in, refuse, "sign-in page"))
)
