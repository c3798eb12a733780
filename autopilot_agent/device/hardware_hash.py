"""The hardware hash: what a PC says about itself in 4000 characters of base64, written and read (formats.md 3.4 and 3.5)."""

from __future__ import annotations

import binascii
import re
import struct
from functools import lru_cache
from hashlib import sha256, shake_256
from struct import Struct, pack, unpack_from
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from autopilot_agent.device.hardware import Hardware

SIZE = 3000
"""Bytes of a whole hash; divisible by three, so its base64 has no padding."""
LENGTH = 4000
"""Characters of its base64."""
MADE_AT = 788_918_400
"""Seconds since 2000-01-01 that every simulated hash is stamped with (2025-01-01): one device, one text."""

HEADER, CPU, MEMORY, CPU_MAKER, CPU_NAME, DISK, DISK_SERIAL, NETWORK = 1, 2, 5, 3, 4, 6, 7, 8
CHASSIS, DEVICE_ID, UUID, TPM_TEXT, SERIAL, FIRMWARE, MAKER, MODEL = 10, 11, 12, 13, 14, 15, 16, 17
SKU, FAMILY, VERSION, PRODUCT_KEY, EK, DISKS = 18, 19, 23, 24, 25, 28
"""Record types, as far as they are written here; the reader keeps all others as they are."""

NEEDED = {UUID: "SMBIOS UUID", NETWORK: "MAC address", DISK_SERIAL: "disk serial"}
"""Without these the service cannot tell one PC from another."""

_ARCHITECTURES = {"x64": 9, "arm64": 12, "x86": 0}
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


_HEAD = Struct("<HH")
_NETWORK = Struct("<HHI6sI6s")
_DEVICE_ID = Struct("<HHIHI32s")
_BUS = "PCI".encode("utf-16-le")


def _record(kind: int, data: bytes) -> bytes:
    return pack("<HH", kind, len(data) + 4) + data


def _text(kind: int, text: str) -> bytes:
    return _record(kind, text.encode("ascii", "replace")[:200] + b"\0")


_CHASSIS = _record(CHASSIS, pack("<BBBH", 10, 2, 0, 0))


class WrongHash(ValueError):
    """The text is no hardware hash; the message is a sentence without a full stop."""


class NotBase64(WrongHash):
    """The text is not even base64; a service refuses the whole request then."""


class HashContent(msgspec.Struct, frozen=True):
    """What a hash says. ``uuid`` and ``ek`` (hexadecimal, "" without TPM) tell one board and TPM from another."""

    serial_number: str
    manufacturer: str
    model: str
    product_key: str
    uuid: str
    ek: str
    disk_serial: str
    mac_addresses: tuple[str, ...]
    records: int
    warnings: tuple[str, ...] = ()

    def same_board(self, other: HashContent) -> bool:
        """Whether two hashes come from the same board and TPM; disks, network cards and the moment do not matter."""
        return self.uuid == other.uuid and self.ek == other.ek


def hash_of(hardware: Hardware) -> str:
    """The hash of a PC. The same hardware gives the same text."""
    it, tpm = hardware, hardware.tpm
    board = f"{it.manufacturer}|{it.model}|{it.factory_serial or it.serial_number}|{it.board}"
    bits = shake_256(board.encode()).digest(384)
    disk = b"DISK" + bits[:4].hex().upper().encode() + b"|Contoso SSD|Contoso"
    records = [
        _machine(it.architecture, it.processors, it.processor_mhz, it.memory_mb),
        _HEAD.pack(DISK_SERIAL, 4 + len(disk)),
        disk,
        _NETWORK.pack(NETWORK, 24, 14, b"\x02" + bits[4:9], 6, _BUS),
        _NETWORK.pack(NETWORK, 24, 9, b"\x02" + bits[9:14], 6, _BUS),
        _CHASSIS,
    ]
    if tpm.present:
        records += [_chip(tpm.version, tpm.vendor, tpm.firmware), _HEAD.pack(EK, 260), bits[64:320]]
    records += [
        _DEVICE_ID.pack(DEVICE_ID, 46, 0, 4, 32, bits[320:352]),
        _HEAD.pack(UUID, 20),
        bits[16:32],
        _text(SERIAL, it.serial_number),
        _make(it.manufacturer, it.model, it.sku_number, it.system_family),
    ]
    if it.product_key:
        records.append(_text(PRODUCT_KEY, it.product_key))
    records += [_HEAD.pack(DISKS, 5 + len(disk)), disk, b"\0"]
    return _sealed(b"".join(records))


