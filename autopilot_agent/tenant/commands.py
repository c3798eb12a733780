"""What Intune sends to a device: policies, certificates, network profiles and apps of Graph as SyncML commands."""

from __future__ import annotations

from urllib.parse import quote

from autopilot_agent.service.ime import IME_PRODUCT
from autopilot_agent.service.management import Command
from autopilot_agent.service.uris import (
    CONFIGMGR,
    CONFIGMGR_PRODUCT,
    LIST_SEPARATOR,
    PROVIDERS,
    SIDECAR,
    app_provider,
    first_sync,
)
from autopilot_agent.tenant.graph.apps import (
    MicrosoftStoreForBusinessApp,
    MobileApp,
    OfficeSuiteApp,
    Win32LobApp,
    WindowsMicrosoftEdgeApp,
    WindowsMobileMSI,
    WindowsUniversalAppX,
    WinGetApp,
    product_of,
)
from autopilot_agent.tenant.graph.enrollment import EspConfiguration
from autopilot_agent.tenant.policies import DFCI, Setting, settings_of
from autopilot_agent.tenant.state import EnrolledDevice, TenantState
from autopilot_agent.tenant.targeting import AssignedApp

PROVIDER = "MS DM Server"
BY_EXTENSION = (Win32LobApp, WinGetApp)
"""Kinds of apps that the Intune Management Extension installs; a tuple, because unions are made anew at each use."""
BY_PACKAGE = (WindowsUniversalAppX, MicrosoftStoreForBusinessApp)
"""Kinds of apps whose assignment says whether they are for the device or for its user."""
MOST_MINUTES = 1440
"""The longest time that a policy provider can be given."""
IN_DEVICE_CONTEXT = (*BY_EXTENSION, WindowsMobileMSI)
"""Kinds that say themselves whether they install for the device; of the assigned user only these come early."""
IME_URL = "https://naprodimedatapri.azureedge.net/IntuneWindowsAgent.msi"


CONFIGMGR_URL = "https://naprodimedatapri.azureedge.net/ccmsetup.msi"


class Maker:
    """Makes commands with ids that are unique within an enrolment."""

    def __init__(self, device: EnrolledDevice) -> None:
        self._device = device

    def _id(self) -> int:
        found = self._device.next_command
        self._device.next_command = found + 1
        return found

    def get(self, uri: str) -> Command:
        """Read a node."""
        return Command(self._id(), "Get", uri)

    def add(self, uri: str, value: str = "", fmt: str = "chr") -> Command:
        """Create a node."""
        return Command(self._id(), "Add", uri, value, fmt)

    def replace(self, uri: str, value: str, fmt: str = "chr") -> Command:
        """Set a node."""
        return Command(self._id(), "Replace", uri, value, fmt)

    def execute(self, uri: str, value: str = "", fmt: str = "chr") -> Command:
        """Run a node."""
        return Command(self._id(), "Exec", uri, value, fmt)

    def atomic(self, children: list[Command]) -> Command:
        """All or nothing."""
        return Command(self._id(), "Atomic", "", children=tuple(children))

    def setting(self, setting: Setting) -> Command:
        """A policy setting as a command."""
        return Command(self._id(), setting.verb, setting.uri, setting.value, setting.format)


def untracked(device: EnrolledDevice, app: MobileApp) -> bool:
    """Whether an app is for a hybrid device and installs in a user's context: the page never waits for it (APP-HYBRID-USER)."""
    if not device.domain_join or not any(one.app is app and one.target == "device" for one in device.apps):
        return False
    if isinstance(app, BY_EXTENSION):
        return app.install_experience.run_as_account == "user"
    return isinstance(app, BY_PACKAGE) and app in required(device, "account")


def needs_extension(device: EnrolledDevice) -> bool:
    """Whether anything for the Intune Management Extension is assigned."""
    return any(isinstance(one.app, BY_EXTENSION) for one in device.apps)


def preparation(state: TenantState, device: EnrolledDevice, make: Maker) -> list[Command]:
    """Device preparation: announce the policy provider, then send the extension's MSI (protocols.md 15.5)."""
    second = _unsupported_configmgr if device.domain_join else _configmgr
    return _extension(state, device, make) + second(state, device, make)


