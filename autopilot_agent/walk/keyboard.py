"""What somebody types: lines from a pipe, lines from a terminal, or single keys; never leaves a terminal as it must not be."""

from __future__ import annotations

import codecs
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Protocol

from autopilot_agent.reports.printable import obeyed_by_nobody

LONGEST = 2000
"""Characters of a line that are read; nobody types more into a page."""
TICK = 0.1
"""Seconds between two looks at the keyboard while a line is typed."""
FUNCTION_KEYS = {"\x1b[21;2~": "shift+f10", "\x1b[34~": "shift+f10"}
"""Escape sequences of terminals for keys that Windows knows."""


def monotonic() -> float:
    """Seconds of a clock that only goes forward; the walk alone looks at it, to pace what is shown."""
    return time.monotonic()


class Keyboard(Protocol):
    """Where words come from. ``echoes`` says that what is typed is seen as it is typed."""

    echoes: bool

    def line(self, prompt: str, secret: bool, redraw: Callable[[str], None] | None = None) -> str | None:
        """One line without its end; None at the end of the input."""
        ...

    def poll(self, seconds: float) -> str:
        """What was pressed within that time; "" for nothing."""
        ...

    def close(self) -> None:
        """Put the terminal back as it was."""
        ...


def say(text: str) -> None:
    """Write to the terminal at once."""
    if sys.stdout is not None:
        sys.stdout.write(obeyed_by_nobody(text))
        sys.stdout.flush()


class Pipe:
    """Lines from standard input that is no terminal; what is read is written back, so that the record reads like a talk."""

    echoes = False

    def line(self, prompt: str, secret: bool, redraw: Callable[[str], None] | None = None) -> str | None:
        """The next line; a password comes back as typed and is shown as stars."""
        from autopilot_agent.reports.style import clean

        say(prompt)
        data = sys.stdin.buffer.readline(LONGEST * 4) if sys.stdin is not None else b""
        if not data:
            say("(end of input)\n")
            return None
        text = data.decode("utf-8", "replace").rstrip("\r\n")[:LONGEST]
        say(("***" if secret and text and not text.startswith(":") else clean(text)) + "\n")
        return text

    def poll(self, seconds: float) -> str:
        """Nothing interrupts a pipe."""
        if seconds > 0:
            time.sleep(seconds)
        return ""

    def close(self) -> None:
        """Nothing to put back."""


class Nobody(Pipe):
    """For a film: nothing is read."""

    def line(self, prompt: str, secret: bool, redraw: Callable[[str], None] | None = None) -> str | None:
        """The end of the input."""
        return None


class Lines:
    """A terminal line by line, for ``--plain``: the terminal's own editing, no cursor moved."""

    echoes = True

    def line(self, prompt: str, secret: bool, redraw: Callable[[str], None] | None = None) -> str | None:
        """One line; a password is not echoed."""
        if not secret:
            say(prompt)
            text = sys.stdin.readline(LONGEST * 4)
        elif sys.platform == "win32":
            say(prompt)
            return _windows_line(lambda typed: None)
        else:
            with _without_echo():  # before the prompt: nobody may be quicker than that
                say(prompt)
                text = sys.stdin.readline(LONGEST * 4)
            say("\n")
        return text.rstrip("\r\n")[:LONGEST] if text else None

    def poll(self, seconds: float) -> str:
        """A line that was entered meanwhile, or one key on Windows; an empty line is Enter."""
        if sys.platform == "win32":
            return _windows_key(seconds)
        import select

        ready, _, _ = select.select([sys.stdin], [], [], max(0.0, seconds))
        if not ready:
            return ""
        text = sys.stdin.readline(LONGEST * 4)
        return text.strip()[:1] or "\n" if text else ""

    def close(self) -> None:
        """Nothing to put back."""