@lru_cache(maxsize=256)
def _machine(architecture: str, processors: int, megahertz: int, memory_mb: int) -> bytes:
    """The records that all PCs with the same processor and memory share."""
    version = (10 << 16, 26100 << 16)  # of the tool and of Windows, major and build in the upper halves
    system = _ARCHITECTURES[architecture]
    return b"".join(
        (
            _record(HEADER, pack("<IIIIIbBBB", *version, *version, MADE_AT, 0, 2, system, 9)),
            _record(CPU, pack("<HHHHI", system, 1, processors & 0xFFFF, processors & 0xFFFF, 1)),
            _record(MEMORY, pack("<QQHHB", memory_mb // 1024, 64, 2, 0, 3)),
            _text(CPU_MAKER, "GenuineContoso"),
            _text(CPU_NAME, f"Contoso CPU @ {megahertz / 1000:.2f}GHz"),
            _record(DISK, pack("<QBBBB", 476, 17, 0, 0, 0)),
        )
    )


@lru_cache(maxsize=256)
def _chip(version: str, vendor: str, firmware: str) -> bytes:
    return _text(TPM_TEXT, f"TPM-Version:{version} -Level:0-Revision:1.59-VendorID:'{vendor:4.4}'-Firmware:{firmware}")


@lru_cache(maxsize=256)
def _make(maker: str, model: str, sku: str, family: str) -> bytes:
    texts = ((FIRMWARE, "Contoso UEFI"), (MAKER, maker), (MODEL, model), (SKU, sku), (FAMILY, family), (VERSION, "1.0"))
    return b"".join(_text(kind, text) for kind, text in texts)


def _sealed(body: bytes) -> str:
    length = 4 + len(body)
    if length > SIZE - 36:
        raise WrongHash(f"the hardware describes itself in {length} bytes, more than a hash holds")
    head = b"OA" + pack("<H", length) + body
    whole = head + b"CS" + pack("<H", 36) + sha256(head).digest()
    return binascii.b2a_base64(whole.ljust(SIZE, b"\0"), newline=False).decode()


def repaired(text: str) -> str:
    """Base64 with its padding put right, by the repair that is published: add ``=``, or turn ``==`` into ``A``."""
    for _ in range(4):
        if len(text) % 4 == 0:
            break
        text = text[:-2] + "A" if text.endswith("==") else text + "="
    return text


def read_hash(text: str) -> HashContent:
    """What a hash says; raises ``WrongHash`` for what is none. A service that only looks at base64 is stricter on padding."""
    if not text:
        raise WrongHash("it is empty")
    if not _BASE64.fullmatch(text):
        position = _BASE64.match(text).end()  # type: ignore[union-attr]  # the pattern matches the empty text
        raise NotBase64(f"it is not base64: {text[position : position + 1]!r} at character {position + 1}")
    if len(text) % 4:
        raise NotBase64(f"its base64 has {len(text)} characters, which is not divisible by 4; the padding is missing or wrong")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error as error:
        raise NotBase64(f"it is not base64: {str(error).lower()}") from None
    if data[:2] != b"OA" or len(data) < 8:
        raise WrongHash("it is base64, but not of a hardware hash, which begins with OA")
    try:
        return _content(data)
    except struct.error:
        raise WrongHash("it is cut off inside a record") from None


def _content(data: bytes) -> HashContent:
    (length,) = unpack_from("<H", data, 2)
    if length > len(data):
        raise WrongHash(f"it is cut off: {length} bytes are announced, {len(data)} are there")
    found: dict[int, bytes] = {}
    addresses: list[str] = []
    position, count = 4, 0
    while position < length:
        kind, size = unpack_from("<HH", data, position)
        if size < 4 or position + size > length:
            raise WrongHash(f"its record {kind} at byte {position} does not fit")
        content = data[position + 4 : position + size]
        found.setdefault(kind, content)
        if kind == NETWORK and len(content) >= 10:
            addresses.append(content[4:10].hex(":"))
        position += size
        count += 1
    return HashContent(
        _shown(found.get(SERIAL)),
        _shown(found.get(MAKER)),
        _shown(found.get(MODEL)),
        _shown(found.get(PRODUCT_KEY)),
        found.get(UUID, b"").hex(),
        found.get(EK, b"").hex(),
        _shown(found.get(DISK_SERIAL)).partition("|")[0],
        tuple(addresses),
        count,
        tuple(_doubts(data, length, found)),
    )


def _doubts(data: bytes, length: int, found: dict[int, bytes]) -> list[str]:
    """What a careful reader would say about a hash that can be read."""
    said = []
    if data[length : length + 2] != b"CS":
        said.append("its checksum is missing")
    elif data[length + 4 : length + 36] != sha256(data[:length]).digest():
        said.append("its checksum does not fit: something was changed in it")
    if len(data) != SIZE:
        said.append(f"it has {len(data)} bytes instead of {SIZE}: an old tool, or a text that was cut off")
    missing = [name for kind, name in NEEDED.items() if kind not in found]
    if missing:
        said.append(f"it does not name the {' and the '.join(missing)}, which the service needs")
    return said


def _shown(data: bytes | None) -> str:
    return "" if data is None else data.split(b"\0", 1)[0].decode("ascii", "replace").strip()