def _unsupported_configmgr(state: TenantState, device: EnrolledDevice, make: Maker) -> list[Command]:
    """Co-management of a hybrid device is not supported: the provider is announced and nothing ever becomes of it (F-39)."""
    settings = state.targeting.comanagement(device.device_groups, None)
    if settings is None or not settings.install_configuration_manager_agent:
        return []
    provider = f"{PROVIDERS}/{CONFIGMGR}"
    return [
        make.add(provider, "", "node"),
        make.add(provider + "/InstallationState", "1", "int"),
        make.add(provider + "/Timeout", str(MOST_MINUTES), "int"),
    ]


def _extension(state: TenantState, device: EnrolledDevice, make: Maker) -> list[Command]:
    provider = f"{PROVIDERS}/{SIDECAR}"
    scripts = state.targeting.assigned_scripts(device.device_groups, device.user_groups)
    if not needs_extension(device) and not scripts:
        return [make.add(provider, "", "node"), make.add(provider + "/InstallationState", "2", "int")]
    return [
        make.add(provider, "", "node"),
        make.add(provider + "/InstallationState", "1", "int"),
        make.add(provider + "/TrackedResourceTypes/Apps", "true", "bool"),
        make.add(app_provider("device", SIDECAR), "", "node"),
        *_extension_package(make),
    ]


def _extension_package(make: Maker) -> list[Command]:
    node = _msi_node(IME_PRODUCT, "device")
    return [
        make.add(node + "/DownloadInstall", "", "xml"),
        make.execute(node + "/DownloadInstall", _msi_job(IME_PRODUCT, "1.0", IME_URL, "/quiet"), "xml"),
    ]


def extension_is_late(state: TenantState, device: EnrolledDevice) -> bool:
    """Whether a device that had no use for the extension so far needs it now that a user has come."""
    had = any(isinstance(one.app, BY_EXTENSION) for one in device.first_apps)
    return device.userless and needs_extension(device) and not had and not state.targeting.assigned_scripts(
        device.device_groups, None
    )


def _configmgr(state: TenantState, device: EnrolledDevice, make: Maker) -> list[Command]:
    """Co-management: a second provider with a time of its own (Q-21), and the bootstrap MSI of its client (rule COMANAGE)."""
    settings = state.targeting.comanagement(device.device_groups, device.user_groups)
    if settings is None or not settings.install_configuration_manager_agent:
        return []
    provider = f"{PROVIDERS}/{CONFIGMGR}"
    node = _msi_node(CONFIGMGR_PRODUCT, "device")
    arguments = settings.configuration_manager_agent_command_line_argument or "CCMHOSTNAME=cmg.contoso.example/CCM_Proxy"
    minutes = state.assumptions.get("Q-21", "30 minutes").partition(" ")[0]
    return [
        make.add(provider, "", "node"),
        make.add(provider + "/InstallationState", "1", "int"),
        make.add(provider + "/Timeout", minutes, "int"),
        make.add(node + "/DownloadInstall", "", "xml"),
        make.execute(node + "/DownloadInstall", _msi_job(CONFIGMGR_PRODUCT, "5.0", CONFIGMGR_URL, arguments), "xml"),
    ]


def device(state: TenantState, device: EnrolledDevice, make: Maker) -> list[list[Command]]:
    """Device setup: everything targeted at the device, the lists to wait for, then "finished"."""
    batches = _phase(state, device, make, "device")
    if device.preprovisioned and not device.technician and needs_extension(device):  # the user flow: Reseal took the node away
        batches[0].insert(0, make.add(app_provider("device", SIDECAR), "", "node"))
    return batches


def account(state: TenantState, device: EnrolledDevice, make: Maker) -> list[list[Command]]:
    """Account setup: the same for what is targeted at the user."""
    batches = _phase(state, device, make, "account")
    if device.userless:  # nobody was there when the device's part was sent
        batches[0][:0] = [make.setting(setting) for setting in _hello(state, device)]
    if needs_extension(device):
        batches[0].insert(0, make.add(app_provider("account", SIDECAR), "", "node"))
    if extension_is_late(state, device):
        batches[0][:0] = _extension_package(make)
    return batches


