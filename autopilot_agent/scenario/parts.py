"""The parts of a scenario file as types: what a person may write, with its defaults.

Resources of the cloud keep Graph's names (``tenant:``); everything that is ours is snake_case. Durations are text such as
``40m`` or ``1h30m``; codes are text such as ``"0x80180014"``. Unknown names are errors.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

Duration = Annotated[str, msgspec.Meta(extra={"duration": True}, examples=["40m"])]
OneOrMany = str | list[str]


class Strict(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Base of everything a person writes: an unknown key is an error."""


class TpmSpec(Strict):
    """The security chip. ``version`` is what it can do, ``mode`` what it runs as (nothing: the same).

    ``ek_certificate`` says where the endorsement key's certificate is: ``stored`` in the chip (discrete TPMs: IFX, STM, NTC),
    ``fetched`` from the vendor (INTC, AMD, QCOM) or ``missing``; nothing means what is usual for the vendor.
    """

    present: bool = True
    version: Literal["1.2", "2.0"] = "2.0"
    vendor: str = "INTC"
    firmware: str = "600.18"
    attestation: bool = True
    mode: Literal["", "1.2", "2.0"] = ""
    ek_certificate: Literal["", "stored", "fetched", "missing"] = ""
    vulnerable: bool = False
    old_firmware: bool = False
    survives_reset: bool = True


class NetworkSpec(Strict):
    """What the PC is plugged into. ``blocked`` lists hosts (``*.`` allowed) that a firewall closes.

    ``domain`` says whether it is the organisation's own network, where a domain controller answers. ``dns: false`` lets no
    name be found. ``proxy`` is none, ``wpad`` (Windows finds it by itself) or ``needed`` (nothing gets out without one that
    Windows cannot find).
    """

    kind: Literal["ethernet", "wifi"] = "ethernet"
    ssid: str = "Contoso Guest"
    internet: bool = True
    metered: bool = False
    captive_portal: bool = False
    blocked: list[str] = []
    megabits: int = 100
    lost_at: Duration | None = None
    back_at: Duration | None = None
    domain: bool = True
    dns: bool = True
    proxy: Literal["none", "wpad", "needed"] = "none"


class VpnSpec(Strict):
    """A VPN into the organisation's network.

    ``client`` is the app that installs the client with its connection ("" for Windows' own client, whose connection is a VPN
    policy for the device). It ``drops_after`` that long and comes ``back_after`` that.
    """

    client: str = ""
    all_users: bool = True
    certificate: bool = False
    starts: Literal["at sign-on", "by itself"] = "at sign-on"
    drops_after: Duration | None = None
    back_after: Duration | None = None


class WindowsSpec(Strict):
    """The installed Windows. ``local_administrator`` is an account that the image brings along."""

    edition: str = "Pro"
    build: str = "10.0.26100.4349"
    languages: list[str] = msgspec.field(default_factory=lambda: ["en-US"])
    region: str = "US"
    keyboard: str = "00000409"
    wlidsvc: bool = True
    oobe_restarts: int = 0
    provisioning_package: list[str] = []
    enrolled_before: bool = False
    join_needs_restart: bool = False
    winre: bool = True
    winre_lost: bool = False
    local_administrator: str = ""


class AutopilotFileSpec(Strict):
    """AutopilotConfigurationFile.json on the disk, or in the package of a task sequence: where its content comes from, and how
    it is saved.

    One of ``profile`` (keys and values), ``export`` (a profile of the tenant, as the common exporter writes it), ``text`` and
    ``file`` (beside the scenario, byte for byte); ``changes`` sets keys of the first two, null removes one. ``unattend`` leaves
    an unattend.xml beside it.
    """

    profile: dict[str, Any] = {}
    export: str = ""
    changes: dict[str, Any] = {}
    text: str = ""
    file: str = ""
    encoding: Literal["ansi", "ascii", "utf-8", "utf-8-bom", "utf-16"] | None = None
    name: str = "AutopilotConfigurationFile.json"
    place: str = "%WINDIR%\\Provisioning\\Autopilot"
    unattend: bool = False


