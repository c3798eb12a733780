"""LocURIs that both sides of the ESP talk about: what the MDM server sends, the page reads and the extension writes."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

TRACKING = "Vendor/MSFT/EnrollmentStatusTracking"
PROVIDERS = f"./Device/{TRACKING}/DevicePreparation/PolicyProviders"
SIDECAR = "Sidecar"
CONFIGMGR = "ConfigMgr"
CONFIGMGR_PRODUCT = "{9C0AE69B-0000-4000-8000-00000000CC51}"
CONFIGMGR_NAME = "ConfigMgr client"
"""The bootstrap MSI of the Configuration Manager client has a product code that is ours, and a name that scenarios use."""

DOMAIN_JOIN_BLOB = "./Vendor/MSFT/OfflineDomainJoin/Blob"

LIST_SEPARATOR = "\uf000"
"""Between the items of a list value (protocols.md 12.3)."""


@lru_cache(maxsize=64)
def first_sync(provider: str, user: bool = False) -> str:
    """The FirstSyncStatus node of an MDM provider, in device or user scope."""
    return f"./{'User' if user else 'Device'}/Vendor/MSFT/DMClient/Provider/{quote(provider, safe='')}/FirstSyncStatus"


def scope(phase: str) -> str:
    """``./Device`` or ``./User`` for the phase device or account."""
    return "./User" if phase == "account" else "./Device"


@lru_cache(maxsize=4096)
def tracked_app(phase: str, provider: str, app: str) -> str:
    """The tracking node of one app."""
    return f"{scope(phase)}/{TRACKING}/Setup/Apps/Tracking/{provider}/{app}"


@lru_cache(maxsize=64)
def app_provider(phase: str, provider: str) -> str:
    """The node of a provider that lists apps."""
    return f"{scope(phase)}/{TRACKING}/Setup/Apps/PolicyProviders/{provider}"