def _phase(state: TenantState, device: EnrolledDevice, make: Maker, phase: str) -> list[list[Command]]:
    target = "user" if phase == "account" else "device"
    first: list[Command] = []
    certificates: list[str] = []
    networks: list[str] = []
    tracked = [first_sync(PROVIDER).rpartition("/")[0] + "/EntDMID"]
    if phase == "device":
        first.extend(make.setting(setting) for setting in _hello(state, device))
    for assigned in device.policies:
        if assigned.target != target or not wants_firmware(state, assigned.policy):
            continue
        for setting in settings_of(assigned.policy, target):
            if setting.group:
                first.append(make.atomic([make.setting(child) for child in setting.group]))
            else:
                first.append(make.setting(setting))
            if setting.expect == "certificate":
                certificates.append(setting.expected_uri)
            elif setting.expect == "network":
                networks.append(setting.expected_uri)
            elif setting.expect == "policy":
                tracked.append(setting.expected_uri)
    packages, modern, apps = _apps(state, device, make, phase)
    root = first_sync(PROVIDER, user=phase == "account")
    lists: list[Command] = []
    for name, uris in (
        ("ExpectedPolicies", tracked),
        ("ExpectedSCEPCerts", certificates),
        ("ExpectedNetworkProfiles", networks),
        ("ExpectedMSIAppPackages", packages),
        ("ExpectedModernAppPackages", modern),
    ):
        if uris:
            lists.append(make.replace(f"{root}/{name}", LIST_SEPARATOR.join(uris)))
    lists.append(make.replace(root + "/ServerHasFinishedProvisioning", "true", "bool"))
    return [first + apps, lists]


def wants_firmware(state: TenantState, policy: object) -> bool:
    """Firmware settings go only to devices that their maker or a partner registered (rule DFCI-REGISTERED)."""
    return getattr(policy, "kind", "") != DFCI or state.conditions.registered_by != "administrator"


def _apps(state: TenantState, device: EnrolledDevice, make: Maker, phase: str) -> tuple[list[str], list[str], list[Command]]:
    """LOB, Store and Office apps by OMA-DM: the Expected lists of those that block, and the commands for all."""
    packages: list[str] = []
    modern: list[str] = []
    sent: list[Command] = []
    blocking = blocking_ids(device, phase, default_page(state))
    for app in required(device, phase):
        tracked = (blocking is None or app.id in blocking) and not untracked(device, app)
        if device.technician and not tracked and not device.esp.allow_non_blocking_app_installation:
            continue  # the technician's part tries only what blocks (ESP-TECHNICIAN-APPS)
        if isinstance(app, WindowsMobileMSI):
            product = product_of(app)
            node = _msi_node(product, phase)
            job = _msi_job(product, app.product_version or "1.0", f"https://cdn.contoso.example/{app.id}.msi", app.command_line)
            sent += [make.add(node + "/DownloadInstall", "", "xml"), make.execute(node + "/DownloadInstall", job, "xml")]
            if tracked:
                packages.append(node + "/Status;1")
        elif isinstance(app, OfficeSuiteApp):
            node = f"./{'User' if phase == 'account' else 'Device'}/Vendor/MSFT/Office/Installation/{app.id}"
            sent += [make.add(node, "", "node"), make.execute(node + "/Install", "<Configuration/>", "xml")]
            if tracked and phase == "device":  # never tracked in Account setup (flows.md 5.4)
                packages.append(node + "/Status;1")
        elif isinstance(app, MicrosoftStoreForBusinessApp):
            scope = "User" if phase == "account" else "Device"
            node = f"./{scope}/Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/{app.id}"
            data = f'<Application id="{app.id}" flags="0" skuid="0016"/>'
            sent += [make.add(node + "/StoreInstall", "", "xml"), make.execute(node + "/StoreInstall", data, "xml")]
            if tracked:
                modern.append(node + "/Status;1")
        elif isinstance(app, (WindowsUniversalAppX, WindowsMicrosoftEdgeApp)):
            name = product_of(app) or app.id
            scope = "User" if phase == "account" else "Device"
            node = f"./{scope}/Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/{quote(name, safe='')}"
            data = f'<Application PackageUri="https://cdn.contoso.example/{app.id}.msix" DeploymentOptions="0"/>'
            sent += [make.add(node + "/HostedInstall", "", "xml"), make.execute(node + "/HostedInstall", data, "xml")]
            if tracked:
                modern.append(node + "/Status;1")
    return packages, modern, sent


