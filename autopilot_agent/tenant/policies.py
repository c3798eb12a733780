"""Configuration policies of Graph as CSP settings: which LocURI, which value, and whether the ESP waits for it."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from html import escape
from urllib.parse import quote

import msgspec

from autopilot_agent.tenant.graph.policies import ConfigurationPolicy, DeviceConfiguration


class Setting(msgspec.Struct, frozen=True):
    """One CSP write; ``expect`` is what the ESP waits for: "", policy, certificate or network. ``group`` makes it an Atomic."""

    verb: str
    uri: str
    value: str = ""
    format: str = "chr"
    expect: str = ""
    expected_uri: str = ""
    group: tuple[Setting, ...] = ()


_OMA_FORMATS = {
    "omaSettingString": "chr",
    "omaSettingInteger": "int",
    "omaSettingBoolean": "bool",
    "omaSettingBase64": "b64",
    "omaSettingStringXml": "chr",
    "omaSettingDateTime": "chr",
    "omaSettingFloatingPoint": "chr",
}

_WINDOWS_UPDATE = {
    "qualityUpdatesDeferralPeriodInDays": "Update/DeferQualityUpdatesPeriodInDays",
    "featureUpdatesDeferralPeriodInDays": "Update/DeferFeatureUpdatesPeriodInDays",
    "qualityUpdatesPaused": "Update/PauseQualityUpdates",
    "featureUpdatesPaused": "Update/PauseFeatureUpdates",
    "deadlineForQualityUpdatesInDays": "Update/ConfigureDeadlineForQualityUpdates",
    "deadlineForFeatureUpdatesInDays": "Update/ConfigureDeadlineForFeatureUpdates",
    "deadlineGracePeriodInDays": "Update/ConfigureDeadlineGracePeriod",
    "driversExcluded": "Update/ExcludeWUDriversInQualityUpdate",
    "microsoftUpdateServiceAllowed": "Update/AllowMUUpdateService",
}
_EDITIONS = {"windows10Enterprise": "ENTER", "windows10Education": "EDUCA", "windows10ProfessionalEducation": "PROED"}
KEY_LENGTH = 29
DFCI = "windows10DeviceFirmwareConfigurationInterface"
_GENERAL = {
    "passwordRequired": ("DeviceLock/DevicePasswordEnabled", True),
    "passwordMinimumLength": ("DeviceLock/MinDevicePasswordLength", False),
    "passwordMinutesOfInactivityBeforeScreenTimeout": ("DeviceLock/MaxInactivityTimeDeviceLock", False),
    "cortanaBlocked": ("Experience/AllowCortana", True),
    "cameraBlocked": ("Camera/AllowCamera", True),
    "resetProtectionModeBlocked": ("Security/AntiTheftMode", True),
    "enableAutomaticRedeployment": ("CredentialProviders/DisableAutomaticReDeploymentCredentials", True),
}
_TRACKED = ("/config/microsoft_edge", "~policy~microsoft_edge", "/kioskbrowser/", "/assignedaccess/")
_INGESTED = re.compile(r"(microsoft_edge|(?:l|cat)_[^_]+|[^_]+)_(.+)", re.IGNORECASE)
"""The last category of an ingested area and the policy in it; those of Edge, Office and updaters have an underscore."""
_CIPHERS = {"aesCbc128": 3, "aesCbc256": 4, "xtsAes128": 6, "xtsAes256": 7}
_INVERTED = frozenset(
    ("passwordRequired", "cortanaBlocked", "cameraBlocked", "resetProtectionModeBlocked", "enableAutomaticRedeployment")
)
"""Properties whose true is the CSP's 0 (DevicePasswordEnabled 0 means enabled)."""



def settings_of(policy: DeviceConfiguration | ConfigurationPolicy, target: str) -> tuple[Setting, ...]:
    """The CSP settings of a policy for ``target`` device or user; an unknown kind gives none (docs/limits.md)."""
    key = (id(policy), target)
    found = _remembered.get(key)
    if found is None or found[0] is not policy:
        made = _catalog(policy) if isinstance(policy, ConfigurationPolicy) else _template(policy, target)
        if len(_remembered) > 10_000:
            _remembered.clear()
        found = _remembered[key] = (policy, made)
    return found[1]


_remembered: dict[tuple[int, str], tuple[object, tuple[Setting, ...]]] = {}


