"""HTTP messages as data, and the two shapes that every protocol has: a client's flow and a server's route."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.base import Answer, Call

if TYPE_CHECKING:
    from autopilot_agent.wire.authority import Authority

A = TypeVar("A", bound=Answer)

JSON = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


class Request(msgspec.Struct):
    """One request. ``url`` is absolute and names the host that Windows would ask; where it is sent is the caller's affair.

    ``certificate`` says which of the device's certificates the connection shows: "", "device" (Entra) or "mdm".
    """

    method: str
    url: str
    headers: dict[str, str] = {}
    body: bytes = b""
    certificate: str = ""


class Response(msgspec.Struct):
    """One answer; header names are in lower case."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises ``Malformed`` for anything else."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(f"the body is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise Malformed("the body is JSON, but no object")
        return found

    @property
    def good(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300


class Incoming(msgspec.Struct):
    """A request as a server has it. Header names in lower case; ``parameters`` are the parts of the path that a route names.

    ``certificate`` is the client's certificate as DER bytes (b"" without), ``now`` virtual milliseconds of the device or of
    the server's own clock, ``epoch`` the same moment in seconds since 1970, ``base`` the URL that answers should point to,
    ``ours`` whether the client is a device of this project. What a device of ours shall know besides goes into ``private``,
    what the server's log may say of the request into ``facts``.
    """

    method: str
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: bytes = b""
    parameters: dict[str, str] = {}
    certificate: bytes = b""
    now: int = 0
    epoch: int = 0
    base: str = ""
    ours: bool = False
    private: dict[str, str] = msgspec.field(default_factory=dict)
    facts: dict[str, str] = msgspec.field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises ``Malformed`` for anything else."""
        return Response(200, {}, self.body).json()

    def form(self) -> dict[str, str]:
        """The body as a form; raises ``Malformed`` for anything that is no text or has too many fields."""
        try:
            return dict(parse_qsl(self.body.decode("utf-8"), keep_blank_values=True, max_num_fields=100))
        except ValueError as error:
            raise Malformed(f"the body is no form: {error}") from None

    def url(self, host: str, path: str) -> str:
        """An absolute URL for an answer: of the logical host for a device of ours, of this server for everybody else."""
        return f"https://{host}{path}" if self.ours else f"{self.base}{path}"


Flow = Generator[Request, Response, A]
"""What a client does for a call: it yields requests, is sent responses, and returns the answer or raises ``ServiceFault``."""


Client = Callable[..., Flow[Any]]
"""Starts the flow of a call: ``client(call, wallet)``, where the wallet is what the device keeps between calls."""
Flows = dict[type[Call[Any]], Client]
"""Which client makes which call."""


class Records(Protocol):
    """What a server keeps about its clients besides the tenant: small JSON objects by kind and key, safe from a crash."""

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The record, or None."""
        ...

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        """Keep a record; it is on the disk before the response leaves."""
        ...

    def drop(self, kind: str, key: str) -> None:
        """Forget a record; one that is not there is no error."""
        ...

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Every record of a kind, in the order of their making."""
        ...


class Desk(Protocol):
    """What a route may ask of the server it is part of."""

    authority: Authority
    records: Records
    credentials: str
    """What management sessions have to prove besides the certificate: "md5", "basic", or "" for nothing (protocols.md 12.3)."""

    def answer(self, call: Call[A], incoming: Incoming) -> A:
        """The tenant's answer; raises ``ServiceFault``. The device's private fields are filled in before."""
        ...

    def serial_number_of(self, registration_id: str) -> str:
        """The serial number of the hardware with a registration; "" where there is none."""
        ...

    def discovery_paths(self) -> tuple[str, ...]:
        """The paths at which the tenant's MDM applications say that discovery is."""
        ...

    def registration_of_hash(self, hardware_hash: str) -> tuple[str, str]:
        """Registration id and serial number of the hardware that a hash describes; each "" where it is not known."""
        ...

    def tenant_of(self, name: str = "") -> str:
        """The id of the tenant here when ``name`` is that id, one of its domains or ""; "" for every other name."""
        ...

    def somebody(self) -> str:
        """Sign-in name of the first licensed user: whom a client enrols for that brings no token of a user."""
        ...

    def user_id_of(self, name: str) -> str:
        """The object id of a user by id or sign-in name; "" for nobody."""
        ...

    def check_password(self, name: str, password: str) -> str:
        """The object id of a user whose password is right; raises ``ServiceFault`` otherwise."""
        ...

    def user_of_enrolment(self, enrolment_id: str) -> str:
        """The object id of the user whose device an enrolment is; "" for nobody."""
        ...

    def forget_enrolment(self, enrolment_id: str) -> None:
        """The same device enrolled again under the same DeviceID: the enrolment of before is over."""
        ...

    def enrolments(self) -> list[str]:
        """Ids of the enrolments that stand."""
        ...


ANY = "*"
"""The method of a route that is there for every method."""
Handler = Callable[[Incoming, Desk], Response]
Refusal = Callable[[ServiceFault, Incoming], Response]


class Route(msgspec.Struct, frozen=True):
    """One entry of a server: ``path`` is a pattern of werkzeug (``/device/<device_id>``), ``call`` the call it leads to.

    ``refuse`` says a refusal in the protocol's own way, ``malformed`` the same for a request that cannot be read.
    """

    method: str
    path: str
    handle: Handler
    refuse: Refusal
    name: str = ""
    largest: int = 1_000_000
    """Bytes that a body may have."""
    waits: bool = True
    """Whether its answer waits until what it may have seen is on the disk."""


def with_query(url: str, **query: str) -> str:
    """A URL with more parameters; one that is none stays none."""
    return f"{url}{'&' if url.partition('?')[2] else '?'}{urlencode(query)}"


def as_json(value: Any, status: int = 200) -> Response:
    """A JSON response."""
    return Response(status, {"content-type": JSON}, msgspec.json.encode(value))


def status_of(code: str) -> int:
    """The HTTP status in a code 0x8019xxxx, or 400."""
    if code.lower().startswith("0x8019"):
        status = int(code[6:], 16)
        if 400 <= status <= 599:
            return status
    return 400


def code_of(status: int) -> str:
    """The code that Windows shows for an HTTP status: 0x80190000 and the status (protocols.md 17)."""
    return f"0x8019{status:04X}"


def retry_after(response: Response) -> int:
    """Milliseconds that a 429 or 503 asks to wait; 0 where it says none. Only the form in seconds is used."""
    found = response.headers.get("retry-after", "")
    return int(found) * 1000 if found.isdecimal() and len(found) < 7 else 0


def refused(response: Response, reason: str = "") -> ServiceFault:
    """The plain refusal: a status without a body that means more. Throttling keeps its time."""
    from autopilot_agent.errors import Throttled

    wait = retry_after(response) if response.status in (429, 503) else 0
    said = reason or f"HTTP {response.status}"
    return Throttled(code_of(response.status), said, "", wait) if wait else ServiceFault(code_of(response.status), said)
