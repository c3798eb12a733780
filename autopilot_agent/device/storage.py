"""What a reboot or a power cut keeps (disk) and what it takes away (memory)."""

from __future__ import annotations

import msgspec

from autopilot_agent.device.csp import CspTree
from autopilot_agent.device.registry import Registry
from autopilot_agent.service.entra import SignedIn
from autopilot_agent.service.network import CloudAssignedProfile


class Account(msgspec.Struct):
    """An account that can sign in. ``kind`` is local, entra or system; ``group`` administrators or users."""

    name: str
    kind: str
    group: str
    sid: str = ""


class DomainState(msgspec.Struct):
    """The device's place in Active Directory. ``joined`` after the restart that follows the blob; ``dc_checked`` before it.

    ``registration`` is the Entra device id of the hybrid registration, "" until the directory sync has brought it about.
    """

    domain: str
    computer_name: str
    organizational_unit: str = ""
    joined: bool = False
    registration: str = ""


class JoinState(msgspec.Struct, frozen=True):
    """The device's place in Entra; ``user_name`` is "" where the device joined by itself."""

    device_id: str
    tenant_id: str
    user_name: str
    thumbprint: str
    administrator_by_role: bool = False


class Enrolment(msgspec.Struct, frozen=True):
    """The MDM enrolment; ``user_id`` is the enrolling user's object id, "" for an enrolment of the device by itself."""

    enrolment_id: str
    provider_id: str
    ent_dm_id: str
    management_url: str
    user_id: str
    user_name: str
    install_quality_updates: bool = False
    esp_target: str = "default"


class InstalledApp(msgspec.Struct):
    """``state`` is the reader's word: pending, downloading, installing, installed, failed, not applicable, ..."""

    id: str
    name: str
    state: str
    code: str = ""


class Disk:
    """Facts that survive power loss."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.csp = CspTree()
        self.files: dict[str, str] = {}
        self.products: set[str] = set()
        self.accounts: dict[str, Account] = {"defaultuser0": Account("defaultuser0", "system", "users")}
        self.apps: dict[str, InstalledApp] = {}
        self.administrator_sids: tuple[str, ...] = ()
        self.certificates: dict[str, str] = {}
        self.wifi_profiles: dict[str, str] = {}
        self.vpn_profiles: dict[str, str] = {}
        self.updates: list[str] = []
        self.computer_name = ""
        self.pending_name = ""
        self.region = ""
        self.language = ""
        self.keyboard = ""
        self.second_keyboard = ""
        self.join: JoinState | None = None
        self.enrolment: Enrolment | None = None
        self.profile: CloudAssignedProfile | None = None
        self.oobe_pages: set[str] = set()
        self.resume = ""
        self.checkpoint = ""
        self.technician = False
        self.resealed = False
        self.domain: DomainState | None = None
        self.offline_profile_used = False
        self.oobe_complete = False
        self.kiosk_app = ""
        self.auto_logon_lost = ""
        self.signed_in_user = ""
        self.users: list[str] = []
        self.bitlocker = ""
        self.ime_installed = False
        self.device_lock = False
        self.policies: dict[str, str] = {}
        self.jobs: dict[str, str] = {}
        self.failed_jobs: dict[str, str] = {}
        self.app_names: dict[str, str] = {}
        self.esp_started: dict[str, int] = {}
        self.left_page = False
        self.locked_out = False
        self.restart_rule = ""
        self.restart_kind = ""
        self.scripts: set[str] = set()
        self.reboots = 0
        self.power_losses = 0
        self.boots = 0
        self.sessions = 0
        self.free_mb = 0


class Memory:
    """Facts that end with the power."""

    def __init__(self) -> None:
        self.profile: CloudAssignedProfile | None = None
        self.profile_error = ""
        self.profile_asked = False
        self.credentials = ""
        self.user_id = ""
        self.user_name = ""
        self.token: SignedIn | None = None
        self.device_token = ""
        self.administrator_by_role = False
        self.links_hidden = False
        self.terms_accepted = ""
        self.user_sid = ""
        self.reboot_reasons: list[str] = []
        self.installer_owner = ""
        self.installer_clash = ""
        self.win32_installing = ""
        self.office_hung = False
        self.msi_queue: list[tuple[str, str]] = []
