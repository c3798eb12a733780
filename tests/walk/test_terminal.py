"""The drawn walk on a real pseudo-terminal: what it looks like, and that it gives the terminal back."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are of POSIX", allow_module_level=True)

import fcntl
import pty
import select
import struct
import termios

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0
LEFT = "\x1b[?1049l"


def _in_front() -> None:
    """In the child: the terminal is its own, and Ctrl+C is heard even where the tests run in the background."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """The program on a pseudo-terminal of a given size."""

    def __init__(self, *words: str, cwd: Path, size: tuple[int, int] = (80, 24), **environment: str) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        base = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        base |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "PYTHONUTF8": "1", **environment}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autopilot_agent", "walk", *words],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=base,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_in_front,
        )
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, pattern: str) -> str:
        """Read until a pattern was shown after what was read before; returns what was read now."""
        start = len(self.text)
        while not re.search(pattern, self.text[start:]):
            ready, _, _ = select.select([self.master], [], [], PATIENCE)
            assert ready, f"never saw {pattern!r}, but {self.text[start:][-2000:]!r}"
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                break
            self.text += data.decode("utf-8", "replace")
        assert re.search(pattern, self.text[start:]), f"never saw {pattern!r}, but {self.text[start:][-2000:]!r}"
        return self.text[start:]

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def end(self) -> int:
        """Wait for the end; the terminal must be as it was."""
        while True:
            ready, _, _ = select.select([self.master], [], [], 0.2)
            if ready:
                self.text += os.read(self.master, 65536).decode("utf-8", "replace")
            elif self.process.poll() is not None:
                break
        self._watchdog.cancel()
        after = termios.tcgetattr(self.slave)
        assert after[:4] == self.before[:4], "the terminal's modes were changed"
        assert after[6] == self.before[6]
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def opened() -> Iterator[list[Terminal]]:
    terminals: list[Terminal] = []
    yield terminals
    for one in terminals:
        one.close()


def test_the_whole_way_at_80_by_24(opened: list[Terminal], tmp_path: Path) -> None:
    record = tmp_path / "walk.yaml"
    it = Terminal("--mode", "user-driven", "--speed", "max", "--record", str(record), cwd=tmp_path)
    opened.append(it)
    for prompt in ("Your choice> ", "region> ", "layout> ", "layout> ", "network> ", "Your choice> "):
        it.until(re.escape(prompt))
        it.type("\r")
    it.until("user name> ")
    it.type("user2@contoso.exmaple\x7f\x7f\x7f\x7f\x7fmple\x15user2@contoso.example\r")
    it.until("password> ")
    it.type("opensesame\r")
    seen = it.until("Your choice> ")
    assert "opensesame" not in it.text and "**********" in seen
    it.type("\r")
    it.until("PIN> ")
    it.type("123456\r")
    it.until("Next> ")
    it.type("\r")
    assert it.end() == 0
    assert it.text.index("\x1b[?1049h") < it.text.index(LEFT)
    assert "it replays to the same trace" in it.text.split(LEFT)[1].replace("\r\n", " ")
    assert "SIGNIN: [user2@contoso.example]" in record.read_text("utf-8")
    for line in _last_frame(it.text).split("\n"):
        assert len(line) <= 80


def test_interrupted_the_terminal_is_given_back_and_the_walk_is_kept(opened: list[Terminal], tmp_path: Path) -> None:
    it = Terminal("--mode", "user-driven", "--speed", "max", cwd=tmp_path)
    opened.append(it)
    it.until("Your choice> ")
    it.type("\r")
    it.until("region> ")
    it.type("\x03")
    assert it.end() == 130
    said = it.text.split(LEFT)[1]
    assert "Interrupted" in said and "walk --state walk.yaml" in said
    assert "LANG: [en-US]" in (tmp_path / "walk.yaml").read_text("utf-8")


def test_a_terminal_that_is_taken_away_ends_the_walk_in_order(opened: list[Terminal], tmp_path: Path) -> None:
    it = Terminal("--mode", "user-driven", "--speed", "max", cwd=tmp_path)
    opened.append(it)
    it.until("Your choice> ")
    it.process.send_signal(signal.SIGTERM)
    assert it.end() == 130
    assert LEFT in it.text


def test_progress_moves_and_somebody_steps_in_while_the_pc_is_busy(opened: list[Terminal], tmp_path: Path) -> None:
    record = tmp_path / "walk.yaml"
    it = Terminal("--mode", "self-deploying", "--speed", "200", "--record", str(record), cwd=tmp_path)
    opened.append(it)
    it.until("space skips ahead")
    it.type(" ")
    for _ in range(2):
        it.until("layout> ")
        it.type("\r")
    it.until(r"Elapsed .*0:00:\d\d of")
    it.until(r"0:0[1-9]:\d\d of")
    it.type(":")
    it.until("the PC is stopped")
    it.type("net off\r")
    it.until("Done: net off")
    it.type("net on\r")
    it.until("Done: net on")
    it.type("\r")
    it.until("space skips ahead")
    it.type(" ")
    it.until("Next> ")
    it.type("\r")
    assert it.end() == 0
    assert "it replays to the same trace" in it.text.split(LEFT)[1].replace("\r\n", " "), it.text.split(LEFT)[1]
    assert "happenings:" in record.read_text("utf-8")


def test_a_resize_draws_the_page_anew(opened: list[Terminal], tmp_path: Path) -> None:
    it = Terminal("--mode", "user-driven", "--speed", "max", cwd=tmp_path)
    opened.append(it)
    it.until("Your choice> ")
    it.type("ger")
    it.until("ger")
    it.resize(50, 20)
    seen = it.until(r"(?s)Your choice> ger")
    assert max(len(line) for line in _last_frame(seen).split("\n")) <= 50
    it.type("\x15:quit\r")
    assert it.end() == 0


def test_without_colour_nothing_is_coloured(opened: list[Terminal], tmp_path: Path) -> None:
    it = Terminal("--mode", "user-driven", "--speed", "max", cwd=tmp_path, NO_COLOR="1")
    opened.append(it)
    it.until("Your choice> ")
    it.type("\x04")
    assert it.end() == 0
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|9[0-7]|38;[0-9;]+)m", it.text)


def test_plain_moves_no_cursor_and_hides_the_password(opened: list[Terminal], tmp_path: Path) -> None:
    it = Terminal("--mode", "hybrid", "--plain", cwd=tmp_path)
    opened.append(it)
    for prompt in ("layout> ", "layout> ", "user name> "):
        it.until(prompt)
        it.type("\n")
    it.until("password> ")
    it.type("opensesame\n")
    it.until("Screen LOGON")
    it.type("\x04")
    assert it.end() == 0
    assert "\x1b" not in it.text and "opensesame" not in it.text
    assert "Go on: autopilot-agent walk --state walk.yaml" in it.text


def test_shift_f10_is_a_key_and_its_prompt_looks_around(opened: list[Terminal], tmp_path: Path) -> None:
    it = Terminal("--mode", "hybrid", "--speed", "max", cwd=tmp_path, size=(100, 40))
    opened.append(it)
    it.until("layout> ")
    it.type("\x1b[21;2~")
    it.until(r"C:\\Windows\\System32> ")
    it.type("dsregcmd /status\r")
    it.until("AzureAdJoined : NO")
    it.type("reg query HKLM\\SOFTWARE\\Microsoft\\Provisioning\\Diagnostics\\AutoPilot\r")
    it.until("CloudAssignedTenantDomain")
    it.type("\r")
    it.until("System32> ")
    it.type("exit\r")
    it.until("layout> ")
    it.type(":quit\r")
    assert it.end() == 0


def _last_frame(text: str) -> str:
    """The last drawing, without escapes."""
    frame = text.split("\x1b[H")[-1].split(LEFT)[0]
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame).replace("\r", "")
