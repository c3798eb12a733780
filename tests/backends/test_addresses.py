"""The table of servers: which address serves which of the hosts that Windows asks."""

from __future__ import annotations

import pytest

from autopilot_agent.backends.addresses import MEMORY, SERVICES, Addresses, read_address, read_table
from autopilot_agent.errors import InputError, Unreachable
from autopilot_agent.service import CALLS

BASE = "https://localhost:8443"


def test_one_base_serves_every_host() -> None:
    table = Addresses(BASE)
    assert table.url("https://ztd.dds.microsoft.com/ztd/device/X?a=b") == BASE + "/ztd/device/X?a=b"
    assert table.url("http://www.msftconnecttest.com/connecttest.txt") == BASE + "/connecttest.txt"
    assert table.url("https://r.manage.microsoft.com") == BASE


def test_a_service_has_an_address_of_its_own() -> None:
    table = Addresses(BASE, read_table(["manage=http://127.0.0.1:9", "enrollment=memory"]))
    assert table.url("https://r.manage.microsoft.com/x") == "http://127.0.0.1:9/x"
    assert table.place_of("enrollment.manage.microsoft.com") == MEMORY
    assert table.place_of("login.microsoftonline.com") == BASE
    assert table.bases() == [BASE, "http://127.0.0.1:9"]


def test_a_single_host_wins_over_its_service() -> None:
    table = Addresses("", read_table(["ime=https://localhost:1", "manage.microsoft.com=https://localhost:2"]))
    assert table.place_of("manage.microsoft.com") == "https://localhost:2"
    assert table.place_of("swda01-mscdn.manage.microsoft.com") == "https://localhost:1"


def test_a_host_that_nobody_maps_is_asked_under_its_own_name() -> None:
    url = "https://mdm.contoso.example/ManagementServer/MDM.svc?x=1"
    assert Addresses("", {}).url(url) == url
    assert Addresses("", {}).place_of("mdm.contoso.example") is None


@pytest.mark.parametrize(
    "text", ["", "localhost:8443", "ftp://localhost", "https://", "https://localhost:99999", "https://localhost:0",
             "https://a@localhost", "https://localhost/?x=1", "https://localhost/#x", "https://[::1",
             "https:// localhost", "https://local host", "https://localhost\n", "https://a..b", "https://localhost\\x",
             "https:/x"],
)  # fmt: skip
def test_a_wrong_address_is_one_sentence(text: str) -> None:
    with pytest.raises(InputError, match="https://localhost:8443"):
        read_address(text)


def test_an_address_without_a_scheme_is_told_to_have_one() -> None:
    with pytest.raises(InputError, match="with http:// or https:// before the host"):
        read_address("localhost:8443")


@pytest.mark.parametrize("url", ["https://[::1/x", "https://[x]/", "https://local\nhost/x"])
def test_a_url_that_a_server_named_and_is_none_is_what_windows_shows_for_one(url: str) -> None:
    with pytest.raises(Unreachable) as caught:
        Addresses(BASE).url(url)
    assert caught.value.code == "0x80072EE5"


def test_a_scheme_and_a_host_may_be_written_large() -> None:
    assert read_address("HTTPS://Localhost:8443/Mdm") == "https://Localhost:8443/Mdm"
    assert read_address("http://[::1]:8443") == "http://[::1]:8443"
    assert read_address("https://b\u00fccher.example") == "https://b\u00fccher.example"


def test_an_address_keeps_its_path_and_loses_its_slash() -> None:
    assert read_address("https://localhost:8443/mdm/") == "https://localhost:8443/mdm"


@pytest.mark.parametrize("pair", ["manage", "=https://localhost", "manga=https://localhost", "manage=localhost"])
def test_a_wrong_pair_is_one_sentence(pair: str) -> None:
    with pytest.raises(InputError, match="--map"):
        read_table([pair])


def test_a_service_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        read_table(["manage=memory", "MANAGE=memory"])


def test_every_protocol_host_belongs_to_one_service() -> None:
    from autopilot_agent.wire.table import FLOWS

    hosts = [host for group in SERVICES.values() for host in group]
    assert len(hosts) == len(set(hosts))
    assert {kind.host for kind in FLOWS} - {"domain-controller"} <= set(hosts)  # LDAP: only a tenant of ours speaks for it
    assert all(kind.host for kind in CALLS.values())