def _template(policy: DeviceConfiguration, target: str) -> tuple[Setting, ...]:
    kind, raw = policy.kind, policy.settings
    scope = "./User" if target == "user" else "./Device"
    if kind == "windows10CustomConfiguration":
        return tuple(_oma(item) for item in _objects(raw.get("omaSettings")))
    if kind in ("windowsWifiConfiguration", "windowsWifiEnterpriseEAPConfiguration"):
        ssid = str(raw.get("ssid") or raw.get("networkName") or policy.display_name)
        uri = f"{scope}/Vendor/MSFT/WiFi/Profile/{quote(ssid, safe='')}/WlanXml"
        return (Setting("Add", uri, f"<WLANProfile><name>{ssid}</name></WLANProfile>", "xml", "network", uri),)
    if kind == "windows10VpnConfiguration":
        name = str(raw.get("connectionName") or policy.display_name)
        uri = f"{scope}/Vendor/MSFT/VPNv2/{quote(name, safe='')}/ProfileXML"
        # The ESP waits for VPN profiles of the device only (flows.md 5.3).
        return (Setting("Add", uri, "<VPNProfile/>", "xml", "network" if target == "device" else "", uri),)
    if kind == "windows81SCEPCertificateProfile":
        return (_scep(policy, scope),)
    if kind == "windows81TrustedRootCertificate":
        data = str(raw.get("trustedRootCertificate") or base64.b64encode(policy.id.encode()).decode())
        digest = policy.id.replace("-", "").upper()[:40]
        uri = f"./Device/Vendor/MSFT/RootCATrustedCertificates/Root/{digest}/EncodedCertificate"
        return (Setting("Add", uri, data, "b64"),)
    if kind == "editionUpgradeConfiguration":
        return _edition(raw)
    if kind == DFCI:
        package = base64.b64encode(policy.id.encode()).decode()
        root = "./Device/Vendor/MSFT/Uefi"
        return tuple(Setting("Replace", f"{root}/{part}/Apply", package) for part in ("Identity", "Permissions", "Settings"))
    if kind == "windows10EndpointProtectionConfiguration":
        return _endpoint_protection(raw)
    if kind == "windowsUpdateForBusinessConfiguration":
        return tuple(
            Setting("Replace", _policy(path), _number(raw[name]), "int")
            for name, path in _WINDOWS_UPDATE.items()
            if raw.get(name) is not None
        )
    if kind == "windows10GeneralConfiguration":
        return tuple(_general(raw))
    if kind == "windowsKioskConfiguration":
        uri = "./Device/Vendor/MSFT/AssignedAccess/Configuration"
        return (Setting("Replace", uri, _kiosk(raw), expect="policy", expected_uri=uri),)
    return ()


def _edition(raw: dict[str, object]) -> tuple[Setting, ...]:
    """An edition upgrade by key. Exports hide the key, and a key does not say to us for which edition it is: the first five
    characters of ours do (device/windows.py). One of another length goes out as it is, and the device refuses it.
    """
    edition = _EDITIONS.get(str(raw.get("targetEdition") or ""))
    key = str(raw.get("productKey") or "")
    if edition is None or str(raw.get("licenseType") or "productKey") != "productKey":
        return ()
    written = key.strip("*#") != ""
    if not written or len(key) == KEY_LENGTH:
        key = f"{edition}-00000-00000-00000-00000"
    return (Setting("Exec", "./Device/Vendor/MSFT/WindowsLicensing/UpgradeEditionWithProductKey", key),)


def _kiosk(raw: dict[str, object]) -> str:
    """An Assigned Access document, as far as a device reads it: whether a local account signs in by itself, and which app."""
    accounts, apps = [], []
    for profile in _objects(raw.get("kioskProfiles")):
        accounts += [str(one.get("@odata.type")) for one in _objects(profile.get("userAccountsConfiguration"))]
        app = profile.get("appConfiguration")
        apps += [app] if isinstance(app, dict) else []
    if not any(name.endswith("windowsKioskAutologon") for name in accounts):
        return "<AssignedAccessConfiguration/>"
    packages = _objects([app.get("uwpApp") for app in apps])
    name = escape(next((str(one.get("appUserModelId") or one.get("name")) for one in packages), "kiosk app"))
    config = f'<Config><AutoLogonAccount/><DefaultProfile Id="{name}"/></Config>'
    return f"<AssignedAccessConfiguration><Configs>{config}</Configs></AssignedAccessConfiguration>"


def _general(raw: dict[str, object]) -> list[Setting]:
    found: list[Setting] = []
    for name, (path, _) in _GENERAL.items():
        value = raw.get(name)
        if value is None or value is False:
            continue
        number = "0" if name in _INVERTED else _number(value)
        found.append(Setting("Replace", _policy(path), number, "int"))
    return found


def _endpoint_protection(raw: dict[str, object]) -> tuple[Setting, ...]:
    found: list[Setting] = []
    if raw.get("bitLockerEncryptDevice"):
        found.append(Setting("Replace", "./Device/Vendor/MSFT/BitLocker/RequireDeviceEncryption", "1", "int"))
    if raw.get("bitLockerDisableWarningForOtherDiskEncryption"):
        uri = "./Device/Vendor/MSFT/BitLocker/AllowWarningForOtherDiskEncryption"
        found.append(Setting("Replace", uri, "0", "int"))
    drive = raw.get("bitLockerSystemDrivePolicy")
    method = _CIPHERS.get(str(drive.get("encryptionMethod") or "")) if isinstance(drive, dict) else None
    if method is not None:
        names = ("EncryptionMethodWithXtsOsDropDown_Name", "EncryptionMethodWithXtsFdvDropDown_Name")
        text = "<enabled/>" + "".join(f'<data id="{name}" value="{method}"/>' for name in names)
        found.append(Setting("Replace", "./Device/Vendor/MSFT/BitLocker/EncryptionMethodByDriveType", text))
    if raw.get("deviceGuardEnableVirtualizationBasedSecurity"):
        uri = "./Device/Vendor/MSFT/Policy/Config/DeviceGuard/EnableVirtualizationBasedSecurity"
        found.append(Setting("Replace", uri, "1", "int"))
    if raw.get("appLockerApplicationControl") not in (None, "notConfigured"):
        uri = "./Device/Vendor/MSFT/AppLocker/ApplicationLaunchRestrictions/Intune/EXE/Policy"
        found.append(Setting("Add", uri, "<RuleCollection Type='Exe'/>"))
    return tuple(found)


