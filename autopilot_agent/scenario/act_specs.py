"""Acts as types: what can be done with a PC and its tenant, one after the other, each with what it may say besides.

In a file an act is its name, or a mapping with ``act: <name>`` and more: ``{act: ship, for: 10d, network: wifi}``.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from autopilot_agent.scenario.parts import Answer, Duration, ExpectSpec, NetworkSpec, Strict


class Act(Strict, tag_field="act"):
    """What every act can say: how much time passes before it (the PC is off), and what must be true after it."""

    after: Duration | None = None
    expect: ExpectSpec | None = None


class Played(Act):
    """An act in which somebody sits in front of the PC. ``person`` answers pages of this act and wins over the scenario's."""

    person: dict[str, Answer | list[Answer]] = msgspec.field(default_factory=dict)


class Provision(Played, tag="provision"):
    """Power on and go through what the mode plays; after an earlier act: once more, with what is on the disk by then.

    ``until`` leaves the PC when a state is entered. What comes next finds it switched off there.
    """

    until: str | None = None


class Technician(Played, tag="technician"):
    """Power on, press the Windows key five times, pre-provision; ends at the green or the red page."""

    until: str | None = None


class Reseal(Played, tag="reseal"):
    """Press Reseal on the green page."""


class Ship(Act, tag="ship"):
    """The PC is sent somewhere: switched off for a while, and on another network afterwards."""

    duration: Duration = msgspec.field(default="7d", name="for")
    network: Literal["ethernet", "wifi"] | NetworkSpec | None = None


class Wait(Act, tag="wait"):
    """Time passes; the PC is switched off."""

    duration: Duration = msgspec.field(default="1h", name="for")


class User(Played, tag="user"):
    """The user's part: the user flow of a resealed PC, or a sign-in to Windows where OOBE is over. ``name`` is who signs in."""

    name: str = ""
    until: str | None = None


class ResetLocal(Played, tag="reset_local"):
    """Autopilot Reset from the lock screen: Ctrl+Win+R and a local administrator's credentials."""


class ResetRemote(Played, tag="reset_remote"):
    """Autopilot Reset that an administrator orders in the portal."""


class Wipe(Played, tag="wipe"):
    """A wipe that an administrator orders; ``keep_enrollment_and_user`` as in the portal."""

    keep_enrollment_and_user: bool = False


class FreshStart(Played, tag="fresh_start"):
    """A fresh start that an administrator orders; ``keep_user_data`` as in the portal."""

    keep_user_data: bool = False


class Retire(Played, tag="retire"):
    """Retirement that an administrator orders: company data and management go, the rest stays."""


class PowerCut(Act, tag="power_cut"):
    """The plug is pulled where the PC stands. What is on the disk stays."""

    off_for: Duration = "1m"


class ReplaceMotherboard(Act, tag="replace_motherboard"):
    """A technician replaces the board; the disk stays. Firmware data that is not written stays as it was."""

    serial_number: str | None = None
    product_key: str | None = None


class TaskSequence(Act, tag="task_sequence"):
    """A ConfigMgr task sequence reimages the PC and copies the profile file; ``generalize`` leaves the default step in."""

    generalize: bool = False
    delete_unattend: bool = True
    join_domain: bool = False


class CaptureHash(Act, tag="capture_hash"):
    """Somebody reads the hardware hash from the PC, to register it. ``way`` is how: a PowerShell script, ConfigMgr, or by hand
    from Settings or the diagnostics page. Windows 11 SE only knows the last.
    """

    way: Literal["script", "configmgr", "by hand"] = "script"


class Admin(Act, tag="admin"):
    """What an administrator does in the tenant, here or at a virtual time (``at``, counted from power-on of the first act).

    An act with ``at`` is written before the act that it falls into.

    ``tenant`` brings resources with Graph's names: one with the id, or the display name, of a known one replaces it, and
    below ``change`` stand collections, names and what to change of those; ``cloud``
    changes the scenario's words of that name. ``register`` says who does it: an administrator by the hash, a partner by make,
    model and serial number, or the maker, who needs the tenant's consent. ``import_csv`` is a file beside the scenario, or rows
    in which {serial}, {hash} and {product} stand for this PC's. ``assign_profile`` is the display name of a profile.
    """

    at: Duration | None = None
    register: bool | Literal["administrator", "partner", "oem"] = False
    consent: bool = True
    group_tag: str | None = None
    assigned_user: str | None = None
    import_csv: str = ""
    import_encoding: Literal["ansi", "utf-8", "utf-8-bom", "utf-16"] | None = None
    assign_profile: str | None = None
    unassign_profile: bool = False
    convert_targeted: str | None = None
    owner_type: Literal["company", "personal"] | None = None
    deregister: bool = False
    unblock: bool = False
    delete_managed_device: bool = False
    delete_entra_device: bool = False
    sync: bool = False
    tenant: dict[str, Any] = msgspec.field(default_factory=dict)
    cloud: dict[str, Any] = msgspec.field(default_factory=dict)


ActSpec = (
    Provision
    | Technician
    | Reseal
    | Ship
    | Wait
    | User
    | ResetLocal
    | ResetRemote
    | Wipe
    | FreshStart
    | Retire
    | PowerCut
    | ReplaceMotherboard
    | TaskSequence
    | CaptureHash
    | Admin
)

ACTS: dict[str, type[Act]] = {str(kind.__struct_config__.tag): kind for kind in ActSpec.__args__}
"""Every act by its name."""


def name_of(act: ActSpec) -> str:
    """The name of an act, as in a file."""
    return str(act.__struct_config__.tag)


def written_out(act: str | ActSpec) -> ActSpec:
    """An act that a file names only by its name, as a type; raises ``KeyError`` for a name that there is not."""
    return ACTS[act]() if isinstance(act, str) else act  # type: ignore[return-value]  # the table holds these kinds


ORDER = (
    "tenant",
    "cloud",
    "delete_managed_device",
    "deregister",
    "delete_entra_device",
    "register",
    "import_csv",
    "group_tag",
    "assigned_user",
    "assign_profile",
    "unassign_profile",
    "owner_type",
    "convert_targeted",
    "unblock",
    "sync",
)
"""What an administrator does, in the order in which it is done."""


def items_of(act: Admin) -> list[str]:
    """What an act says to be done, in order; "" takes a group tag or an assigned user away."""
    removed = [name for name in ("assigned_user", "group_tag") if getattr(act, name) == ""]
    return [name for name in ORDER if getattr(act, name) or name in removed]


NOTHING = "it says nothing that would be done; write register, deregister, cloud or something else."
