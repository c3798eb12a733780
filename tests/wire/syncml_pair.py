"""A device's flow and a server's route with nothing but bytes between them, for the tests of SyncML."""

from __future__ import annotations

from typing import Any

from autopilot_agent.errors import Malformed, ServiceFault
from autopilot_agent.service.management import Commands, ManagementMessage
from autopilot_agent.simulator.desk import MemoryRecords
from autopilot_agent.testing.in_process import one_authority
from autopilot_agent.wire import private, syncml, syncml_xml
from autopilot_agent.wire import syncml_document as dm
from autopilot_agent.wire.http import Incoming, Request, Response
from autopilot_agent.wire.syncml_server import refuse, serve
from autopilot_agent.wire.wallet import Wallet

ENROLMENT = "1B2C3D4E-5F60-4182-93A4-B5C6D7E8F901"
DEVICE = "1B2C3D4E5F60418293A4B5C6D7E8F901"
EPOCH = 1_735_700_000
TYPE = "application/vnd.syncml.dm+xml"


class ScriptedDesk:
    """A desk that hears calls and gives the next prepared answer; then there are no commands."""

    def __init__(self, *answers: Commands) -> None:
        self.authority = one_authority()
        self.records = MemoryRecords()
        self.heard: list[ManagementMessage] = []
        self.ready = list(answers)

    def answer(self, call: Any, incoming: Incoming) -> Any:
        if call.enrolment_id != ENROLMENT:
            raise ServiceFault("0x80190193", "this enrolment is not known (any more)")
        self.heard.append(call)
        return self.ready.pop(0) if self.ready else Commands()

    def somebody(self) -> str:
        return ""

    def user_id_of(self, name: str) -> str:
        return name

    def check_password(self, name: str, password: str) -> str:
        return name

    def user_of_enrolment(self, enrolment_id: str) -> str:
        return ""

    def enrolments(self) -> list[str]:
        return [ENROLMENT]


def post(
    desk: Any, body: bytes, kind: str = TYPE, headers: dict[str, str] | None = None, path: str = "/ManagementServer/MDM.svc"
) -> Response:
    """What a server says to a POST."""
    ours = private.AGENT in (headers or {})
    told = {**(headers or {}), **({"content-type": kind} if kind else {})}
    incoming = Incoming("POST", path, {}, told, body, epoch=EPOCH, base="https://localhost", ours=ours)
    try:
        return serve(incoming, desk)
    except ServiceFault as fault:
        return refuse(fault, incoming)
    except Malformed as error:
        return refuse(ServiceFault("0x80190190", str(error)), incoming)


class Wire:
    """Carries the requests of a device to a desk, and remembers the messages of both."""

    def __init__(self, desk: Any, *, ours: bool = False) -> None:
        self.desk = desk
        self.wallet = Wallet(private=ours)
        self.requests: list[Request] = []
        self.sent: list[dm.Message] = []
        self.got: list[dm.Message] = []
        self.sizes: list[int] = []

    def send(self, call: ManagementMessage) -> Commands:
        """The answer to a call."""
        flow = syncml.FLOWS[ManagementMessage](call, self.wallet)
        try:
            request = next(flow)
            while True:
                self.requests.append(request)
                self.sent.append(syncml_xml.parse(request.body))
                extra = {private.AGENT: "1"} if self.wallet.private else {}
                response = post(self.desk, request.body, request.headers["content-type"], {**request.headers, **extra})
                self.sizes += [len(request.body), len(response.body)]
                if response.status == 200:
                    self.got.append(syncml_xml.parse(response.body))
                request = flow.send(response)
        except StopIteration as end:
            answer: Commands = end.value
            return answer


def client(
    call: ManagementMessage, *bodies: bytes | Response, wallet: Wallet | None = None
) -> tuple[Commands, list[dm.Message]]:
    """A device against a server that answers with prepared bodies: the answer, and what the device sent."""
    flow = syncml.FLOWS[ManagementMessage](call, wallet or Wallet(private=False))
    sent: list[dm.Message] = []
    request = next(flow)
    for body in bodies:
        sent.append(syncml_xml.parse(request.body))
        try:
            request = flow.send(body if isinstance(body, Response) else Response(200, {}, body))
        except StopIteration as end:
            return end.value, sent
    raise AssertionError(f"the device has not come to an end: it sent {request.body!r}")
