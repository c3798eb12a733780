"""Enrollment configurations: Enrollment Status Page, limits, restrictions, Windows Hello (formats.md 1.3)."""

from __future__ import annotations

from typing import Literal

from .base import Assignable, Graph

PinUsage = Literal["allowed", "required", "disallowed"]
Enablement = Literal["notConfigured", "enabled", "disabled"]


class EnrollmentConfiguration(Assignable, frozen=True, kw_only=True):
    """Base of the configurations; a smaller ``priority`` is stronger, except for the built-in default."""

    priority: int | None = None
    """None when the file has none."""
    version: int | None = None
    is_default: bool = False
    """Whether it is the tenant's built-in configuration, which applies when no other does."""


class EspConfiguration(EnrollmentConfiguration, frozen=True, kw_only=True):
    """windows10EnrollmentCompletionPageConfiguration; read the values only when ``settings_known``."""

    settings_known: bool = True
    """False for a v1.0 export, which lacks everything below but ``allow_non_blocking_app_installation``."""
    show_installation_progress: bool = False
    install_progress_timeout_in_minutes: int = 60
    custom_error_message: str | None = None
    allow_log_collection_on_install_failure: bool = False
    track_install_progress_for_autopilot_only: bool = False
    block_device_setup_retry_by_user: bool = False
    """Inverted in the portal: false means "block device use until all apps and profiles are installed"."""
    allow_device_reset_on_install_failure: bool = False
    allow_device_use_on_install_failure: bool = False
    selected_mobile_app_ids: tuple[str, ...] = ()
    """The apps that block; empty means all assigned ones. IntuneCD's selectedMobileAppNames are resolved to ids."""
    allow_non_blocking_app_installation: bool = False
    install_quality_updates: bool = False
    disable_user_status_tracking_after_first_user: bool = False


class DeviceEnrollmentLimitConfiguration(EnrollmentConfiguration, frozen=True, kw_only=True):
    """How many devices a person may enroll."""

    limit: int = 5


class PlatformRestriction(Graph, frozen=True, kw_only=True):
    """What may not enroll on one platform."""

    platform_blocked: bool = False
    personal_device_enrollment_blocked: bool = False
    os_minimum_version: str | None = None
    os_maximum_version: str | None = None
    blocked_manufacturers: tuple[str, ...] = ()
    blocked_skus: tuple[str, ...] = ()


class DeviceEnrollmentPlatformRestrictionsConfiguration(EnrollmentConfiguration, frozen=True, kw_only=True):
    """The restrictions of all platforms in one; the part for other platforms is not read."""

    windows_restriction: PlatformRestriction = PlatformRestriction()
    windows_home_sku_restriction: PlatformRestriction | None = None


class DeviceEnrollmentPlatformRestrictionConfiguration(EnrollmentConfiguration, frozen=True, kw_only=True):
    """The restriction of a single platform."""

    platform_type: str = "allPlatforms"
    platform_restriction: PlatformRestriction = PlatformRestriction()


class DeviceEnrollmentWindowsHelloForBusinessConfiguration(EnrollmentConfiguration, frozen=True, kw_only=True):
    """Windows Hello for Business in setup."""

    state: Enablement = "notConfigured"
    security_device_required: bool = False
    pin_minimum_length: int = 6
    pin_maximum_length: int = 127
    pin_uppercase_characters_usage: PinUsage = "disallowed"
    pin_lowercase_characters_usage: PinUsage = "disallowed"
    pin_special_characters_usage: PinUsage = "disallowed"
    pin_previous_block_count: int = 0
    pin_expiration_in_days: int = 0
    unlock_with_biometrics_enabled: bool = True
    remote_passport_enabled: bool = True
    enhanced_biometrics_state: Enablement = "notConfigured"


class DeviceComanagementAuthorityConfiguration(EnrollmentConfiguration, frozen=True, kw_only=True):
    """Whether setup installs the Configuration Manager client."""

    install_configuration_manager_agent: bool = False
    configuration_manager_agent_command_line_argument: str | None = None
    managed_device_authority: int = 0


AnyEnrollmentConfiguration = (
    EspConfiguration
    | DeviceEnrollmentLimitConfiguration
    | DeviceEnrollmentPlatformRestrictionsConfiguration
    | DeviceEnrollmentPlatformRestrictionConfiguration
    | DeviceEnrollmentWindowsHelloForBusinessConfiguration
    | DeviceComanagementAuthorityConfiguration
)