def _scep(policy: DeviceConfiguration, scope: str) -> Setting:
    raw = policy.settings
    node = f"{scope}/Vendor/MSFT/ClientCertificateInstall/SCEP/{quote('ModelName=' + policy.id, safe='')}"
    urls = raw.get("scepServerUrls")
    server = str(urls[0]) if isinstance(urls, list) and urls else "https://ndes.contoso.example/certsrv/mscep/mscep.dll"
    children = (
        Setting("Add", node, "", "node"),
        Setting("Add", node + "/Install/ServerURL", server),
        Setting("Add", node + "/Install/SubjectName", str(raw.get("subjectNameFormatString") or "CN={{AAD_Device_ID}}")),
        Setting("Add", node + "/Install/KeyLength", str(raw.get("keySize") or "2048").removeprefix("size"), "int"),
        Setting("Exec", node + "/Install/Enroll", "", "null"),
    )
    return Setting("Atomic", "", expect="certificate", expected_uri=node, group=children)


def _oma(raw: dict[str, object]) -> Setting:
    uri = str(raw.get("omaUri") or "")
    kind = str(raw.get("@odata.type") or "omaSettingString").removeprefix("#").rpartition(".")[2]
    value = raw.get("value")
    text = ("true" if value else "false") if isinstance(value, bool) else "" if value is None else str(value)
    return _replace(uri, text, _OMA_FORMATS.get(kind, "chr"))


def _replace(uri: str, value: str, fmt: str) -> Setting:
    """A Replace; policies of Edge, Kiosk Browser and Assigned Access are the ones that the ESP tracks (flows.md 5.3)."""
    lowered = uri.casefold()
    tracked = any(part in lowered for part in _TRACKED)
    return Setting("Replace", uri, value, fmt, "policy" if tracked else "", uri if tracked else "")


def _catalog(policy: ConfigurationPolicy) -> tuple[Setting, ...]:
    found: list[Setting] = []
    for setting in policy.settings:
        instance = setting.get("settingInstance")
        if isinstance(instance, dict):
            _instance(instance, found)
    return tuple(found)


def _instance(instance: dict[str, object], found: list[Setting]) -> None:
    name = str(instance.get("settingDefinitionId") or "")
    uri = definition_uri(name)
    choice = instance.get("choiceSettingValue")
    simple = instance.get("simpleSettingValue")
    if isinstance(choice, dict):
        value = str(choice.get("value") or "").removeprefix(name + "_")
        if uri:
            found.append(_replace(uri, value, "int" if value.lstrip("-").isdigit() else "chr"))
        for child in _objects(choice.get("children")):
            _instance(child, found)
    elif isinstance(simple, dict) and uri:
        content = simple.get("value")
        whole = isinstance(content, int) and not isinstance(content, bool)
        found.append(_replace(uri, str(content), "int" if whole else "chr"))


@lru_cache(maxsize=4096)
def definition_uri(name: str) -> str:
    """The LocURI that a settings catalog id stands for, for ids of the Policy CSP; "" for others.

    ``device_vendor_msft_policy_config_update_managepreviewbuilds`` is .../Policy/Config/update/managepreviewbuilds. An ingested
    area (Edge, Office, Chrome) is a path of categories with tildes.
    """
    lowered = name.casefold()
    for scope, root in (("device", "./Device"), ("user", "./User")):
        prefix = f"{scope}_vendor_msft_policy_config_"
        if lowered.startswith(prefix):
            rest = name[len(prefix) :]
            if rest.casefold().startswith("admx_"):
                first, _, policy = rest[5:].partition("_")
                area = f"ADMX_{first}"
            elif "~" in rest:
                above, _, last = rest.rpartition("~")
                found = _INGESTED.fullmatch(last)
                category, policy = found.groups() if found else (last, "")
                area = f"{above}~{category}"
            else:
                area, _, policy = rest.partition("_")
            return f"{root}/Vendor/MSFT/Policy/Config/{area}/{policy}" if policy else ""
    return ""


def _policy(path: str) -> str:
    """These areas exist for the device only, whomever the policy is assigned to."""
    return f"./Device/Vendor/MSFT/Policy/Config/{path}"


def _number(value: object) -> str:
    return str(int(value)) if isinstance(value, bool | int) else str(value)


def _objects(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
