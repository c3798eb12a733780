"""Lines that are read from a connection are those that any file would give."""

from __future__ import annotations

import io
import socket

from hypothesis import example, given
from hypothesis import strategies as st

from autopilot_agent.simulator.reading import LineReader

PIECES = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"header: value", b"x" * 70]), max_size=40).map(b"".join)
STEPS = st.lists(st.tuples(st.booleans(), st.sampled_from([None, -1, 0, 1, 3, 64, 256])), max_size=30)


@example(b"header: value", [(False, 3), (False, 3), (True, 3)], 7)
@given(PIECES, STEPS, st.sampled_from([1, 7, 64, 8192]))
def test_lines_and_pieces_are_those_of_a_file(data: bytes, steps: list[tuple[bool, int | None]], buffer: int) -> None:
    wanted = io.BytesIO(data)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        reader = LineReader(ours, "rb", buffer)
        for line, size in steps:
            if line:
                assert reader.readline(size) == wanted.readline(size)
            else:
                assert reader.read(size) == wanted.read(size)
            assert reader.bytes_read == wanted.tell()
        assert reader.readline() == wanted.readline()
