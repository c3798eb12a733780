"""Where the hosts that Windows asks are served: a table from service or host name to the address of a server, or to memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec

from autopilot_agent.errors import InputError, Unreachable

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
BAD_URL = "0x80072EE5"
"""WinINet's code for a URL that is none."""
MDM = ("enrollment", "manage")
"""What an MDM server that is not ours serves of all that."""
_HOST = re.compile(r"(?!\.)(?:[^\W_]|[-_.](?!\.)){1,253}|[0-9a-f.]*:[0-9a-f:.]*(?:%[\w.-]+)?")
"""A host name in any alphabet without empty parts, or an address of IP version 6 without its brackets."""
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
        """Where a request goes that Windows would send to ``url``; raises ``Unreachable`` for one that is none."""
        try:
            parts = urlsplit(url)
            place = self.place_of(parts.hostname or "")
            if place is None or place == MEMORY:
                return url
            return place + url[url.index(parts.netloc) + len(parts.netloc) :]
        except ValueError:  # a bracket too few, or line ends in a name, which urlsplit leaves out
            raise bad_url() from None

    def bases(self) -> list[str]:
        """Every base URL, each once."""
        return list(dict.fromkeys(one for one in (self.base, *self.table.values()) if one and one != MEMORY))


def bad_url() -> Unreachable:
    """What a device sees that is sent to a URL that is none."""
    return Unreachable(BAD_URL, "the address is none that can be used")


def host_of(url: str) -> str:
    """The host of a URL that a server named; "" for a URL that is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def read_address(text: str, what: str = "the backend") -> str:
    """A base URL without its final slash, its scheme in lower case; raises ``InputError`` for anything else."""
    said = f"{what} is {text[:80]!r}; expected an address such as https://localhost:8443"
    scheme, sign, rest = text.partition("://")
    if not sign and ":/" not in text:
        raise InputError(f"{said}, with http:// or https:// before the host.")
    try:
        parts = urlsplit(text)
        port, named = parts.port, bool(_HOST.fullmatch(parts.hostname or ""))
    except ValueError:
        raise InputError(f"{said}.") from None
    if scheme.lower() not in ("http", "https") or not named or not rest.isprintable() or " " in rest:
        raise InputError(f"{said}.")
    if parts.query or parts.fragment or port == 0:
        raise InputError(f"{said}.")
    if parts.username is not None or parts.password is not None:
        raise InputError(f"{what} has a user name in its address; write it without, such as https://localhost:8443.")
    return f"{scheme.lower()}://{rest}".rstrip("/")


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
