"""Text files from strangers: their size is known before they are read, and any failure is an ``InputError``."""

from __future__ import annotations

import stat
from pathlib import Path

from autopilot_agent.errors import InputError, Place

MAX_BYTES = 1024 * 1024


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """The text of a file: UTF-8, or UTF-16 with a byte order mark; raises ``InputError``."""
    return decode(read_bytes(path, limit), str(path))


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The bytes of a file of at most ``limit`` bytes; raises ``InputError``."""
    place = Place(str(path))
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError("this is a directory; expected a file.", place)
        if not stat.S_ISREG(status.st_mode):
            raise InputError("this is not an ordinary file; expected one that can be read to its end.", place)
        if status.st_size > limit:
            raise InputError(
                f"the file has {status.st_size:,} bytes, more than the {limit:,} that are read; split it, or move data "
                "into files of a tenant folder.",
                place,
            )
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except FileNotFoundError:
        raise InputError("there is no such file; check the name and the folder.", place) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"the file cannot be read ({reason}); check its name and permissions.", place) from None
    if len(data) > limit:
        raise InputError(f"the file grew beyond {limit:,} bytes while it was read; split it.", place)
    return data


def decode(data: bytes, name: str) -> str:
    """Bytes of a text file as text: UTF-8 with or without byte order mark, UTF-16 with one; raises ``InputError``."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1 if encoding == "utf-8-sig" else 0
        column = error.start - (before.rfind(b"\n") + 1) + 1 if line else 0
        shown = "UTF-16" if encoding == "utf-16" else "UTF-8"
        raise InputError(
            f"the bytes here are not {shown} text; save the file as UTF-8 (in Notepad: Save as, Encoding: UTF-8).",
            Place(name, line, column),
        ) from None
