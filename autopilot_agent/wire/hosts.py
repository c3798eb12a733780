"""Which hosts may be talked to: Microsoft's production services never, this machine always, others when they are named.

The check is on the host that a connection would go to, after the URL library that opens it has read the URL: so no spelling of
a name (capitals, a final dot, wide letters, a user name in front) gets past it. There is no switch.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

from autopilot_agent.errors import InputError

PRODUCTION = (
    "microsoft.com", "microsoft.cn", "microsoft.us", "microsoft365.com", "s-microsoft.com", "aka.ms",
    "microsoftonline.com", "microsoftonline.cn", "microsoftonline.de", "microsoftonline.us", "microsoftonline.mil",
    "microsoftonline-p.com", "microsoftonline-p.net", "microsoftazuread-sso.com", "b2clogin.com", "b2clogin.cn",
    "ciamlogin.com", "msauth.net", "msauthimages.net", "msftauth.net", "msftauthimages.net", "msidentity.com", "passport.net",
    "msappproxy.net", "msappproxy.us", "onmicrosoft.com", "onmicrosoft.us", "onmicrosoft.cn", "onmschina.cn",
    "windows.com", "windows.net", "windows-int.net", "windowsupdate.com", "windowsphone.com", "msftconnecttest.com",
    "msftncsi.com", "windowsazure.com", "windowsazure.us", "windowsazure.cn", "microsoftazure.us", "microsoftazure.de",
    "azure.com", "azure.net", "azure.us", "azure.cn", "azureedge.net", "azureedge.us", "usgovcloudapi.net", "chinacloudapi.cn",
    "cloudapi.de", "msecnd.net", "msedge.net", "office.com", "office.net", "office.de", "office365.com", "office365.us",
    "msocdn.com", "outlook.com", "outlook.cn", "sharepoint.com", "sharepoint.us", "sharepoint.cn", "live.com", "live.net",
    "hotmail.com", "skype.com", "lync.com", "bing.com", "msn.com", "xbox.com", "xboxlive.com", "xboxservices.com",
    "microsoft", "azure", "windows", "office", "xbox", "bing", "skype", "hotmail",
)  # fmt: skip
"""Domains whose every host is refused, those of the national clouds among them; the last ones are Microsoft's own top-level
domains."""
VENDORS = ("ekop.intel.com", "ftpm.amd.com")
"""Certificate services of TPM makers, as real as the ones above."""
CUSTOMERS = ("cloudapp.azure.com",)
"""Under these, names belong to whoever rents a machine there."""


def plain(host: str) -> str:
    """A host name as a resolver would take it: lower case, ASCII, without brackets and final dots."""
    name = host.strip().strip("[]").replace("\u3002", ".").replace("\uff0e", ".").replace("\uff61", ".")
    with suppress(UnicodeError):  # too long a label, for one: then it is compared as it is
        name = name.encode("idna").decode("ascii")
    return name.casefold().rstrip(".")


def is_production(host: str) -> bool:
    """Whether a host is one of Microsoft's production services, or a TPM maker's."""
    name = plain(host)
    if any(name.endswith("." + one) for one in CUSTOMERS):
        return False
    return any(name == one or name.endswith("." + one) for one in (*PRODUCTION, *VENDORS))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: ``localhost`` or an address of the loopback range, in its usual spelling."""
    name = plain(host)
    if name == "localhost":
        return True
    try:
        return ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def check_host(host: str, allowed: frozenset[str] = frozenset()) -> None:
    """Let a host pass, or raise ``InputError`` (exit 2) that says what to do. ``allowed`` are names given by --allow-host."""
    if not host:
        raise InputError("the address has no host name; write it as https://localhost:8443.")
    if is_production(host):
        raise InputError(
            f"{plain(host)} is a production service: this program never talks to it. Use a test server, "
            "such as the one that 'autopilot-agent serve' starts."
        )
    if not is_loopback(host) and plain(host) not in {plain(one) for one in allowed}:
        raise InputError(f"{plain(host)} is not this machine; if it is your test server, add --allow-host {plain(host)}.")
