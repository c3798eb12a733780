"""The servers that ``wire.py`` measures, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SCENARIO = HERE / "five_apps.yaml"
DEVICES = 50
sys.path.insert(0, str(HERE.parent))


def fleet_state() -> Any:
    """A small tenant with a licensed user for every device."""
    from autopilot_agent.testing.small import small_state

    users = [
        {
            "id": f"11111111-0000-4000-8000-{number:012}",
            "userPrincipalName": f"user{number}@contoso.example",
            "displayName": f"User {number}",
            "assignedLicenses": [{"skuId": "e3"}],
        }
        for number in range(DEVICES)
    ]
    # The limit of joined devices holds for the tenant as a whole here; it is not what is measured.
    return small_state({"tenant.users": users, "tenant.deviceRegistrationPolicy": {"userDeviceQuota": 10_000}})


def run_state() -> Any:
    """The tenant of the scenario that the figures are about."""
    from autopilot_agent.scenario.loader import load_scenario
    from autopilot_agent.simulator.tenants import state_of_scenario

    return state_of_scenario(load_scenario(SCENARIO))


def serve(kind: str, folder: Path, words: list[str]) -> None:
    """Serve until standard input ends; each line of it begins anew with the same tenant, and with no devices."""
    from autopilot_agent.simulator.server import Served, desk_of
    from autopilot_agent.simulator.store import DataFile

    make = fleet_state if kind == "fleet" else run_state
    file = DataFile(folder / "served.data") if "data" in words else None
    desk, began = desk_of(make(), file)
    served = Served(desk, began=began)
    (folder / "ca.pem").write_bytes(served.ca_pem)
    served.start(tls="tls" in words)
    print(served.url, flush=True)
    for _ in sys.stdin:
        served.serve(make())
        print(served.url, flush=True)
    served.stop()


class Server:
    """A server in another process. ``url`` is where, ``ca`` the file that clients have to trust."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.ca = str(folder / "ca.pem")
        self.url = self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def begin_anew(self) -> None:
        """The tenant as it was at the start, with the same authority."""
        assert self.process.stdin is not None
        self.process.stdin.write("anew\n")
        self.process.stdin.flush()
        self._answer()


@contextmanager
def server(kind: str, *words: str) -> Iterator[Server]:
    """A server of the ``run`` tenant or of the ``fleet`` one; words: tls, data."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, __file__, kind, name, *words]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield Server(process, Path(name))
            finally:
                assert process.stdin is not None
                process.stdin.close()
                process.wait(20)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