class Keys:
    """A terminal key by key; the line that is being typed is ours to draw, so a resize can draw it again."""

    echoes = True

    def __init__(self) -> None:
        self._restore: Callable[[], None] = lambda: None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = ""
        if sys.platform != "win32":
            self._restore = _keys_at_once()

    def line(self, prompt: str, secret: bool, redraw: Callable[[str], None] | None = None) -> str | None:
        """One line; Ctrl+U empties it, Escape too, Ctrl+D on an empty one is the end of the input."""
        typed = ""
        size = _size()
        draw = redraw or (lambda _shown: None)
        draw("")
        while True:
            key = self._key(TICK)
            if not key and _size() != size:
                size = _size()
                draw("*" * len(typed) if secret else typed)
            if not key:
                continue
            if key in ("\r", "\n"):
                return typed
            if key == "\x04":
                if not typed:
                    return None
                continue
            if key in FUNCTION_KEYS:
                return FUNCTION_KEYS[key]
            if key in ("\x15", "\x1b"):
                typed = ""
            elif key in ("\x7f", "\x08"):
                typed = typed[:-1]
            elif len(key) == 1 and key.isprintable() and len(typed) < LONGEST:
                typed += key
            else:
                continue
            draw("*" * len(typed) if secret else typed)

    def poll(self, seconds: float) -> str:
        """One key."""
        return self._key(seconds)

    def close(self) -> None:
        """Put the terminal back as it was."""
        self._restore()
        self._restore = lambda: None

    def _key(self, seconds: float) -> str:
        if sys.platform == "win32":
            return _windows_key(seconds)
        if not self._waiting:
            self._waiting = self._read(seconds)
        if self._waiting == "\x1b":  # a key that sends several characters, or Escape itself
            self._waiting += self._read(0.03)
        if self._waiting.startswith("\x1b") and len(self._waiting) > 1:
            end = next((i for i, c in enumerate(self._waiting[2:], 3) if c.isalpha() or c == "~"), len(self._waiting))
            key, self._waiting = self._waiting[:end], self._waiting[end:]
            return key
        key, self._waiting = self._waiting[:1], self._waiting[1:]
        return key

    def _read(self, seconds: float) -> str:
        import select

        fd = sys.stdin.fileno()
        ready, _, _ = select.select([fd], [], [], max(0.0, seconds))
        if not ready:
            return ""
        data = os.read(fd, 1024)
        return self._decoder.decode(data) if data else "\x04"


def _size() -> tuple[int, int]:
    try:
        return tuple(os.get_terminal_size(sys.stdout.fileno()))  # type: ignore[return-value]  # it is a pair
    except (OSError, ValueError, AttributeError):
        return (80, 24)


def _keys_at_once() -> Callable[[], None]:
    """Let keys through without waiting for Enter; returns what puts the terminal back."""
    if sys.platform == "win32":
        return lambda: None
    import termios

    fd = sys.stdin.fileno()
    before: list[Any] = termios.tcgetattr(fd)
    mode: list[Any] = termios.tcgetattr(fd)
    mode[3] &= ~(termios.ICANON | termios.ECHO)  # Ctrl+C stays a signal
    mode[6] = list(mode[6])
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    mode[6][termios.VSUSP] = b"\0"  # stopped in the middle, the program would leave the terminal like this
    termios.tcsetattr(fd, termios.TCSADRAIN, mode)
    return lambda: termios.tcsetattr(fd, termios.TCSADRAIN, before)


@contextmanager
def _without_echo() -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    import termios

    fd = sys.stdin.fileno()
    before: list[Any] = termios.tcgetattr(fd)
    mode: list[Any] = termios.tcgetattr(fd)
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(fd, termios.TCSADRAIN, mode)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _windows_key(seconds: float) -> str:
    """One key on Windows, "" for none in time; keys without a character come as "", Shift+F10 by its name's sequence."""
    keys: Any = import_module("msvcrt")  # of Windows alone
    end = monotonic() + seconds
    while not keys.kbhit():
        if monotonic() >= end:
            return ""
        time.sleep(0.02)
    key = str(keys.getwch())
    if key in ("\x00", "\xe0"):
        return "\x1b[21;2~" if keys.getwch() == "]" else ""
    if key == "\x03":
        raise KeyboardInterrupt
    return "\x04" if key == "\x1a" else key


def _windows_line(draw: Callable[[str], None]) -> str | None:
    typed = ""
    while True:
        key = _windows_key(TICK)
        if key in ("\r", "\n"):
            say("\n")
            return typed
        if key == "\x04" and not typed:
            return None
        typed = typed[:-1] if key == "\x08" else typed + key if key.isprintable() else typed
        draw(typed)
