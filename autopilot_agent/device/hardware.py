"""What is soldered in: identity from the firmware tables, processor, memory, TPM."""

from __future__ import annotations

import base64
import hashlib
from functools import cached_property, lru_cache

import msgspec


class Tpm(msgspec.Struct, frozen=True):
    """The security chip, physical or virtual."""

    present: bool = True
    version: str = "2.0"
    vendor: str = "INTC"
    firmware: str = "600.18"
    attestation: bool = True


class Hardware(msgspec.Struct, frozen=True, dict=True):
    """Sizes in MB, clock in MHz, architecture x64, x86 or arm64."""

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
    dfci: bool = False

    @cached_property
    def hash(self) -> str:
        """A stand-in for the hardware hash: base64, the same for the same hardware. The real layout is formats.md 3.5."""
        return _hash("|".join((self.manufacturer, self.model, self.serial_number, self.sku_number, self.product_key)))


@lru_cache(maxsize=256)
def _hash(identity: str) -> str:
    return base64.b64encode(hashlib.sha256(identity.encode()).digest()).decode()
