"""Microsoft Graph's manners, for the administrator's routes: the token, errors, lists with $filter, $select, $top and pages."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec

from autopilot_agent.errors import InputError, ServiceFault
from autopilot_agent.wire.http import Desk, Handler, Incoming, Response, as_json, status_of

PAGE = 100
"""Items of a page where the client does not say."""
MOST = 1000
CODES = {
    400: "BadRequest",
    401: "InvalidAuthenticationToken",
    403: "Forbidden",
    404: "ResourceNotFound",
    409: "Conflict",
    413: "RequestEntityTooLarge",
    503: "ServiceUnavailable",
}
OPTIONS = frozenset({"$filter", "$top", "$skiptoken", "$select", "$count", "$expand"})
_TERM = re.compile(
    r"\s*(?P<name>[A-Za-z][\w/]*)\s+eq\s+(?P<value>'(?:[^']|'')*'|-?\d+|true|false|null)\s*", re.IGNORECASE | re.ASCII
)
_CONTAINS = re.compile(r"\s*contains\(\s*(?P<name>[A-Za-z][\w/]*)\s*,\s*(?P<value>'(?:[^']|'')*')\s*\)\s*", re.ASCII)
_AND = re.compile("and\\b", re.IGNORECASE)


class Wrong(Exception):
    """A request that is refused: its status and a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


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
    query = incoming.query
    for name in query:
        if name.startswith("$") and name not in OPTIONS:
            raise Wrong(400, f"The query option {name} is not supported here.")
    if "$filter" in query:
        wanted = _filter(query["$filter"])
        items = [one for one in items if wanted(one)]
    size = _number(query.get("$top", str(PAGE)), "$top", 1, MOST)
    begin = _number(query.get("$skiptoken", "0"), "$skiptoken", 0, 10**9)
    page = [_selected(one, query.get("$select", "")) for one in items[begin : begin + size]]
    found: dict[str, Any] = {"@odata.context": f"{incoming.base}{_root(incoming.path)}/$metadata"}
    if query.get("$count", "").casefold() == "true":
        found["@odata.count"] = len(items)
    if begin + size < len(items):
        more = {**query, "$skiptoken": str(begin + size)}
        found["@odata.nextLink"] = f"{incoming.base}{incoming.path}?{urlencode(more, safe='$')}"
    found["value"] = page
    return as_json(found)


def single(incoming: Incoming, item: dict[str, Any], status: int = 200) -> Response:
    """One resource."""
    return as_json(_selected(item, incoming.query.get("$select", "")), status)


def found_in(items: list[dict[str, Any]], identity: str) -> dict[str, Any]:
    """The resource with an id. Raises ``Wrong``."""
    for one in items:
        if str(one.get("id", "")).casefold() == identity.casefold():
            return one
    raise Wrong(404, f"There is no resource with the id {identity[:100]!r}.")


def _root(path: str) -> str:
    return "/".join(path.split("/")[:3])


def _selected(item: dict[str, Any], names: str) -> dict[str, Any]:
    wanted = {one.strip() for one in names.split(",") if one.strip()}
    return {name: value for name, value in item.items() if name in wanted or name == "@odata.type"} if wanted else item


def _number(text: str, name: str, least: int, most: int) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 9 or not least <= int(text) <= most:
        raise Wrong(400, f"{name} has to be a number from {least} to {most}.")
    return int(text)


def _filter(text: str) -> Callable[[dict[str, Any]], bool]:
    """The comparisons of a $filter; all of them have to hold."""
    terms: list[Callable[[dict[str, Any]], bool]] = []
    spot = 0
    while True:
        found = _TERM.match(text, spot) or _CONTAINS.match(text, spot)
        if found is None:
            raise Wrong(400, "This $filter is not supported here; write: name eq 'value', contains(name,'value'), and.")
        terms.append(_term(found["name"].split("/"), found["value"], exact=found.re is _TERM))
        spot = found.end()
        if spot == len(text):
            return lambda item: all(term(item) for term in terms)
        more = _AND.match(text, spot)
        if more is None:
            raise Wrong(400, "This $filter is not supported here; comparisons are joined with and.")
        spot = more.end()


def _term(path: list[str], literal: str, *, exact: bool) -> Callable[[dict[str, Any]], bool]:
    quoted = literal.startswith("'")
    value: Any = literal[1:-1].replace("''", "'").casefold() if quoted else msgspec.json.decode(literal.lower())

    def holds(item: dict[str, Any]) -> bool:
        found: Any = item
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        found = found.casefold() if isinstance(found, str) else found
        if not exact:
            return isinstance(found, str) and value in found
        return type(found) is type(value) and bool(found == value)

    return holds
