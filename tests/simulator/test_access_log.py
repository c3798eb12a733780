"""A log that cannot be written: said once, and no reason to stop."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import pytest

from autopilot_agent.simulator.access_log import AccessLog, Seen


class Disk(io.StringIO):
    """A file on a disk that may be full."""

    name = "/var/log/access.log"
    full = False

    def flush(self) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().flush()


def test_a_full_disk_is_said_once_and_so_is_its_end() -> None:
    said: list[str] = []
    disk = Disk()
    log = AccessLog(disk, tell=said.append)
    log.seen(Seen())
    assert not said
    disk.full = True
    for _ in range(3):
        log.seen(Seen())
    assert len(said) == 1 and log.lost == 3
    assert said[0].startswith("/var/log/access.log: the access log cannot be written (No space left on device)")
    disk.full = False
    for _ in range(2):
        log.said("TLS")
    assert said[1:] == ["/var/log/access.log: the access log can be written again; 3 lines are lost."]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_log_that_takes_nothing_is_closed_without_a_word() -> None:
    said: list[str] = []
    log = AccessLog.open("/dev/full", said.append)
    log.seen(Seen())
    log.seen(Seen())
    log.close()
    assert len(said) == 1 and "/dev/full" in said[0]
