"""Which cloud ``--backend`` and the options around it mean: the memory, one by entry point, a server, or a recording."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from autopilot_agent.errors import InputError, Place

if TYPE_CHECKING:
    from autopilot_agent.backends.choice import ServerChoice

LONGEST_TOKEN = 16_000
SERVER_OPTIONS = ("map", "ca", "allow_host", "admin_token", "enrol_token_file", "record_http")


def chosen_backend(args: argparse.Namespace) -> str | ServerChoice:
    """What ``--backend`` and the options around it mean; raises ``InputError`` for what does not go together."""
    if args.backend.startswith(("http:", "https:")):
        if args.device or args.save_device:
            raise InputError("a device file holds no keys and tokens of real connections; leave --device, --save-device out.")
        return _server(args)
    if args.backend.startswith("replay:"):
        return _recording(args)
    for name in SERVER_OPTIONS:
        if getattr(args, name):
            raise InputError(f"--{name.replace('_', '-')} is for a server; choose one with --backend https://HOST:PORT.")
    if args.backend != "memory":
        _check_backend(args.backend)
    return str(args.backend)


def _recording(args: argparse.Namespace) -> ServerChoice:
    """A recording instead of a server."""
    for name in (*SERVER_OPTIONS, "device", "save_device"):
        if getattr(args, name):
            raise InputError(f"--{name.replace('_', '-')} has no meaning where a recording answers; leave it out.")
    try:
        from autopilot_agent.backends.choice import ServerChoice
        from autopilot_agent.backends.recorded import read_session
    except ImportError as error:
        raise _not_installed(error) from None
    folder = args.backend.removeprefix("replay:")
    read_session(Path(folder))
    return ServerChoice("", replay=folder)


def _not_installed(error: ImportError) -> InputError:
    said = f"a server as backend needs packages that are not installed ({error.name}); pip install 'autopilot-agent[wire]'."
    return InputError(said)


def _server(args: argparse.Namespace) -> ServerChoice:
    """The server, after a first look at it: a wrong address is said once, and not once per scenario."""
    try:
        from autopilot_agent.backends.addresses import read_address, read_table
        from autopilot_agent.backends.choice import ServerChoice
        from autopilot_agent.wire.hosts import check_host
    except ImportError as error:
        raise _not_installed(error) from None
    if args.ca is not None and not args.ca.is_file():
        raise InputError("there is no such file; 'autopilot-agent serve ca --data FILE' writes one.", Place(str(args.ca)))
    token = args.admin_token or os.environ.get("AUTOPILOT_AGENT_TOKEN", "")
    ca = args.ca.as_posix() if args.ca is not None else ""
    record = args.record_http.as_posix() if args.record_http is not None else ""
    url, table = read_address(args.backend), read_table(args.map)
    given = _enrol_token(args.enrol_token_file) if args.enrol_token_file is not None else ""
    choice = ServerChoice(url, table, ca, tuple(args.allow_host), token, record=record, enrol_token=given)
    for host in choice.hosts():
        check_host(host, frozenset(choice.allowed))
    return choice


def _enrol_token(path: Path) -> str:
    """The token in a file; raises ``InputError`` for a file without one."""
    from autopilot_agent.text.text_file import read_text

    found = read_text(path, LONGEST_TOKEN).strip()
    if not found or not found.isprintable():
        raise InputError("a token to enrol with is one line of text: a JWT, or what the MDM server gave out.", Place(str(path)))
    return found


def _check_backend(name: str) -> None:
    """Say at once that a backend does not exist, and not once per scenario."""
    from importlib.metadata import entry_points

    names = sorted({point.name for point in entry_points(group="autopilot_agent.backends")} | {"memory"})
    if name not in names:
        raise InputError(f"there is no backend {name!r}; installed are: {', '.join(names)}.")
