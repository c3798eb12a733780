"""Active Directory of one run: its computers, the Intune connector that makes them, the sync that carries them to Entra."""

from __future__ import annotations

import msgspec

MACHINE_QUOTA = 10
"""ms-DS-MachineAccountQuota: how many computers an account may add that nobody delegated rights to."""
NEVER = 1 << 62


class Computer(msgspec.Struct):
    """A computer object. ``certificate_at`` is when the computer wrote ``userCertificate`` (None: it did not)."""

    name: str
    organizational_unit: str
    object_guid: str
    sid: str
    password: str
    created_at: int
    certificate_at: int | None = None


class ActiveDirectory(msgspec.Struct):
    """The organisation's directory and what links it to the cloud; times in virtual milliseconds.

    ``connector`` and ``sync`` are what they are until their ``..._until``, and good from then on. ``sync_every`` is the cycle
    of the directory sync, ``sync_phase`` when in it the first one comes.
    """

    domain: str = "corp.contoso.example"
    organizational_units: tuple[str, ...] = ()
    connection_point: bool = True
    connector: str = "up"
    connector_until: int = NEVER
    connector_takes: int = 120_000
    computers_made: int = 0
    sync: str = "on"
    sync_until: int = NEVER
    sync_every: int = 1_800_000
    sync_phase: int = 0
    computers: dict[str, Computer] = msgspec.field(default_factory=dict)
    log: list[str] = msgspec.field(default_factory=list)

    def connector_at(self, now: int) -> str:
        """What the connector is like now: up, down, inactive, no_rights or quota."""
        return self.connector if now < self.connector_until else "up"

    def synced(self, computer: Computer, now: int) -> bool:
        """Whether a cycle of the sync came between the computer's certificate and now."""
        written = computer.certificate_at
        if written is None:
            return False
        if self.sync == "off":
            if now < self.sync_until:
                return False
            written = max(written, self.sync_until)
        cycles = -(-(written - self.sync_phase) // self.sync_every)
        return self.sync_phase + max(0, cycles) * self.sync_every <= now


def wrong_unit(unit: str, known: tuple[str, ...]) -> str:
    """Why no computer can be made in an OU, or "" (rule SET-DOMAIN-JOIN); an empty one is the domain's own default."""
    if not unit:
        return ""
    parts = [part.strip() for part in unit.split(",")]
    if unit.startswith('"') or unit.endswith('"'):
        return f"the OU {unit} stands in quotation marks"
    if parts[0].casefold().startswith("cn="):
        return f"{unit} is a container, not an OU"
    if not any(part.casefold().startswith("dc=") for part in parts):
        return f"the OU {unit} lacks its DC parts"
    if known and unit.casefold() not in {one.casefold() for one in known}:
        return f"there is no OU {unit}"
    return ""
