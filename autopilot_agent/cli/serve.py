"""``serve``: a tenant on HTTP(S) for other people's clients, until Ctrl-C; ``serve ca`` gives its test authority away."""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from autopilot_agent.cli.console import warn, write_as_it_is
from autopilot_agent.errors import InputError, Place
from autopilot_agent.reports.printable import obeyed_by_nobody, printable

if TYPE_CHECKING:
    from queue import SimpleQueue

    from autopilot_agent.simulator.server import Served
    from autopilot_agent.simulator.store import DataFile
    from autopilot_agent.tenant.state import TenantState

NEEDED = ("cheroot", "werkzeug", "cryptography", "lxml", "jwt")
READY_MODE = "user-driven"
LONGEST_TOKEN = 500
SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK")
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


def main(args: argparse.Namespace) -> int:
    """Serve, or print the authority's certificate; 0 when it was ended by Ctrl-C or SIGTERM."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(f"serving needs {', '.join(missing)}; install it with: pip install 'autopilot-agent[serve]'")
    return _authority(args) if args.what == "ca" else _serve(args)


def _authority(args: argparse.Namespace) -> int:
    if args.data is None:
        raise InputError("serve ca needs --data FILE: without a data file each start makes a new authority (see --ca-out).")
    from contextlib import closing

    from autopilot_agent.simulator.server import kept_authority
    from autopilot_agent.simulator.store import DataFile

    with closing(DataFile(args.data, only_read=True)) as file:
        authority = kept_authority(file)
    if authority is None:
        raise InputError("this data file has no authority yet; serve with it once.", Place(str(args.data)))
    pem = authority.certificate_pem()
    if args.out is None:
        write_as_it_is(pem.decode())
    else:
        _write(args.out, pem)
        warn(f"wrote {args.out}")
    return 0


def _serve(args: argparse.Namespace) -> int:
    from autopilot_agent.simulator.access_log import AccessLog
    from autopilot_agent.simulator.server import Served, desk_of
    from autopilot_agent.simulator.store import DataFile

    if args.tenant is not None and args.scenario is not None:
        raise InputError("--tenant and --scenario both name a tenant; leave one of them out.")
    if args.only and args.scenario is None:
        raise InputError("--only names a case of a scenario file; add --scenario FILE.")
    if args.out is not None:
        raise InputError("--out belongs to 'serve ca'; --ca-out writes the certificate of this start.")
    _check_host(args.host, args.allow_host)
    token = _token(args.admin_token_file) if args.admin_token_file is not None else ""
    file = DataFile(args.data) if args.data is not None else None
    log = AccessLog.open(args.access_log, warn) if args.access_log else None
    try:
        desk, began = desk_of(_state(args, file), file, warn)
        desk.credentials = args.credentials
        served = Served(desk, token=token, log=log, began=began)
        if args.ca_out is not None:
            _write(args.ca_out, served.ca_pem)
        served.start(args.host, args.port, tls=args.tls, names=_names(args))
        try:
            ended = _end_asked_for()  # before it is said how to end it
            _say(served, args, bool(token))
            _wait(ended)
        finally:
            served.stop()
    finally:
        if file is not None:
            file.close()
        if log is not None:
            log.close()
    return 0


def _state(args: argparse.Namespace, file: DataFile | None) -> TenantState:
    from autopilot_agent.scenario.loader import load_scenario
    from autopilot_agent.simulator.server import seed_of
    from autopilot_agent.simulator.tenants import state_of_folder, state_of_scenario

    seed = seed_of(file, args.seed) if file is not None else args.seed
    if args.tenant is not None:
        return state_of_folder(args.tenant, seed or 0)
    if args.scenario is not None:
        return state_of_scenario(load_scenario(args.scenario, only=args.only), seed)
    from autopilot_agent.walk.ready import ready

    return state_of_scenario(ready(READY_MODE), seed)


def _say(served: Served, args: argparse.Namespace, token_given: bool) -> None:
    """One line a fact, at once: whoever started this waits for them."""
    state = served.desk.state
    stream = sys.stderr if args.access_log == "-" else sys.stdout  # the log's lines are data then

    def tell(text: str) -> None:
        print(obeyed_by_nobody(printable(text)), file=stream, flush=True)

    tell(f"serving {state.display_name or state.domain} ({state.tenant_id}) at {served.url}")
    if args.tls:
        where = f"in {args.ca_out} and " if args.ca_out is not None else ""
        tell(f"test CA: {where}at {served.url}/autopilot-agent/ca.pem")
    tell(f"admin token: that in {args.admin_token_file}" if token_given else f"admin token: {served.token}")
    tell(f"kept in: {args.data}" if args.data is not None else "kept in: memory, until this ends (see --data)")
    tell("end with Ctrl-C")


def _end_asked_for() -> SimpleQueue[int]:
    """Where Ctrl-C, Ctrl-Break and SIGTERM arrive. A handler may interrupt whatever this queue does."""
    import signal
    from queue import SimpleQueue

    ended: SimpleQueue[int] = SimpleQueue()
    for name in SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: ended.put(number))
    return ended


def _wait(ended: SimpleQueue[int]) -> None:
    """Return when there is one. Signals are ignored then: one that comes while the interpreter ends would be its exit code."""
    import signal
    from queue import Empty

    while True:
        try:
            ended.get(timeout=0.5)  # in pieces: Windows delivers no Ctrl-C to a thread that waits without an end
            break
        except Empty:
            continue
    for name in SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _check_host(host: str, allowed: list[str]) -> None:
    """An address that others can reach is named twice. Raises ``InputError``."""
    if not host.strip():  # an unset variable of a shell; the system takes it for every address there is
        raise InputError("--host is empty; write the address to listen at, such as 127.0.0.1.")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host.casefold() == "localhost"
    if not loopback and host not in allowed:
        raise InputError(
            f"{host[:80]!r} can be reached from other machines, and this is a test tenant with a test authority; "
            f"if that is meant, add --allow-host {host[:80]}."
        )


def _names(args: argparse.Namespace) -> tuple[str, ...]:
    """More names for the certificate. Raises ``InputError`` for what is no host name, and without TLS."""
    for name in args.name:
        if not args.tls:
            raise InputError("--name is for the certificate; add --tls.")
        if not HOST_NAME.fullmatch(name) or len(name) > 253:
            raise InputError(f"--name is {name[:80]!r}; expected a host name, such as enterpriseenrollment.contoso.example.")
    return tuple(args.name)


def _token(path: Path) -> str:
    """The token in a file; a file that is not there yet is made with a new one, for its owner alone. Raises ``InputError``."""
    if not path.exists():
        from autopilot_agent.simulator.server import new_token

        made = new_token()
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(made + "\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise InputError(f"the token cannot be written ({reason}); choose another place.", Place(str(path))) from None
        return made
    from autopilot_agent.text.text_file import read_text

    found = read_text(path, LONGEST_TOKEN).strip()
    if len(found) < 8 or not found.isascii() or not found.isprintable() or " " in found:
        raise InputError("an admin token is one line of at least 8 ASCII characters without blanks.", Place(str(path)))
    return found


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"the file cannot be written ({reason}); choose another place.", Place(str(path))) from None