class DeviceSpec(Strict):
    """The PC on the desk. ``registered`` is what the mode needs unless written.

    ``dfci`` says whether its firmware can be managed, ``registered_by`` who told the Autopilot service of it.
    """

    serial_number: str = "5CG0000001"
    manufacturer: str = "Contoso"
    model: str = "Notebook 14"
    sku_number: str = "NB14-1"
    system_family: str = "Notebook"
    product_key: str = ""
    virtual_machine: bool = False
    processors: int = 4
    processor_mhz: int = 2400
    memory_mb: int = 16384
    free_disk_mb: int = 200_000
    architecture: Literal["x64", "x86", "arm64"] = "x64"
    tpm: TpmSpec = msgspec.field(default_factory=TpmSpec)
    network: Literal["ethernet", "wifi"] | NetworkSpec = "ethernet"
    vpn: VpnSpec | None = None
    windows: WindowsSpec = msgspec.field(default_factory=WindowsSpec)
    clock_skew: Duration = "0s"
    files: list[str] = []
    products: list[str] = []
    registry: dict[str, dict[str, str | int]] = {}
    autopilot_file: AutopilotFileSpec | None = None
    registered: bool | None = None
    group_tag: str = ""
    purchase_order: str = ""
    assigned_user: str = ""
    device_name: str = ""
    dfci: bool = False
    registered_by: Literal["administrator", "oem", "partner"] = "administrator"


class InstallerSpec(Strict):
    """What an app's installer does when it runs; ``return_codes`` one per attempt, the last one repeats.

    ``approved`` says whether Windows 11 SE lets the app in; other editions do not ask.
    """

    duration: Duration | None = None
    return_codes: list[int] = msgspec.field(default_factory=lambda: [0])
    leaves: Literal["what the detection rules look for", "nothing"] = "what the detection rules look for"
    requirement_script: str | int | bool | None = None
    restarts_windows: bool = False
    windows_installer: bool | None = None
    size_mb: int | None = None
    download_fails: bool = False
    approved: bool = False


class UpdateSpec(Strict):
    """One update that Windows Update offers."""

    title: str = "Critical update"
    kb: str = "KB5000001"
    duration: Duration = "3m"
    restart: bool = False


class QualityUpdateSpec(UpdateSpec):
    """The monthly security release; it takes 20 to 40 minutes (flows.md 5.8)."""

    title: str = "Monthly security release"
    duration: Duration = "30m"


class WindowsUpdateSpec(Strict):
    """What Windows Update has for this PC: critical updates in OOBE, and the monthly security release.

    ``autopilot`` is what the Autopilot update node finds, where ``cloud.autopilot_update_node`` switches it on.
    """

    critical: list[UpdateSpec] = []
    quality: QualityUpdateSpec | None = None
    autopilot: UpdateSpec | None = None


class OtherMdmSpec(Strict):
    """How an MDM that is not Intune treats the status page.

    ``hold`` sends the commands that switch the page on at once, ``ready`` reports its own provider as installed, and
    ``finishes`` says at last that it has nothing more to send.
    """

    hold: bool = True
    ready: bool = True
    finishes: bool = True


class ActiveDirectorySpec(Strict):
    """The organisation's own directory. ``organizational_units`` lists those that exist (empty: whichever is named).

    ``connection_point`` is the one that tells computers their tenant; ``computers`` how many the connector made before.
    """

    domain: str = "corp.contoso.example"
    organizational_units: list[str] = []
    connection_point: bool = True
    computers: int = 0


class ConnectorSpec(Strict):
    """The Intune connector for Active Directory: what it is like, ``until`` when (good from then on), how long it takes."""

    state: Literal["up", "down", "inactive", "no_rights", "quota"] = "up"
    until: Duration | None = None
    takes: Duration | None = None


class EntraConnectSpec(Strict):
    """The directory sync: on or off, ``until`` when (on from then on), its cycle, and when the first one comes."""

    state: Literal["on", "off"] = "on"
    until: Duration | None = None
    every: Duration | None = None
    first_at: Duration | None = None


class CloudSpec(Strict):
    """The state of the cloud that no Graph export shows: counters, federation, terms, moments, and what stands on premises."""

    joined_devices: int = 0
    enrolled_devices: int = 0
    federated: bool = False
    mfa: bool = False
    terms_of_use: str = ""
    terms_of_use_broken: bool = False
    licence_lost_after_enrolment: bool = False
    profile_missing: bool = False
    profile_deleted: bool = False
    profile_pending_until: Duration | None = None
    registration_mismatch: bool = False
    device_already_enrolled: bool = False
    stale_registered_object: bool = False
    registered_elsewhere: bool = False
    active_directory: ActiveDirectorySpec = msgspec.field(default_factory=ActiveDirectorySpec)
    odj_connector: Literal["up", "down", "inactive", "no_rights", "quota"] | ConnectorSpec = "up"
    entra_connect: Literal["on", "off"] | EntraConnectSpec = "on"
    autopilot_update_node: bool = False
    other_mdm: OtherMdmSpec | None = None