def required(device: EnrolledDevice, phase: str) -> list[MobileApp]:
    """Required apps that belong to a phase (flows.md 5.4); what is assigned is fixed at enrolment."""
    remembered = device.assigned.remembered
    found: list[MobileApp] | None = remembered.get(("required", phase, device.technician))
    if found is None:
        wanted = (one for one in device.apps if one.intent == "required")
        found = remembered["required", phase, device.technician] = [
            one.app for one in wanted if _phase_of(one, technician=device.technician) == phase
        ]
    return found


def _phase_of(assigned: AssignedApp, *, technician: bool) -> str:
    """The same of an assignment: an MSIX or Store app that is not for the device's context waits for a user (flows.md 5.4).

    The technician's part brings the assigned user's apps too, where they install in the device's context (rule P6).
    """
    settings = assigned.assignment.settings
    if isinstance(assigned.app, BY_PACKAGE) and settings is not None and settings.use_device_context is False:
        return "account"
    if technician and assigned.target == "user":
        return phase_of(assigned.app, "device") if isinstance(assigned.app, IN_DEVICE_CONTEXT) else "account"
    return phase_of(assigned.app, assigned.target)


def phase_of(app: MobileApp, target: str) -> str:
    """``device`` or ``account``: device-context apps that target the device come first, everything of the user later."""
    if target == "user":
        return "account"
    if isinstance(app, BY_EXTENSION) and app.install_experience.run_as_account == "user":
        return "account"
    if isinstance(app, WindowsMobileMSI) and app.use_device_context is False:
        return "account"
    return "device"


def default_page(state: TenantState) -> EspConfiguration | None:
    """The tenant's built-in ESP configuration, if it is known."""
    return state.targeting.default_page


def blocking_ids(device: EnrolledDevice, phase: str, default: EspConfiguration | None = None) -> frozenset[str] | None:
    """Ids of the apps that block a phase; None means all. A user-targeted list does not count in the device phase.

    The device phase then goes by the tenant's ``default`` page, which tracks nothing while it is hidden (rule F-50, I-15).
    """
    selected = device.esp.selected_mobile_app_ids
    if not selected:
        return None
    if phase == "device" and device.esp_target == "user":
        if default is None or not (default.settings_known and default.show_installation_progress):
            return frozenset()
        selected = default.selected_mobile_app_ids
    return frozenset(selected) or None


def _hello(state: TenantState, device: EnrolledDevice) -> list[Setting]:
    """Windows Hello for Business as PassportForWork policies of the tenant."""
    user = state.user(device.user_id)
    found = state.targeting.hello_configuration(user) if user is not None else None
    if found is None or found.state == "notConfigured":
        return []
    root = f"./Device/Vendor/MSFT/PassportForWork/{state.tenant_id}/Policies"
    return [
        Setting("Replace", root + "/UsePassportForWork", "true" if found.state == "enabled" else "false", "bool"),
        Setting("Replace", root + "/RequireSecurityDevice", "true" if found.security_device_required else "false", "bool"),
        Setting("Replace", root + "/PINComplexity/MinimumPINLength", str(found.pin_minimum_length), "int"),
    ]


def _msi_node(product: str, phase: str) -> str:
    scope = "User" if phase == "account" else "Device"
    return f"./{scope}/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/{quote(product, safe='')}"


def _msi_job(product: str, version: str, url: str, command_line: str | None) -> str:
    """An MsiInstallJob document (protocols.md 13.7)."""
    return (
        f'<MsiInstallJob id="{escape(product)}"><Product Version="{escape(version)}"><Download><ContentURLList>'
        f"<ContentURL>{escape(url)}</ContentURL></ContentURLList></Download><Enforcement>"
        f"<CommandLine>{escape(command_line or '/quiet')}</CommandLine><TimeOut>60</TimeOut><RetryCount>3</RetryCount>"
        "<RetryInterval>5</RetryInterval></Enforcement></Product></MsiInstallJob>"
    )


def escape(text: str) -> str:
    """Text inside an XML element or attribute (xml.sax would bring urllib and ssl along)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
