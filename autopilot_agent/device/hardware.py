"""What is soldered in: identity from the firmware tables, processor, memory, TPM."""

from __future__ import annotations

from functools import cached_property, lru_cache

import msgspec

from autopilot_agent.device.hardware_hash import hash_of

FIRMWARE_TPMS = ("INTC", "AMD", "QCOM")
"""Vendors whose TPMs live in the processor's firmware and have no certificate of their own: the vendor's host has it."""


class Tpm(msgspec.Struct, frozen=True):
    """The security chip, physical or virtual.

    ``version`` is what it can do, ``mode`` what it runs as at present ("" the same). ``ek_certificate`` is ``stored`` in the
    chip's own memory, ``fetched`` from the vendor's host, ``missing``, or "" for what is usual for the vendor.
    """

    present: bool = True
    version: str = "2.0"
    vendor: str = "INTC"
    firmware: str = "600.18"
    attestation: bool = True
    mode: str = ""
    ek_certificate: str = ""
    vulnerable: bool = False
    old_firmware: bool = False
    survives_reset: bool = True

    @property
    def running(self) -> str:
        """The specification that it runs as."""
        return self.mode or self.version

    @property
    def certificate_place(self) -> str:
        """Where the endorsement key's certificate is: stored, fetched or missing."""
        return self.ek_certificate or ("fetched" if self.vendor in FIRMWARE_TPMS else "stored")


class Hardware(msgspec.Struct, frozen=True, dict=True):
    """Sizes in MB, clock in MHz, architecture x64, x86 or arm64.

    ``board`` counts motherboards: another one has another identity and another TPM, whatever is written into its firmware.
    ``factory_serial`` is the serial number that the PC left the factory with ("": the present one).
    """

    serial_number: str
    manufacturer: str
    model: str
    sku_number: str
    system_family: str
    product_key: str
    virtual_machine: bool
    processors: int
    processor_mhz: int
    memory_mb: int
    architecture: str
    tpm: Tpm
    board: int = 1
    factory_serial: str = ""
    dfci: bool = False

    @cached_property
    def hash(self) -> str:
        """The hardware hash, 4000 characters; made when first asked for, and once for all PCs of the same make and number."""
        return _remembered(self)


_remembered = lru_cache(maxsize=4096)(hash_of)
