"""Talks to the program through pipes, as a person would: reads a page, answers it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


class Talk:
    """One run of ``walk`` whose standard input is a pipe."""

    def __init__(self, *words: str, cwd: Path | None = None) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autopilot_agent", "walk", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd or ROOT,
        )
        self.text = ""
        self.seen: list[str] = []
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()

    def page(self) -> str:
        """Read to the next prompt; the id of the page that asks, "NEXT" between acts, "" at the end."""
        assert self.process.stdout is not None
        data = b""
        while not data.endswith(b"> "):
            one = os.read(self.process.stdout.fileno(), 1)
            if not one:
                self.text += data.decode("utf-8")
                return ""
            data += one
        self.text += data.decode("utf-8")
        if self.text.endswith("\nNext> "):
            self.seen.append("NEXT")
        else:
            self.seen.append(re.findall(r"^Screen (\w+)", self.text, re.M)[-1])
        return self.seen[-1]

    def say(self, line: str) -> None:
        """Type one line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def answer(self, answers: dict[str, list[str]] | None = None, most: int = 60) -> int:
        """Answer every page until the program ends; what is not told is what goes on. Returns the exit code."""
        told = {screen: list(lines) for screen, lines in (answers or {}).items()}
        for _ in range(most):
            page = self.page()
            if not page:
                return self.end()
            lines = told.get(page)
            prompt = self.text.rsplit("\n", 1)[-1].removesuffix("> ")
            self.say(lines.pop(0) if lines else USUAL.get(page) or USUAL.get(prompt, ""))
        raise AssertionError(f"still asking after {most} answers: {self.seen}")

    def hang_up(self) -> int:
        """No more input."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.text += self.process.stdout.read().decode("utf-8")
        return self.end()

    def end(self) -> int:
        """Wait for the end."""
        code = self.process.wait(PATIENCE)
        self._watchdog.cancel()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with suppress(OSError):
                stream.close()
        return code


USUAL = {"password": "opensesame", "PIN": "123456", "PPOK": "1"}
"""What goes on, by page or by what is asked for, where Enter alone does not."""
