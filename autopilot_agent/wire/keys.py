"""Private keys of the device: made anew as Windows does, or taken from a pool where only speed matters."""

from __future__ import annotations

import threading
from zlib import crc32

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

BITS = 2048
POOL = 8
"""Keys of a pool. Several devices may get the same one; it is for devices that are not told apart by their keys."""

_pool: dict[tuple[int, int], rsa.RSAPrivateKey] = {}
_lock = threading.Lock()


class KeySource:
    """Where keys come from. ``pooled`` ones are made once per process and given out by name: no run waits for them."""

    def __init__(self, *, pooled: bool = False, pool: int = POOL) -> None:
        self.pooled = pooled
        self.pool = pool

    def make(self, *names: str | int, bits: int = BITS) -> rsa.RSAPrivateKey:
        """A key of RSA for a purpose; equal names get equal keys of a pool."""
        if not self.pooled:
            return rsa.generate_private_key(65537, bits)
        number = bits, crc32("/".join(map(str, names)).encode()) % self.pool
        with _lock:
            if number not in _pool:
                _pool[number] = rsa.generate_private_key(65537, bits)
            return _pool[number]


def to_pem(key: rsa.RSAPrivateKey) -> bytes:
    """A key as PEM (PKCS#8, not encrypted)."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
