"""Windows apps of Intune: one Struct per kind of mobileApp (formats.md 1.8)."""

from __future__ import annotations

from typing import Literal

import msgspec

from .base import Assignable, Base64, Flag, Graph

RunAs = Literal["system", "user"]
RestartBehavior = Literal["basedOnReturnCode", "allow", "suppress", "force"]
ReturnCodeType = Literal["failed", "success", "softReboot", "hardReboot", "retry"]
RuleOperator = Literal["notConfigured", "equal", "notEqual", "greaterThan", "greaterThanOrEqual", "lessThan", "lessThanOrEqual"]


class MobileAppRelationship(Graph, frozen=True, kw_only=True):
    """A dependency or supersedence; ``target_type`` child means the target is what this app needs or replaces."""

    id: str = ""
    kind: Literal["dependency", "supersedence"] = "dependency"
    target_id: str = ""
    target_display_name: str | None = None
    target_type: Literal["child", "parent", "unknownFutureValue"] = "child"
    dependency_type: Literal["detect", "autoInstall", "unknownFutureValue"] = "detect"
    supersedence_type: Literal["update", "replace", "unknownFutureValue"] = "update"


class MobileApp(Assignable, frozen=True, kw_only=True):
    """What all apps have; ``kind`` is the Graph type name, for example ``win32LobApp``."""

    kind: str = ""
    publisher: str | None = None
    publishing_state: Literal["notPublished", "processing", "published"] = "published"
    """Only published apps can be assigned; a file that does not say counts as published."""
    display_version: str | None = None
    size: int = 0
    """Bytes of the content; 0 when unknown."""
    relationships: tuple[MobileAppRelationship, ...] = ()


class InstallExperience(Graph, frozen=True, kw_only=True):
    """How an app is installed."""

    run_as_account: RunAs = "system"
    device_restart_behavior: RestartBehavior = "basedOnReturnCode"
    max_run_time_in_minutes: int = 60

    @property
    def minutes(self) -> int:
        """The time limit; 0, as tools write that leave it out, is the default of 60."""
        return self.max_run_time_in_minutes or 60


class ReturnCode(Graph, frozen=True, kw_only=True):
    """What one exit code of an installer means."""

    return_code: int = 0
    type: ReturnCodeType = "failed"


#: What the portal fills in; a code that is not listed means failed.
DEFAULT_RETURN_CODES = (
    ReturnCode(return_code=0, type="success"),
    ReturnCode(return_code=1707, type="success"),
    ReturnCode(return_code=3010, type="softReboot"),
    ReturnCode(return_code=1641, type="hardReboot"),
    ReturnCode(return_code=1618, type="retry"),
)


class AppRule(Graph, frozen=True, kw_only=True):
    """A detection or requirement rule, the same Struct for Graph's current form and for both older ones."""

    kind: Literal["file_system", "registry", "product_code", "script"] = "file_system"
    purpose: Literal["detection", "requirement"] = "detection"
    path: str = ""
    """Folder, or registry key."""
    name: str = ""
    """File or folder, registry value, product code, or the script's display name."""
    operation: str = "notConfigured"
    operator: RuleOperator = "notConfigured"
    value: str = ""
    """What to compare with; the version for a product code."""
    check32_bit: bool = False
    """Whether a 64-bit Windows looks in its 32-bit places."""
    script_content: Base64 = ""
    enforce_signature_check: bool = False
    run_as_account: RunAs = "system"


class MsiInformation(Graph, frozen=True, kw_only=True):
    """What Intune found in an MSI inside a Win32 package."""

    product_code: str | None = None
    product_version: str | None = None
    upgrade_code: str | None = None
    requires_reboot: bool = False
    package_type: Literal["perMachine", "perUser", "dualPurpose"] = "perMachine"
    product_name: str | None = None
    publisher: str | None = None


