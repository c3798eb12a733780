"""Calls before anybody signs in: connectivity, time, the Autopilot profile, activation, Windows Update."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from autopilot_agent.service.base import Answer, Call, Done


class ProbeConnectivity(Call[Done], frozen=True, gc=False):
    """NCSI: fetch the connectivity test page over plain HTTP."""

    host: ClassVar[str] = "www.msftconnecttest.com"
    rule: ClassVar[str] = "NET-NCSI"
    takes: ClassVar[str] = "connectivity"


class NetworkTime(Answer, frozen=True, gc=False):
    """What the time server says; the device's error in milliseconds is then corrected."""

    offset: int = 0


class SynchronizeTime(Call[NetworkTime], frozen=True, gc=False):
    """NTP, UDP 123."""

    host: ClassVar[str] = "time.windows.com"
    rule: ClassVar[str] = "NET-NTP"


class GetDeviceTicket(Call[Done], frozen=True, gc=False):
    """The device identity ticket that the profile request carries; wlidsvc gets it."""

    host: ClassVar[str] = "login.live.com"
    rule: ClassVar[str] = "NET-ZTD"

    hardware_hash: str


class CloudAssignedProfile(Answer, frozen=True, gc=False, rename="pascal"):
    """The profile as the Autopilot service returns it and the device caches it; names as in the JSON file (flows.md 2.4)."""

    autopilot_service_correlation_id: str = ""
    ztd_registration_id: str = ""
    aad_device_id: str = ""
    cloud_assigned_tenant_id: str = ""
    cloud_assigned_tenant_domain: str = ""
    cloud_assigned_tenant_upn: str = ""
    cloud_assigned_mdm_id: str = ""
    cloud_assigned_oobe_config: int = 0
    cloud_assigned_domain_join_method: int = 0
    cloud_assigned_forced_enrollment: int = 0
    cloud_assigned_device_name: str = ""
    cloud_assigned_language: str = ""
    cloud_assigned_region: str = ""
    cloud_assigned_autopilot_update_disabled: int = 1
    cloud_assigned_autopilot_update_timeout: int = 1_800_000
    cloud_assigned_privacy_diagnostics: int = 0
    cloud_assigned_aad_server_data: str = ""
    ztd_correlation_id: str = ""
    hybrid_join_skip_dc_connectivity_check: int = msgspec.field(name="HybridJoinSkipDCConnectivityCheck", default=0)
    deployment_profile_name: str = ""
    is_explicit_profile_assignment: bool = True

    @property
    def offline(self) -> bool:
        """Whether it came from AutopilotConfigurationFile.json: only such a profile has a correlation id."""
        return bool(self.ztd_correlation_id)

    @property
    def self_deploying(self) -> bool:
        """Bits 32 and 64 of the OOBE configuration always come together."""
        return self.cloud_assigned_oobe_config & 0x60 == 0x60


class DownloadProfile(Call[CloudAssignedProfile], frozen=True, gc=False):
    """Ask the Autopilot service for the profile of this hardware. Refused with 807, 809, 815 or 908."""

    host: ClassVar[str] = "ztd.dds.microsoft.com"
    rule: ClassVar[str] = "NET-ZTD"
    takes: ClassVar[str] = "profile-download"

    hardware_hash: str
    serial_number: str
    product_key: str
    manufacturer: str
    model: str
    os_version: str
    os_edition: int


class Activate(Call[Done], frozen=True, gc=False):
    """Windows activation."""

    host: ClassVar[str] = "activation.sls.microsoft.com"
    rule: ClassVar[str] = "NET-ACTIVATION"
    takes: ClassVar[str] = "activation"


class Update(msgspec.Struct, frozen=True, gc=False):
    """One update on offer; ``milliseconds`` is download and installation."""

    kb: str
    title: str
    milliseconds: int
    restart: bool


class UpdatesFound(Answer, frozen=True, gc=False):
    """What Windows Update has to offer."""

    updates: tuple[Update, ...] = ()


class ScanForUpdates(Call[UpdatesFound], frozen=True, gc=False):
    """Scan for ``critical`` (drivers, zero-day patches), ``autopilot`` (the update node) or ``quality`` updates."""

    host: ClassVar[str] = "fe3.delivery.mp.microsoft.com"
    rule: ClassVar[str] = "NET-WU"
    takes: ClassVar[str] = "update-check"

    kind: str
    installed: tuple[str, ...] = ()


class UploadDiagnostics(Call[Done], frozen=True, gc=False):
    """Logs that Windows sends by itself after a failure."""

    host: ClassVar[str] = "lgmsapeweu.blob.core.windows.net"
    rule: ClassVar[str] = "NET-DIAGNOSTICS"
