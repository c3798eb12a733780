"""Connections between requests: how long one may be idle, and which has to go where there are too many."""

from __future__ import annotations

import select
import socket
import time

from cheroot.connections import ConnectionManager

KEPT = 60.0
"""Seconds more that a connection without a request stays open after its first one, while there are few. A client may send its
next request in the moment in which the server closes, and cannot know whether a POST that got no answer was done (RFC 9110,
9.2.2); so the server is to wait longer than a client needs between two requests."""


class Connections(ConnectionManager):
    """Connections between requests; those that take too long for one are cut, too."""

    def _expire(self, threshold: float) -> None:
        few = 2 * self._num_connections < self.server.keep_alive_conn_limit  # type: ignore[attr-defined]  # not in the stubs
        kept = threshold - KEPT if few else threshold
        for number, one in list(self._selector.connections):  # type: ignore[attr-defined]  # the same
            if one is self.server or one.last_used >= (kept if one.served else threshold):
                continue
            if not readable(one.socket, 0):  # a request that came since the last look would be lost
                self._selector.unregister(number)  # type: ignore[attr-defined]  # the same
                one.close()
        late = time.monotonic() - self.server.deadline
        for one in self.server.workers():
            if one.began is not None and one.began < late:
                try:
                    one.socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def make_room(self) -> bool:
        """Close the connection that is silent longest, first of those that never asked anything; whether there was one."""
        idle = [(number, one) for number, one in list(self._selector.connections) if one is not self.server]  # type: ignore[attr-defined]  # the same
        for number, one in sorted(idle, key=lambda found: (found[1].served, found[1].last_used)):
            if not readable(one.socket, 0):
                self._selector.unregister(number)  # type: ignore[attr-defined]  # the same
                one.close()
                return True
        return False


def readable(sock: socket.socket, seconds: float) -> bool:
    """Whether something can be read from a socket within so many seconds."""
    try:
        if hasattr(select, "poll"):  # select() takes no descriptor above 1023
            waiting = select.poll()
            waiting.register(sock, select.POLLIN)
            return bool(waiting.poll(seconds * 1000))
        return bool(select.select([sock], [], [], seconds)[0])
    except (OSError, ValueError):
        return False
