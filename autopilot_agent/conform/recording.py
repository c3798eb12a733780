"""A net that keeps what passes through it, keys that are remembered, and a way to play a device's flow to its end."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from autopilot_agent.backends.faults import UNREADABLE
from autopilot_agent.backends.http import Net
from autopilot_agent.conform.evidence import Exchange
from autopilot_agent.errors import InputError, Malformed, ServiceFault, Unreachable
from autopilot_agent.wire.http import Request, Response
from autopilot_agent.wire.keys import BITS, KeySource
from autopilot_agent.wire.wallet import Wallet

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa


NOT_ASKED = "not asked"
"""Instead of a code of Windows: this program did not send the request, whatever Windows would have done."""


class RecordingNet:
    """Sends through another net and keeps every exchange under the purpose that is being pursued."""

    def __init__(self, net: Net, kept: list[Exchange]) -> None:
        self.net = net
        self.kept = kept
        self.purpose = ""

    @contextmanager
    def pursuing(self, purpose: str) -> Iterator[None]:
        """Whatever is sent meanwhile is for this."""
        before, self.purpose = self.purpose, purpose
        try:
            yield
        finally:
            self.purpose = before

    def send(self, request: Request, wallet: Wallet) -> Response:
        """The server's response; raises ``Unreachable`` where there is none, and for one that is too large.

        An address that may not be visited is a fact about the server that named it. Only before the first answer it is the
        one that somebody gave, and the net's ``InputError`` is theirs.
        """
        exchange = Exchange(self.purpose, request)
        self.kept.append(exchange)
        try:
            exchange.response = self.net.send(request, wallet)
        except Unreachable as fault:
            exchange.failed, exchange.reason = fault.code, fault.reason
            raise
        except Malformed as error:
            exchange.failed, exchange.reason = UNREADABLE, str(error)
            raise Unreachable(UNREADABLE, str(error)) from None
        except InputError as error:
            if all(one.response is None for one in self.kept):
                raise
            exchange.failed, exchange.reason = NOT_ASKED, error.message.partition(". ")[0].rstrip(".")
            raise Unreachable(NOT_ASKED, exchange.reason) from None
        return exchange.response


class KeptKeys(KeySource):
    """Keys as the device makes them, the last of which can be looked at."""

    def __init__(self, *, pooled: bool = False) -> None:
        super().__init__(pooled=pooled)
        self.last: rsa.RSAPrivateKey | None = None

    def make(self, *names: str | int, bits: int = BITS) -> rsa.RSAPrivateKey:
        """A key, kept."""
        self.last = super().make(*names, bits=bits)
        return self.last


def play(flow: Generator[Request, Response, Any], net: RecordingNet, wallet: Wallet) -> Any:
    """What a flow comes to. Raises ``CallFailed`` with what the device shows."""
    try:
        request = next(flow)
        while True:
            request = flow.send(net.send(request, wallet))
    except StopIteration as end:
        return end.value
    except Malformed as error:
        raise ServiceFault(UNREADABLE, f"the answer could not be read: {error}") from None
