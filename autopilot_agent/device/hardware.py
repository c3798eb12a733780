"""What is soldered in: identity from the firmware tables, processor, memory, TPM."""

from __future__ import annotations

from functools import cached_property, lru_cache

import msgspec

from autopilot_agent.device.hardware_hash import hash_of


class Tpm(msgspec.Struct, frozen=True):
    """The security chip, physical or virtual."""

    present: bool = True
    version: str = "2.0"
    vendor: str = "INTC"
    firmware: str = "600.18"
    attestation: bool = True


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
