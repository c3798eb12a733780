"""From the scenario's words to a PC: hardware, adapter, Windows, and what is on the disk before the first act."""

from __future__ import annotations

from typing import Literal

from autopilot_agent.device import Device, Hardware, NetworkAdapter, Tpm, Windows
from autopilot_agent.device.network import EVERYTHING, Vpn
from autopilot_agent.device.storage import Account
from autopilot_agent.device.windows import PRODUCT_INFO
from autopilot_agent.errors import InputError
from autopilot_agent.scenario.durations import parse_duration, parse_signed_duration
from autopilot_agent.scenario.parts import DeviceSpec, NetworkSpec, VpnSpec
from autopilot_agent.text.yaml_text import Document

FIRST_BUILD = 10240
"""The first Windows 10."""


def make_device(spec: DeviceSpec, blocked: dict[str, str], document: Document) -> Device:
    """The PC before its first act; ``blocked`` are hosts that faults close. Raises ``InputError`` for what no PC is."""
    device = Device(make_hardware(spec), make_adapter(spec.network, blocked), _windows(spec, document))
    device.disk.free_mb = spec.free_disk_mb
    device.disk.products.update(spec.products)
    device.disk.preinstalled = frozenset(spec.products)
    device.disk.files.update(dict.fromkeys(spec.files, ""))
    administrator = spec.windows.local_administrator
    if administrator:
        device.disk.accounts[administrator] = Account(administrator, "local", "administrators", "S-1-5-21-1-1-1-1001")
    device.network.client = _vpn(spec.vpn)
    for key, values in spec.registry.items():
        for name, value in values.items():
            device.disk.registry.set(key, name, value)
    return device


def _vpn(spec: VpnSpec | None) -> Vpn | None:
    if spec is None:
        return None
    drops, back = (parse_duration(text) if text else None for text in (spec.drops_after, spec.back_after))
    return Vpn(spec.client, spec.all_users, spec.certificate, spec.starts == "by itself", drops, back)


def make_hardware(spec: DeviceSpec) -> Hardware:
    """What is soldered in."""
    chip = spec.tpm
    tpm = Tpm(
        chip.present,
        chip.version,
        chip.vendor,
        chip.firmware,
        chip.attestation,
        chip.mode,
        chip.ek_certificate,
        chip.vulnerable,
        chip.old_firmware,
        chip.survives_reset,
    )
    return Hardware(
        spec.serial_number,
        spec.manufacturer,
        spec.model,
        spec.sku_number,
        spec.system_family,
        spec.product_key,
        spec.virtual_machine,
        spec.processors,
        spec.processor_mhz,
        spec.memory_mb,
        spec.architecture,
        tpm,
        dfci=spec.dfci,
    )


def make_adapter(spec: Literal["ethernet", "wifi"] | NetworkSpec, blocked: dict[str, str], since: int = 0) -> NetworkAdapter:
    """What the PC is plugged into; times of a lost link count from ``since`` (virtual milliseconds)."""
    network = NetworkSpec(kind=spec) if isinstance(spec, str) else spec
    return NetworkAdapter(
        network.kind,
        network.ssid,
        network.internet,
        network.metered,
        network.captive_portal,
        {**dict.fromkeys(network.blocked, ""), **({} if network.dns else {EVERYTHING: "NET-DNS"}), **blocked},
        max(1, network.megabits),
        since + parse_duration(network.lost_at) if network.lost_at else None,
        since + parse_duration(network.back_at) if network.back_at else None,
        domain=network.domain,
        proxy=network.proxy,
    )


def _windows(spec: DeviceSpec, document: Document) -> Windows:
    windows = spec.windows
    if windows.edition not in PRODUCT_INFO:
        raise InputError(
            f"unknown edition {windows.edition!r}: expected one of {', '.join(PRODUCT_INFO)}",
            document.place(("device", "windows", "edition")),
        )
    parts = windows.build.split(".")
    if len(parts) != 4 or not all(part.isdigit() for part in parts):
        raise InputError(
            f"build {windows.build!r} is not of the form 10.0.26100.4349", document.place(("device", "windows", "build"))
        )
    if int(parts[2]) < FIRST_BUILD or parts[:2] != ["10", "0"]:
        raise InputError(
            f"build {windows.build!r} is no Windows 10 or 11; they begin with 10.0.{FIRST_BUILD}.",
            document.place(("device", "windows", "build")),
        )
    return Windows(
        windows.edition,
        windows.build,
        tuple(windows.languages) or ("en-US",),
        windows.region,
        windows.keyboard,
        windows.wlidsvc,
        windows.oobe_restarts,
        tuple(windows.provisioning_package),
        windows.enrolled_before,
        parse_signed_duration(spec.clock_skew),
        windows.join_needs_restart,
        windows.winre,
        windows.winre_lost,
    )
