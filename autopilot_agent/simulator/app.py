"""The served tenant as a WSGI application: finds the route, bounds the request, turns refusals into the protocol's own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import lru_cache
from itertools import islice
from ssl import PEM_cert_to_DER_cert
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request as WsgiRequest
from werkzeug.wrappers import Response as WsgiResponse

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.simulator.access_log import Observer, Seen
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.simulator.keeping import NotKept
from autopilot_agent.wire import discovery, private
from autopilot_agent.wire.http import ANY, Incoming, Response, Route, as_json, code_of
from autopilot_agent.wire.table import ROUTES

EPOCH = 1_735_689_600
"""2025-01-01 in seconds since 1970: when the virtual time of a device of ours begins."""
MOST_PARAMETERS = 50
FAILED = b"The server failed to answer; its log says more.\n"
HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
"""A host that may stand in an answer."""
MOST_TIME = 10**15
"""Milliseconds of virtual time beyond which a client's word is not taken."""
LONGEST_TIME = 16
"""Digits of it."""


class Application:
    """Serves one tenant. ``routes`` may be more than those of the protocols (the administrator's, for one).

    ``began`` is when the virtual time of clients without one of their own begins, in seconds since 1970. ``observe`` is told
    of every request. ``shielded`` is for a server that others use: what goes wrong there becomes HTTP 500, and does not raise.
    """

    def __init__(
        self,
        desk: TenantDesk,
        routes: tuple[Route, ...] = ROUTES,
        clock: Callable[[], float] = time.time,
        *,
        began: float | None = None,
        observe: Observer | None = None,
        shielded: bool = False,
    ) -> None:
        self.clock = clock
        self.began = clock() if began is None else began
        self.observe = observe
        self.shielded = shielded
        self._own = routes
        self.desk = desk

    @property
    def desk(self) -> TenantDesk:
        """Who answers now; another tenant may take over between two requests."""
        return self._serving[0]

    @desk.setter
    def desk(self, desk: TenantDesk) -> None:
        known = {route.path.casefold() for route in self._own}
        others = [path for path in desk.discovery_paths() if path.casefold() not in known]
        routes = (*self._own, *(one for path in others for one in discovery.routes_at(path)))
        self._serving = (desk, *_map_of(routes))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """WSGI."""
        seen, began = Seen(), time.perf_counter()
        try:
            response = self._rendered(self.respond(WsgiRequest(environ), seen))
        except Exception as error:
            if not self.shielded:
                raise
            seen.error = type(error).__name__
            response = self._rendered(Response(500, {"content-type": "text/plain"}, FAILED))
        if self.observe is not None:
            seen.status, seen.sent = response.status_code, len(response.get_data())
            seen.milliseconds = round((time.perf_counter() - began) * 1000, 3)
            self.observe(seen)
        return response(environ, start_response)

    def _rendered(self, answer: Response) -> WsgiResponse:
        response = WsgiResponse(answer.body, answer.status, headers=list(answer.headers.items()))
        if "content-type" not in answer.headers:
            response.headers.pop("Content-Type", None)
        return response

    def respond(self, request: WsgiRequest, seen: Seen) -> Response:
        """The answer to a request, and in ``seen`` what the log may say of it; nothing that a client sends raises."""
        seen.method, seen.path, seen.client = request.method, request.path, request.remote_addr or ""
        query = dict(islice(request.args.items(), MOST_PARAMETERS)) if request.query_string else {}
        seen.query = list(query)
        desk, routes, plain, canonical = self._serving
        path = "/".join(canonical.get(part.casefold(), part) for part in request.path.split("/"))
        parameters: Mapping[str, Any] = {}
        try:
            adapter = routes.bind(request.host, url_scheme=request.scheme, path_info=path)
            route = plain.get((request.method, path))
            if route is None:
                route, parameters = adapter.match(path, request.method)
        except NotFound:
            return as_json({"error": "there is nothing at this path"}, 404)
        except MethodNotAllowed as error:
            allowed = ", ".join(sorted(error.valid_methods or ()))
            return Response(405, {"allow": allowed})
        except HTTPException as error:
            return Response(error.code or 400)
        seen.route = route.name
        request.max_content_length = route.largest
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            return Response(413)
        except (HTTPException, OSError, ValueError):  # the last two: a connection that broke, chunks that are none
            return Response(400)
        seen.received = len(body)
        incoming = self._incoming(request, path, query, dict(parameters), body)
        try:
            with desk.kept() if route.waits else nullcontext():
                answer = self._handled(route, incoming, desk)
        except NotKept as error:
            answer = self._refused(route, ServiceFault(code_of(503), str(error)), incoming)
        for name in ("serial_number", "device", "enrolment", "fault"):
            setattr(seen, name, incoming.facts.get(name, ""))
        if incoming.ours:
            answer.headers.update(incoming.private)
        return answer

    def _handled(self, route: Route, incoming: Incoming, desk: TenantDesk) -> Response:
        try:
            return route.handle(incoming, desk)
        except ServiceFault as fault:
            return self._refused(route, fault, incoming)
        except Malformed as error:
            return self._refused(route, ServiceFault(code_of(400), str(error)), incoming)

    def _refused(self, route: Route, fault: ServiceFault, incoming: Incoming) -> Response:
        incoming.facts["fault"] = fault.code
        if incoming.ours:
            incoming.private.pop(private.ANSWER, None)
            incoming.private[private.FAULT] = private.pack(private.Fault.of(fault))
        answer = route.refuse(fault, incoming)
        if fault.retry_after:
            answer.headers["retry-after"] = str(-(-fault.retry_after // 1000))
        return answer

    def _incoming(
        self, request: WsgiRequest, path: str, query: dict[str, str], parameters: dict[str, str], body: bytes
    ) -> Incoming:
        headers = {name.lower(): value for name, value in request.headers.items()}
        ours = private.AGENT in headers
        said = headers.get(private.TIME, "")
        if ours and said.isdecimal() and len(said) <= LONGEST_TIME and int(said) <= MOST_TIME:
            now = int(said)
            epoch = EPOCH + now // 1000
        else:
            moment = self.clock()
            now, epoch = int((moment - self.began) * 1000), int(moment)
        pem = request.environ.get("SSL_CLIENT_CERT", "")
        return Incoming(
            request.method,
            path,
            query,
            headers,
            body,
            parameters,
            PEM_cert_to_DER_cert(pem + "\n") if pem else b"",
            max(0, now),
            epoch,
            f"{request.scheme}://{request.host if HOST.fullmatch(request.host) else 'localhost'}",
            ours,
        )


@lru_cache(maxsize=8)
def _map_of(routes: tuple[Route, ...]) -> tuple[Map, dict[tuple[str, str], Route], dict[str, str]]:
    """The routes compiled, those without variables by method and path, and how parts are spelled; once for equal routes.

    A map gives a path without variables to the first of its routes, too: looking there first saves 40 us of a request.
    """
    rules = [Rule(route.path, endpoint=route, methods=None if route.method == ANY else [route.method]) for route in routes]
    spelled = {part.casefold(): part for route in routes for part in route.path.split("/") if part and "<" not in part}
    plain = {(route.method, route.path): route for route in reversed(routes) if "<" not in route.path}
    return Map(rules, strict_slashes=False, merge_slashes=False), plain, spelled
