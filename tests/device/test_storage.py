"""Disk and memory: a restart keeps the one and takes the other."""

from __future__ import annotations

import msgspec
import pytest

from autopilot_agent.device import NetworkAdapter
from autopilot_agent.device.storage import Disk, Memory
from autopilot_agent.testing import small_device


def test_a_restart_keeps_the_disk_and_takes_the_memory() -> None:
    device = small_device()
    device.disk.computer_name = "PC-1"
    device.disk.registry.set("HKLM\\X", "Y", 1)
    device.disk.csp.write("./DevDetail/SwV", "10.0")
    device.memory.credentials = "cached"
    device.memory.reboot_reasons.append("policy")
    disk = device.disk
    device.lose_memory()
    assert device.disk is disk
    assert device.disk.computer_name == "PC-1"
    assert device.disk.registry.get("HKLM\\X", "Y") == 1
    assert device.disk.csp.read("./DevDetail/SwV") == "10.0"
    assert device.memory == Memory()


def test_a_restart_ends_the_user_context_and_the_connection() -> None:
    device = small_device()
    device.network.connected = True
    device.disk.csp.user_sid = "S-1-12-1-1-2-3-4"
    device.lose_memory()
    assert not device.network.connected
    assert device.disk.csp.apply("Get", "./User/Vendor/MSFT/Policy/Config/Experience/AllowCortana") == (405, None)


def test_a_restart_counts_as_a_boot() -> None:
    device = small_device()
    boots = device.disk.boots
    device.lose_memory()
    assert device.disk.boots == boots + 1


@pytest.mark.parametrize("make", [Disk, Memory])
def test_two_devices_share_nothing(make: type[Disk] | type[Memory]) -> None:
    one, other = (msgspec.structs.asdict(make()) for _ in range(2))
    shared = [name for name, value in one.items() if value is other[name] and isinstance(value, dict | list | set)]
    assert shared == []


def test_a_new_pc_has_the_account_of_oobe_alone() -> None:
    assert list(Disk().accounts) == ["defaultuser0"]


def test_the_hardware_hash_belongs_to_the_hardware() -> None:
    one, same = small_device().hardware, small_device().hardware
    other = small_device({"device.serial_number": "5CG0000002"}).hardware
    assert one.hash == same.hash != other.hash


@pytest.mark.parametrize(
    ("host", "closed"),
    [
        ("login.microsoftonline.com", "login.microsoftonline.com"),
        ("a.manage.microsoft.com", "*.manage.microsoft.com"),
        ("a.b.manage.microsoft.com", "*.manage.microsoft.com"),
        ("manage.microsoft.com", "*.manage.microsoft.com"),
        ("xmanage.microsoft.com", None),
        ("live.com", None),
    ],
)
def test_a_firewall_closes_hosts_by_name_and_by_star(host: str, closed: str | None) -> None:
    adapter = NetworkAdapter(blocked={"login.microsoftonline.com": "", "*.manage.microsoft.com": "F-38"})
    assert adapter.closed(host) == closed


def test_a_link_is_lost_and_comes_back() -> None:
    adapter = NetworkAdapter(lost_at=1000, back_at=2000)
    assert [adapter.link(now) for now in (0, 999, 1000, 1999, 2000)] == [True, True, False, False, True]
    assert not NetworkAdapter(lost_at=1000).link(10**9)


def test_a_download_takes_as_long_as_the_line_allows() -> None:
    assert NetworkAdapter(megabits=100).milliseconds(100_000_000) == 8_000
    assert NetworkAdapter(megabits=100).milliseconds(0) == 0