class FaultSpec(Strict):
    """A fault: named (``fault``), on a call (``on``, ``"*"`` for any), or on a state (``in_state`` alone).

    ``code`` is a HRESULT or the service's own code, ``status`` an HTTP status (the device then shows 0x80190000 + status),
    ``drop`` no answer at all, ``malformed`` an answer that nobody can read, ``delay`` extra time; ``retry_after`` makes it
    throttling: the device waits that long and asks again. ``network_lost`` (how long, or ``for good``), ``clock_skew`` (how
    far) and ``power_cut`` (how long the PC stays off) happen to the PC in that moment, or ``after`` the state was entered.
    ``nth`` is the first call or visit that is hit (from 1), ``times`` how many (all of them; one, where it happens to the PC),
    ``probability`` the share of them, by the seed.
    """

    fault: str = ""
    on: str = ""
    code: str = ""
    status: int = 0
    drop: bool = False
    delay: Duration | None = None
    nth: int = 1
    times: int | None = None
    since: Duration | None = None
    until: Duration | None = None
    in_state: str = ""
    uri: str = ""
    app: str = ""
    retry_after: Duration | None = None
    malformed: bool = False
    network_lost: Duration | None = None
    clock_skew: Duration | None = None
    power_cut: Duration | None = None
    after: Duration | None = None
    probability: float | None = None


class Happening(Strict):
    """One thing that befalls the PC or the tenant in the middle of a run; write one of the keys, and ``at`` where it is due.

    ``network`` takes the link away, brings it back, or plugs in a cable where there was Wi-Fi; ``power_off`` cuts the power for
    that long, ``wait`` lets time pass (only beside an answer), ``inject`` brings about a fault from now on, ``clear`` ends one
    (its name, or ``all``), ``admin`` is what an administrator does, in the words of the act ``admin``. ``at`` is counted from
    power-on of the first act.
    """

    at: Duration | None = None
    network: Literal["lost", "back", "cable"] | None = None
    power_off: Duration | None = None
    wait: Duration | None = None
    inject: FaultSpec | None = None
    clear: str | None = None
    admin: dict[str, Any] | None = None


class AnswerSpec(Strict):
    """One answer of the scripted person: the choice, the fields, how long the person waits, and what happens before it."""

    choice: str = ""
    fields: dict[str, str] = {}
    after: Duration | None = None
    happens: list[Happening] = []


Answer = str | bool | int | AnswerSpec


class StateDuration(Strict):
    """Limits for the time spent in one state, or until something is reached."""

    within: Duration | None = None
    at_least: Duration | None = None


class RegistryCheck(Strict):
    """An expected registry value."""

    key: str
    name: str
    value: str | int | None = None
    absent: bool = False


Flow = Literal["user-driven", "ordinary-oobe", "hybrid", "self-deploying", "pre-provisioned", "existing-device"]
"""What a device can turn out to go through; the profile decides, not the mode of the scenario."""


class ExpectSpec(Strict):
    """What must be true at the end; everything written is checked.

    ``error: null`` says that there is no error. ``reached`` limits the time from power-on until a state or page comes first.
    """

    end_state: str | None = None
    outcome: Literal["completed", "failed", "stuck"] | None = None
    join: Literal["none", "entra", "domain", "hybrid"] | None = None
    mdm_enrolled: bool | None = None
    flow: Flow | None = None
    visits: list[str] | None = None
    never: list[str] | None = None
    screens: list[str] | None = None
    error: str | UnsetType | None = UNSET
    error_step: str | None = None
    error_choices: list[str] | None = None
    within: Duration | None = None
    at_least: Duration | None = None
    states: dict[str, StateDuration] | None = None
    reached: dict[str, StateDuration] | None = None
    apps: dict[str, str] | None = None
    device_name: str | None = None
    local_rights: Literal["administrator", "standard"] | None = None
    accounts: dict[str, str] | None = None
    registry: list[RegistryCheck] | None = None
    csp: dict[str, str | int | bool | None] | None = None
    events: list[str] | None = None
    no_events: list[str] | None = None
    rules: list[str] | None = None
    reboots: int | None = None
    cloud: dict[str, Any] | None = None
