"""The HTTP backend: each call in the protocol that Windows speaks for it, sent to a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from autopilot_agent.backends.faults import UNREADABLE
from autopilot_agent.errors import Defect, Malformed, ServiceFault
from autopilot_agent.service import Backend
from autopilot_agent.service.base import Answer, Call
from autopilot_agent.service.entra import SignedIn, SignIn
from autopilot_agent.wire import private
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.table import client_of
from autopilot_agent.wire.tokens import unsigned
from autopilot_agent.wire.wallet import Tokens, Wallet

A = TypeVar("A", bound=Answer)


class Net(Protocol):
    """Brings a request to whoever serves its host."""

    def send(self, request: Request, wallet: Wallet) -> Response:
        """The response; raises ``Unreachable`` as Windows would see it."""
        ...


class HttpBackend:
    """Speaks to servers through ``net``. ``local`` answers what no server here speaks, ``tell`` hears why a tenant decides."""

    def __init__(
        self,
        net: Net,
        wallet: Wallet,
        *,
        local: Backend | None = None,
        elsewhere: Callable[[Call[Any]], bool] = lambda call: True,
        tell: Callable[[str, str], None] = lambda rule, text: None,
    ) -> None:
        self.net = net
        self.wallet = wallet
        self.local = local
        self.elsewhere = elsewhere
        self.tell = tell

    def send(self, call: Call[A], *, now: int) -> A:
        """Answer one call; see ``autopilot_agent.service.Backend``."""
        if self.local is not None and not self.elsewhere(call):
            return self._local(call, now)
        self.wallet.now = now
        more = self._headers(call, now)
        flow = client_of(type(call))(call, self.wallet)
        response: Response | None = None
        try:
            request = next(flow)
            while True:
                request.headers = {**request.headers, **more}
                response = self.net.send(request, self.wallet)
                if self.wallet.private:
                    self._listen(response)
                request = flow.send(response)
        except StopIteration as end:
            answer: A = end.value
        except Malformed as error:
            raise self._worded(ServiceFault(UNREADABLE, f"the answer could not be read: {error}"), response) from None
        except ServiceFault as fault:
            raise self._worded(fault, response) from None
        if response is not None and self.wallet.private:
            if private.FAULT in response.headers:
                raise Defect(f"{type(call).__name__} was refused, and the device took the refusal for an answer")
            answer = private.restore_answer(answer, response.headers.get(private.ANSWER, ""))
        return answer

    def _local(self, call: Call[A], now: int) -> A:
        """An answer from this process; what a sign-in brought goes into the wallet, for servers that ask for it."""
        assert self.local is not None
        answer = self.local.send(call, now=now)
        if isinstance(answer, SignedIn):
            password = call.password if isinstance(call, SignIn) else ""
            self.wallet.users[answer.user_id] = Tokens({"": unsigned(answer)}, {}, "", {}, password)
        return answer

    def _headers(self, call: Call[A], now: int) -> dict[str, str]:
        if not self.wallet.private:
            return {}
        more = {private.AGENT: private.VERSION, private.TIME: str(now)}
        header = private.call_header(call)
        if header:
            more[private.CALL] = header
        return more

    def _listen(self, response: Response) -> None:
        for rule, text in private.unpack(response.headers.get(private.SAID, "[]"), list[tuple[str, str]]):
            self.tell(rule, text)

    def _worded(self, fault: ServiceFault, response: Response | None) -> ServiceFault:
        """The refusal in the tenant's own words, where it is one of ours."""
        said = response.headers.get(private.FAULT, "") if response is not None and self.wallet.private else ""
        if not said:
            return fault
        found: private.Fault = private.unpack(said, private.Fault)
        return found.raised()
