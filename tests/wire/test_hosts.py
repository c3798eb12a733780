"""Microsoft's production hosts are refused in every spelling; this machine is not; the rest only when it is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.errors import InputError
from autopilot_agent.service import CALLS
from autopilot_agent.wire.hosts import PRODUCTION, check_host, is_loopback, is_production, plain

OURS = {"autopilot-agent", "cdn.contoso.example", "cmg.contoso.example", "ndes.contoso.example", "vpn.contoso.example"}
REAL = sorted({kind.host for kind in CALLS.values()} - OURS - {"domain-controller"})


@pytest.mark.parametrize("host", REAL)
def test_every_host_that_windows_asks_is_refused(host: str) -> None:
    with pytest.raises(InputError, match="never talks to it"):
        check_host(host, frozenset({host}))


@pytest.mark.parametrize(
    "host",
    [
        "LOGIN.MicrosoftOnline.COM",
        "login.microsoftonline.com.",
        "login.microsoftonline.com..",
        " login.live.com ",
        "ｌｏｇｉｎ.live.com",
        "login。live。com",
        "login．microsoftonline．com",
        "enterpriseenrollment.manage.microsoft.com",
        "fef.amsua0102.manage.microsoft.com",
        "intc-keyid-1234.microsoftaik.azure.net",
        "microsoft.com",
        "contoso.onmicrosoft.com",
        "account.blob.core.windows.net",
        "ekop.intel.com",
        "login.microsoftonline.us",
        "x.microsoft",
    ],
)
def test_no_spelling_of_a_production_host_gets_past(host: str) -> None:
    assert is_production(host)
    with pytest.raises(InputError) as caught:
        check_host(host, frozenset({host, plain(host)}))
    assert caught.value.exit_code == 2


CLOUDS = (
    "www.microsoft.cn", "enrollment.manage.microsoft.us", "enrollment.manage.microsoftonline.cn",
    "login.partner.microsoftonline.cn", "login.chinacloudapi.cn", "login.microsoftonline.us", "login.microsoftonline.de",
    "login-us.microsoftonline.com", "enterpriseregistration.windows.net", "enterpriseregistration.microsoftonline.us",
    "autologon.microsoftazuread-sso.com", "contoso.b2clogin.com", "contoso.ciamlogin.com", "contoso.msappproxy.net",
    "aadcdn.msauth.net", "aadcdn.msftauth.net", "aadcdn.msauthimages.net", "aadcdn.msftauthimages.net", "portal.azure.us",
    "portal.azure.cn", "management.usgovcloudapi.net", "portal.office.com", "portal.office365.us", "title.mgt.xboxlive.com",
    "login.live.com", "contoso.onmicrosoft.us", "contoso.partner.onmschina.cn", "clientconfig.passport.net",
)  # fmt: skip


def wide(host: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if one.isalnum() else one for one in host)


@pytest.mark.parametrize("host", CLOUDS)
@pytest.mark.parametrize("spelled", [str, str.upper, lambda host: f"{host}.", wide, lambda host: host.replace(".", "\u3002")])
def test_no_cloud_of_microsofts_is_talked_to(host: str, spelled: Callable[[str], str]) -> None:
    with pytest.raises(InputError, match="never talks to it"):
        check_host(spelled(host), frozenset({host}))


@given(st.sampled_from(PRODUCTION), st.from_regex(r"[a-z0-9-]{0,12}(\.[a-z0-9]{1,8})?", fullmatch=True), st.booleans())
def test_everything_below_a_production_domain_is_refused(domain: str, name: str, capitals: bool) -> None:
    host = f"{name}.{domain}" if name else domain
    assert is_production(host.upper() if capitals else host)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.8.7", "::1", "[::1]"])
def test_this_machine_is_always_allowed(host: str) -> None:
    assert is_loopback(host)
    check_host(host)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost.contoso.example", "0.0.0.0", "10.0.0.1", "::2"])
def test_what_only_looks_like_this_machine_must_be_named(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(InputError, match="--allow-host"):
        check_host(host)


def test_another_host_is_allowed_once_it_is_named() -> None:
    with pytest.raises(InputError, match=r"add --allow-host mdm\.contoso\.example"):
        check_host("mdm.contoso.example")
    check_host("MDM.contoso.example.", frozenset({"mdm.contoso.example"}))


def test_similar_names_belong_to_others() -> None:
    for host in (
        "tech.dell.com",
        "support.hp.com",
        "notmsauth.net",
        "vm.westeurope.cloudapp.azure.com",
        "contoso.cn",
        "notmicrosoft.com",
        "microsoft.com.contoso.example",
        "livecom",
        "my-azure.community",
    ):
        assert not is_production(host)


def test_an_address_without_a_host_is_refused() -> None:
    with pytest.raises(InputError, match="no host name"):
        check_host("")
