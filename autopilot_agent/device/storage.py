"""What a reboot or a power cut keeps (disk) and what it takes away (memory)."""

from __future__ import annotations

import msgspec

from autopilot_agent.device.csp import CspTree
from autopilot_agent.device.registry import Registry
from autopilot_agent.service.attestation import DeviceToken
from autopilot_agent.service.enrolment import Retries
from autopilot_agent.service.entra import SignedIn
from autopilot_agent.service.network import CloudAssignedProfile


class Account(msgspec.Struct):
    """An account that can sign in. ``kind`` is local, entra, domain or system; ``group`` administrators or users.

    ``cached`` is a digest of the password with which a domain account signed in here last ("" for none).
    """

    name: str
    kind: str
    group: str
    sid: str = ""
    cached: str = ""


class DomainState(msgspec.Struct):
    """The device's place in Active Directory. ``joined`` after the restart that follows the blob; ``dc_checked`` before it.

    ``registration`` is the Entra device id of the hybrid registration, "" until the directory sync has brought it about;
    ``object_guid`` that of the computer's own object, once the device has spoken to the directory. ``tried_at`` is when the
    registration was attempted last (virtual milliseconds, -1: never).
    """

    domain: str
    computer_name: str
    organizational_unit: str = ""
    joined: bool = False
    registration: str = ""
    object_guid: str = ""
    tried_at: int = -1


class JoinState(msgspec.Struct, frozen=True):
    """The device's place in Entra; ``user_name`` is "" where the device joined by itself."""

    device_id: str
    tenant_id: str
    user_name: str
    thumbprint: str
    administrator_by_role: bool = False


class Enrolment(msgspec.Struct, frozen=True):
    """The MDM enrolment; ``user_id`` is the object id of whoever is at work: the enrolling user, later who signed in last.

    It is "" for an enrolment of the device by itself, and after a reset that cleared the owner until somebody signs in.
    """

    enrolment_id: str
    provider_id: str
    ent_dm_id: str
    management_url: str
    user_id: str
    user_name: str
    install_quality_updates: bool = False
    esp_target: str = "default"
    retries: Retries = Retries()


APP_STATES = (
    "pending", "downloading", "waiting to download again", "installing", "waiting to try again", "installed", "failed",
    "not applicable",
)  # fmt: skip
"""What an app's state can be, in the reader's words."""


class InstalledApp(msgspec.Struct):
    """``state`` is one of ``APP_STATES``."""

    id: str
    name: str
    state: str
    code: str = ""


def _first_accounts() -> dict[str, Account]:
    return {"defaultuser0": Account("defaultuser0", "system", "users")}


class Disk(msgspec.Struct):
    """Facts that survive power loss.

    ``users`` are those who reached the desktop. ``reset_order`` is the reset that is under way, ``reset`` the one after which
    nobody has reached the desktop yet; both are rows of ``rulebook/resets.jsonl``.
    """

    registry: Registry = msgspec.field(default_factory=Registry)
    csp: CspTree = msgspec.field(default_factory=CspTree)
    files: dict[str, str] = {}
    products: set[str] = set()
    preinstalled: frozenset[str] = frozenset()
    accounts: dict[str, Account] = msgspec.field(default_factory=_first_accounts)
    apps: dict[str, InstalledApp] = {}
    administrator_sids: tuple[str, ...] = ()
    certificates: dict[str, str] = {}
    wifi_profiles: dict[str, str] = {}
    vpn_profiles: dict[str, str] = {}
    updates: list[str] = []
    computer_name: str = ""
    pending_name: str = ""
    region: str = ""
    language: str = ""
    keyboard: str = ""
    second_keyboard: str = ""
    join: JoinState | None = None
    enrolment: Enrolment | None = None
    profile: CloudAssignedProfile | None = None
    oobe_pages: set[str] = set()
    resume: str = ""
    checkpoint: str = ""
    technician: bool = False
    technician_began: int = 0
    resealed: bool = False
    resealed_at: int = 0
    reset_by_technician: bool = False
    domain: DomainState | None = None
    offline_profile_used: bool = False
    """Whether a profile file has guided a setup of this image; a reset does not make it forget (rule X6)."""
    oobe_complete: bool = False
    kiosk_app: str = ""
    sign_in_assistant_off: bool = False
    kiosk_since: tuple[int, int] = (0, 0)
    auto_logon_lost: str = ""
    signed_in_user: str = ""
    users: list[str] = []
    reset_order: str = ""
    reset: str = ""
    packages: list[str] = []
    bitlocker: str = ""
    late_updates: bool = False
    edition_key: str = ""
    configmgr: str = ""
    known_folders: str = ""
    dfci: str = ""
    ime_installed: bool = False
    device_lock: bool = False
    policies: dict[str, str] = {}
    jobs: dict[str, str] = {}
    failed_jobs: dict[str, str] = {}
    app_names: dict[str, str] = {}
    esp_started: dict[str, int] = {}
    left_page: bool = False
    locked_out: bool = False
    restart_rule: str = ""
    restart_kind: str = ""
    scripts: set[str] = set()
    reboots: int = 0
    power_losses: int = 0
    boots: int = 0
    sessions: int = 0
    free_mb: int = 0


class Memory(msgspec.Struct):
    """Facts that end with the power."""

    profile: CloudAssignedProfile | None = None
    profile_error: str = ""
    profile_asked: bool = False
    credentials: str = ""
    user_id: str = ""
    user_name: str = ""
    token: SignedIn | None = None
    device_token: DeviceToken | None = None
    aik_certificate: str = ""
    domain_join_since: int | None = None
    single_sign_on: bool = False
    locked: bool = False
    pass_refused: str = ""
    subscription: str = ""
    profile_resident: bool = False
    administrator_by_role: bool = False
    links_hidden: bool = False
    terms_accepted: str = ""
    user_sid: str = ""
    reboot_reasons: list[str] = []
    installer_owner: str = ""
    installer_clash: str = ""
    win32_installing: str = ""
    office_hung: bool = False
    msi_queue: list[tuple[str, str]] = []
    order_refused: str = ""