class Win32LobApp(MobileApp, frozen=True, kw_only=True):
    """A .intunewin package."""

    install_command_line: str = ""
    uninstall_command_line: str = ""
    setup_file_path: str | None = None
    file_name: str | None = None
    install_experience: InstallExperience = InstallExperience()
    return_codes: tuple[ReturnCode, ...] = DEFAULT_RETURN_CODES
    rules: tuple[AppRule, ...] = ()
    applicable_architectures: tuple[Flag, ...] = ()
    allowed_architectures: tuple[Flag, ...] = ()
    minimum_supported_windows_release: str | None = None
    """For example ``1903`` or ``Windows11_22H2``; also from the flags of minimumSupportedOperatingSystem."""
    minimum_free_disk_space_in_mb: int | None = msgspec.field(default=None, name="minimumFreeDiskSpaceInMB")
    minimum_memory_in_mb: int | None = msgspec.field(default=None, name="minimumMemoryInMB")
    minimum_number_of_processors: int | None = None
    minimum_cpu_speed_in_mhz: int | None = msgspec.field(default=None, name="minimumCpuSpeedInMHz")
    msi_information: MsiInformation | None = None

    @property
    def architectures(self) -> tuple[str, ...]:
        """The processors it may run on (x86, x64, arm64 ...); empty means any. ``allowed`` wins over ``applicable``."""
        return self.allowed_architectures or self.applicable_architectures

    @property
    def detection_rules(self) -> tuple[AppRule, ...]:
        """All of them must hold for the app to count as installed."""
        return tuple(rule for rule in self.rules if rule.purpose == "detection")

    @property
    def requirement_rules(self) -> tuple[AppRule, ...]:
        """All of them must hold for the app to apply."""
        return tuple(rule for rule in self.rules if rule.purpose == "requirement")


class Win32CatalogApp(Win32LobApp, frozen=True, kw_only=True):
    """A Win32 app from the Enterprise App Catalog."""

    mobile_app_catalog_package_id: str | None = None


class WinGetApp(MobileApp, frozen=True, kw_only=True):
    """A Microsoft Store app (new)."""

    package_identifier: str = ""
    manifest_hash: str | None = None
    install_experience: InstallExperience = InstallExperience()


class WindowsMobileMSI(MobileApp, frozen=True, kw_only=True):
    """A line-of-business MSI, delivered by MDM itself."""

    command_line: str | None = None
    product_code: str | None = None
    product_version: str | None = None
    identity_version: str | None = None
    ignore_version_detection: bool = False
    use_device_context: bool | None = None
    """None: as the package says."""


def product_of(app: MobileApp) -> str:
    """What a device knows an app by that it gets by OMA-DM: product code or package name; "" for apps of the extension.

    Intune reads the code from the package; where an export lacks it, one is made of the app's id.
    """
    if isinstance(app, WindowsMobileMSI):
        return app.product_code or "{" + app.id.upper() + "}"
    return getattr(app, "identity_name", None) or ""


def known_as(app: MobileApp) -> tuple[str, ...]:
    """Every key that a device or a scenario may know an app by, besides its display name."""
    names = (app.id, product_of(app), getattr(app, "package_identity_name", None))
    return tuple(name for name in names if name)


class OfficeSuiteApp(MobileApp, frozen=True, kw_only=True):
    """Microsoft 365 Apps."""

    auto_accept_eula: bool = False
    product_ids: tuple[Flag, ...] = ()
    excluded_apps: dict[str, bool] = msgspec.field(default_factory=dict)
    update_channel: str = "none"
    office_platform_architecture: tuple[Flag, ...] = ()
    locales_to_install: tuple[str, ...] = ()
    use_shared_computer_activation: bool = False
    install_progress_display_level: Literal["none", "full"] = "none"
    should_uninstall_older_versions_of_office: bool = False
    target_version: str | None = None
    office_configuration_xml: Base64 | None = None


class WindowsUniversalAppX(MobileApp, frozen=True, kw_only=True):
    """A line-of-business MSIX or AppX."""

    identity_name: str | None = None
    identity_version: str | None = None
    identity_publisher_hash: str | None = None
    is_bundle: bool = False
    applicable_architectures: tuple[Flag, ...] = ()
    applicable_device_types: tuple[Flag, ...] = ()


class MicrosoftStoreForBusinessApp(MobileApp, frozen=True, kw_only=True):
    """An app of the retired business store."""

    license_type: Literal["offline", "online"] = "offline"
    package_identity_name: str | None = None


class WindowsMicrosoftEdgeApp(MobileApp, frozen=True, kw_only=True):
    """Microsoft Edge."""

    channel: Literal["dev", "beta", "stable", "unknownFutureValue"] = "stable"
    display_language_locale: str | None = None


class WindowsWebApp(MobileApp, frozen=True, kw_only=True):
    """A web link."""

    app_url: str | None = None


class WindowsStoreApp(MobileApp, frozen=True, kw_only=True):
    """A link to the old store."""

    app_store_url: str | None = None
