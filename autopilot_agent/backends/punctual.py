"""Connections whose whole answer, head and body, has to be here within the time that a read may take.

The time-out of a socket counts anew for every read, so a server that sends a byte now and then would be waited for without end.
"""

from __future__ import annotations

import io
import socket
from http import client
from time import monotonic
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class _Stream(io.RawIOBase):
    """What comes in on a socket until the time is up that the socket has when this is made; then ``TimeoutError``."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self._raw = socket.socket.makefile(sock, "rb", buffering=0)
        seconds = sock.gettimeout()
        self._end = monotonic() + seconds if seconds is not None else None

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """As much as is here; waits as long as is left."""
        if self._end is not None:
            left = self._end - monotonic()
            if left <= 0:
                raise TimeoutError("the answer takes too long")
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()


class _Answer(client.HTTPResponse):
    """An answer that is read from such a stream; made when the request was sent."""

    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Stream(sock))


class _Plain(HTTPConnection):
    response_class = _Answer


class _Secure(HTTPSConnection):
    response_class = _Answer


class PlainPool(HTTPConnectionPool):
    """Connections without TLS."""

    ConnectionCls = _Plain


class SecurePool(HTTPSConnectionPool):
    """Connections with TLS."""

    ConnectionCls = _Secure


POOLS = {"http": PlainPool, "https": SecurePool}
"""What a ``urllib3.PoolManager`` takes as ``pool_classes_by_scheme``."""
