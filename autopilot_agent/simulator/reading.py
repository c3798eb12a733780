"""What requests are read from: cheroot's readers, with lines taken out of a buffer in one step, and chunks read strictly."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any

from cheroot.makefile import MakeFile, StreamReader
from cheroot.server import ChunkedRFile

CHUNK_LINE = 4096
"""Bytes of the line before a chunk: its size, and extensions that nobody wants."""
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n\0]*)?\r\n")


class LineReader(StreamReader):
    """Cheroot reads a line through eight functions of the slow ``_pyio``; a request's head takes 85 us here, 180 there."""

    _read_buf: bytes
    _read_pos: int

    def readline(self, size: int | None = -1) -> bytes:
        """A line, or ``size`` bytes of it, like any file; what is not in the buffer yet is read in the slow way."""
        start, size = self._read_pos, -1 if size is None else size
        stop = len(self._read_buf) if size < 0 else min(len(self._read_buf), start + size)
        end = self._read_buf.find(b"\n", start, stop) + 1
        if not end and stop - start == size:
            end = stop
        if not end:
            return self._readline_slowly(size)
        self._read_pos = end
        self.bytes_read += end - start
        return self._read_buf[start:end]

    def _readline_slowly(self, size: int) -> bytes:
        """Piece by piece; ``_pyio`` gives more than ``size`` where a line begins in the rest of a buffer."""
        read: Callable[[int], bytes] = self.read
        line = b""
        while size < 0 or len(line) < size:
            ahead = self.peek(1)
            wanted = ahead.find(b"\n") + 1 or len(ahead)
            piece = read(wanted if size < 0 else min(wanted, size - len(line))) if ahead else b""
            line += piece
            if not piece or line.endswith(b"\n"):
                break
        return line


class Chunks(ChunkedRFile):
    """A body in chunks, with the sizes and the trailer of RFC 9112, 7.1. Raises ``ValueError`` for others."""

    def __init__(self, rfile: Any, largest: int, trailer: Callable[[Any], object]) -> None:
        super().__init__(rfile, largest)
        self.trailer = trailer

    def _fetch(self) -> None:
        """Read one more chunk. Cheroot would take ``-4`` and ``0_4`` for sizes, and a trailer for the next request."""
        if self.closed:
            return
        line: bytes = self.rfile.readline(CHUNK_LINE)
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise ValueError("The size of a chunk is wrong.")
        size = int(found[1], 16)
        self.bytes_read += len(line) + size
        if self.bytes_read > self.maxlen:
            raise ValueError("The chunks are too many.")
        if not size:
            self.trailer(self.rfile)
            self.closed = True
            return
        chunk: bytes = self.rfile.read(size)
        if len(chunk) < size or self.rfile.read(2) != b"\r\n":
            raise ValueError("A chunk is not as long as it says.")
        self.buffer += chunk


def make_file(sock: socket.socket, mode: str, size: int) -> Any:
    """The reader or the writer of a connection."""
    return LineReader(sock, mode, size) if "r" in mode else MakeFile(sock, mode, size)
