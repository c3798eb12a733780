"""Microsoft Graph's manners, for the administrator's routes: the token, errors, bodies, lists and their pages."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import urlencode

import msgspec

from autopilot_agent.errors import InputError, ServiceFault
from autopilot_agent.simulator.graph_options import Wrong as Wrong
from autopilot_agent.simulator.graph_options import options_of
from autopilot_agent.wire.http import Desk, Handler, Incoming, Response, as_json, status_of
from autopilot_agent.wire.nesting import TOO_DEEP, too_deep

CODES = {
    400: "BadRequest",
    401: "InvalidAuthenticationToken",
    403: "Forbidden",
    404: "ResourceNotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    413: "RequestEntityTooLarge",
    503: "ServiceUnavailable",
}


def error(status: int, message: str) -> Response:
    """An error in Graph's shape."""
    return as_json({"error": {"code": CODES.get(status, "InternalServerError"), "message": message}}, status)


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """A refusal in Graph's shape."""
    return error(status_of(fault.code), fault.reason)


def guarded(token: str, handle: Handler) -> Handler:
    """A handler that only the bearer of the administrator's token reaches; what it refuses is said in Graph's shape."""
    wanted = token.encode()

    def checked(incoming: Incoming, desk: Desk) -> Response:
        word, _, given = incoming.headers.get("authorization", "").partition(" ")
        said = given.strip().encode("latin-1", "replace") if word.casefold() == "bearer" else b""
        if not hmac.compare_digest(said, wanted):
            why = "This token is not the administrator's." if said else "The administrator's token is needed (a bearer token)."
            answer = error(401, why)
            answer.headers["www-authenticate"] = "Bearer"
            return answer
        try:
            return handle(incoming, desk)
        except Wrong as wrong:
            return error(wrong.status, wrong.message)
        except InputError as wrong_input:
            return error(400, wrong_input.message)

    return checked


def body_of(incoming: Incoming) -> dict[str, Any]:
    """The body of a request: a JSON object, {} where there is none. Raises ``Wrong``."""
    if not incoming.body.strip():
        return {}
    if "json" not in incoming.headers.get("content-type", "application/json").casefold():
        raise Wrong(400, "The body has to be JSON (Content-Type: application/json).")
    if too_deep(incoming.body):
        raise Wrong(400, f"The body cannot be read: {TOO_DEEP}.")
    try:
        found = msgspec.json.decode(incoming.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise Wrong(400, f"The body is no JSON: {wrong}.") from None
    if not isinstance(found, dict):
        raise Wrong(400, "The body has to be a JSON object.")
    return found


def text_in(body: dict[str, Any], name: str) -> str | None:
    """A text in a body, None where it is not there. Raises ``Wrong``."""
    value = body.get(name)
    if name in body and value is None:
        return ""
    if value is not None and not isinstance(value, str):
        raise Wrong(400, f"{name} has to be text.")
    return value


def listed(incoming: Incoming, items: list[dict[str, Any]]) -> Response:
    """A page of a collection, as the query wants it. Raises ``Wrong`` for options that are not understood."""
    wanted = options_of(incoming.query)
    items = [one for one in items if wanted.wants(one)]
    end = wanted.skip + wanted.top
    found: dict[str, Any] = {"@odata.context": f"{incoming.base}{_root(incoming.path)}/$metadata"}
    if wanted.count:
        found["@odata.count"] = len(items)
    if end < len(items):
        more = {**incoming.query, "$skiptoken": str(end)}
        found["@odata.nextLink"] = f"{incoming.base}{incoming.path}?{urlencode(more, safe='$')}"
    found["value"] = [wanted.selected(one) for one in items[wanted.skip : end]]
    return as_json(found)


def single(incoming: Incoming, item: dict[str, Any], status: int = 200) -> Response:
    """One resource."""
    return as_json(options_of(incoming.query, one=True).selected(item), status)


def found_in(items: list[dict[str, Any]], identity: str) -> dict[str, Any]:
    """The resource with an id. Raises ``Wrong``."""
    for one in items:
        if str(one.get("id", "")).casefold() == identity.casefold():
            return one
    raise Wrong(404, f"There is no resource with the id {identity[:100]!r}.")


def _root(path: str) -> str:
    return "/".join(path.split("/")[:3])
