"""Where the hosts that Windows asks are served: a table from service or host name to the address of a server, or to memory."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

from autopilot_agent.errors import InputError

SERVICES: dict[str, tuple[str, ...]] = {
    "ztd": ("ztd.dds.microsoft.com", "login.live.com"),
    "login": ("login.microsoftonline.com",),
    "enterpriseregistration": ("enterpriseregistration.windows.net",),
    "enrollment": ("enrollment.manage.microsoft.com", "portal.manage.microsoft.com"),
    "manage": ("r.manage.microsoft.com",),
    "ime": ("manage.microsoft.com", "swda01-mscdn.manage.microsoft.com"),
    "attestation": (
        "ekop.intel.com",
        "ekcert.spserv.microsoft.com",
        "ftpm.amd.com",
        "tpm-keyid.microsoftaik.azure.net",
    ),
    "content": ("naprodimedatapri.azureedge.net", "officecdn.microsoft.com", "cdn.contoso.example"),
    "connectivity": ("www.msftconnecttest.com",),
    "private": ("autopilot-agent",),
}
"""The logical services of ``--map``, with the hosts that Windows asks for them."""
MEMORY = "memory"
MDM = ("enrollment", "manage")
"""What an MDM server that is not ours serves of all that."""
_SERVICE_OF = {host: name for name, hosts in SERVICES.items() for host in hosts}


class Addresses(msgspec.Struct, frozen=True):
    """``base`` serves every host that ``table`` does not name ("" for none: then a URL is taken as it is).

    Keys of ``table`` are services or host names, values base URLs without a final slash, or "memory".
    """

    base: str = ""
    table: dict[str, str] = {}

    def place_of(self, host: str) -> str | None:
        """The base URL for a host, "memory", or None where the host is asked under its own name."""
        name = host.casefold()
        found = self.table.get(name)
        if found is None:
            found = self.table.get(_SERVICE_OF.get(name, ""))
        return found if found is not None else self.base or None

    def url(self, url: str) -> str:
        """Where a request goes that Windows would send to ``url``."""
        parts = urlsplit(url)
        place = self.place_of(parts.hostname or "")
        if place is None or place == MEMORY:
            return url
        return place + url[url.index(parts.netloc) + len(parts.netloc) :]

    def bases(self) -> list[str]:
        """Every base URL, each once."""
        return list(dict.fromkeys(one for one in (self.base, *self.table.values()) if one and one != MEMORY))


def read_address(text: str, what: str = "the backend") -> str:
    """A base URL without its final slash; raises ``InputError`` for anything else."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or port == 0:
        raise InputError(f"{what} is {text[:80]!r}; expected an address such as https://localhost:8443.")
    if parts.username is not None or parts.password is not None:
        raise InputError(f"{what} has a user name in its address; write it without, such as https://localhost:8443.")
    return text.rstrip("/")


def read_table(pairs: Iterable[str]) -> dict[str, str]:
    """``NAME=URL`` or ``NAME=memory`` words as a table; raises ``InputError``."""
    table: dict[str, str] = {}
    for pair in pairs:
        name, sign, place = pair.partition("=")
        name = name.strip().casefold()
        if not sign or not name:
            raise InputError(f"--map is {pair[:80]!r}; expected NAME=URL or NAME=memory, such as manage=https://localhost:8443.")
        if name not in SERVICES and "." not in name:
            known = ", ".join(SERVICES)
            raise InputError(f"--map names {name[:40]!r}, which is no service and no host name; services are: {known}.")
        if name in table:
            raise InputError(f"--map names {name!r} twice; write each service once.")
        table[name] = place if place == MEMORY else read_address(place, f"--map {name}")
    return table
