"""Which cloud ``--backend`` and the options around it mean: the memory, one by entry point, a server, or a recording."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autopilot_agent.backends.registry import check_name
from autopilot_agent.errors import InputError, Place

if TYPE_CHECKING:
    from autopilot_agent.backends.choice import ServerChoice

LONGEST_TOKEN = 16_000
_ADDRESS = re.compile(r"^localhost\b|//|:\d|^[\d.:]+$|^\[")
"""What is meant for the address of a server, whatever is wrong with it; no name of an entry point looks so."""
TOKEN = "AUTOPILOT_AGENT_TOKEN"
"""The environment variable that stands for ``--admin-token``."""


class ServerOptions(msgspec.Struct, frozen=True):
    """What belongs to a server, each named like its option."""

    map: list[str] = []
    ca: Path | None = None
    allow_host: list[str] = []
    admin_token: str = ""
    enrol_token_file: Path | None = None
    record_http: Path | None = None

    def given(self) -> list[str]:
        """The options that say something."""
        return [f"--{name.replace('_', '-')}" for name in self.__struct_fields__ if getattr(self, name)]


def chosen_backend(name: str, server: ServerOptions, device_files: list[str]) -> str | ServerChoice:
    """What ``--backend`` and the options around it mean; raises ``InputError`` for what does not go together.

    ``device_files`` are the options that were given and name a file of a PC.
    """
    if name.lower().startswith(("http:", "https:")):
        if device_files:
            raise InputError("a device file holds no keys and tokens of real connections; leave --device, --save-device out.")
        return _server(name, server)
    if name.startswith("replay:"):
        if without := server.given() + device_files:
            raise InputError(f"{without[0]} has no meaning where a recording answers; leave it out.")
        return _recording(name.removeprefix("replay:"))
    if _ADDRESS.search(name):
        raise InputError(f"--backend is {name[:80]!r}; a server's address begins with http:// or https://.")
    if needing := server.given():
        raise InputError(f"{needing[0]} is for a server; choose one with --backend https://HOST:PORT.")
    if name != "memory":
        check_name(name)
    return name


def _recording(folder: str) -> ServerChoice:
    """A recording instead of a server."""
    try:
        from autopilot_agent.backends.choice import ServerChoice
        from autopilot_agent.backends.recorded import read_session
    except ImportError as error:
        raise _not_installed(error) from None
    read_session(Path(folder))
    return ServerChoice("", replay=folder)


def _not_installed(error: ImportError) -> InputError:
    said = f"a server as backend needs packages that are not installed ({error.name}); pip install 'autopilot-agent[wire]'."
    return InputError(said)


def _server(address: str, server: ServerOptions) -> ServerChoice:
    """The server, after a first look at it: a wrong address is said once, and not once per scenario."""
    try:
        from autopilot_agent.backends.addresses import read_address, read_table
        from autopilot_agent.backends.choice import ServerChoice
        from autopilot_agent.backends.trust import read_ca
        from autopilot_agent.wire.hosts import check_host
    except ImportError as error:
        raise _not_installed(error) from None
    token = _admin_token(server.admin_token)
    ca = read_ca(server.ca)
    record = server.record_http.as_posix() if server.record_http is not None else ""
    url, table = read_address(address), read_table(server.map)
    given = _enrol_token(server.enrol_token_file) if server.enrol_token_file is not None else ""
    choice = ServerChoice(url, table, ca, tuple(server.allow_host), token, record=record, enrol_token=given)
    for host in choice.hosts():
        check_host(host, frozenset(choice.allowed))
    return choice


def _admin_token(given: str) -> str:
    """The administrator's token of the option, else of the environment; the sentence about a wrong one never shows it."""
    for name, text in (("--admin-token", given), (TOKEN, os.environ.get(TOKEN, ""))):
        found = text.strip()
        if any(not "!" <= one <= "~" for one in found):
            raise InputError(f"{name} holds blanks, line ends or more than ASCII; a token is one word, as 'serve' wrote it.")
        if found:
            return found
    return ""


def _enrol_token(path: Path) -> str:
    """The token in a file; raises ``InputError`` for a file without one."""
    from autopilot_agent.text.text_file import read_text

    found = read_text(path, LONGEST_TOKEN).strip()
    if not found or not found.isprintable():
        raise InputError("a token to enrol with is one line of text: a JWT, or what the MDM server gave out.", Place(str(path)))
    return found
