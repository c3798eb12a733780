"""Registration in a run, from the administrator's side: who registers the PC, what the service answers, how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import structs

from autopilot_agent import rulebook
from autopilot_agent.errors import InputError, Place
from autopilot_agent.scenario.profile_file import CODECS, beside
from autopilot_agent.tenant.hash_csv import LIMIT, HashFile, Row, read_hashes
from autopilot_agent.tenant.registration import (
    NewDevice,
    Refused,
    check_user,
    groups_of,
    known_registration,
    managed,
    profile_of,
    register,
    set_status,
)

if TYPE_CHECKING:
    from autopilot_agent.scenario.act_specs import Admin
    from autopilot_agent.scenario.plan import Plan
    from autopilot_agent.tenant.graph.profiles import WindowsAutopilotDeploymentProfile
    from autopilot_agent.tenant.state import Registration

WHO = {"administrator": "an administrator", "partner": "a partner", "oem": "the maker", "conversion": "Intune"}


class Registrar:
    """Registrations of one run. ``refuse`` makes the error for what cannot be done."""

    def __init__(self, plan: Plan, refuse: Callable[[str], InputError]) -> None:
        self.plan, self.refuse = plan, refuse
        self.state, self.world, self.hardware = plan.state, plan.world, plan.device.hardware

    def registration(self) -> Registration:
        """The registration of this PC; ``InputError`` without one."""
        found = known_registration(self.state, self.hardware.serial_number)
        if found is None:
            raise self.refuse(f"nobody registered {self.hardware.serial_number}; register it before.")
        return found

    def register(self, source: str, act: Admin, now: int) -> None:
        """This PC, by an administrator (its hash), a partner (make, model, serial number) or its maker."""
        if source == "oem" and not act.consent:
            text = "the maker cannot register the device: the tenant has not given its consent"
            self._record_refusal("", text, now, "REG-SOURCES")
            return
        hardware = self.hardware
        device = NewDevice(
            hardware.serial_number,
            hardware.product_key,
            hardware.manufacturer,
            hardware.model,
            hardware.hash,
            source,
            act.group_tag or "",
            act.assigned_user or "",
            hardware.board > 1,
        )
        if act.assigned_user:
            self._check_user(act.assigned_user)
        self._enter(device, now)

    def import_csv(self, act: Admin, now: int) -> None:
        """A hash file: what the portal says at once, and the devices some minutes later."""
        found = read_hashes(self._csv(act))
        for finding in found.findings:
            where = f"line {finding.line}: " if finding.line else ""
            if finding.error:
                self._record_refusal(finding.name, f"import, {where}{finding.text}", now)
            else:
                self.world.cloud_changed(f"import, {where}{finding.text}", "REG-CSV", now)
        if found.refused or not found.rows:
            return
        takes = self.world.duration("hash-import", self.world.count("hash-import"))
        self.world.cloud_changed(f"{_devices(found)} imported; the status is pending", "REG-CSV", now)
        self.plan.agenda.add(now + takes, lambda due: self._imported(found.rows, due))

    def _csv(self, act: Admin) -> bytes:
        text = act.import_csv
        if "\n" not in text and "," not in text:
            if act.import_encoding is not None:
                raise self.refuse("a file is taken byte for byte; remove import_encoding.")
            if self.plan.loaded is None:
                raise self.refuse("there is no scenario file to look beside.")
            try:
                return beside(self.plan.loaded, text.strip(), LIMIT, self.refuse("").place or Place(""))
            except InputError as error:  # told at the act that names the file
                raise self.refuse(f"import_csv {text.strip()[:80]!r}: {error.message}") from None
        hardware = self.hardware
        for word, value in (("serial", hardware.serial_number), ("hash", hardware.hash), ("product", hardware.product_key)):
            text = text.replace("{" + word + "}", value)
        return text.encode(CODECS[act.import_encoding or "ansi"], "replace")

    def _imported(self, rows: list[Row], now: int) -> None:
        for row in rows:
            content = row.content
            device = NewDevice(
                content.serial_number,
                row.product_key or content.product_key,
                content.manufacturer,
                content.model,
                row.hardware_hash,
                "administrator",
                row.group_tag,
                row.assigned_user,
            )
            self._enter(device, now)

    def _enter(self, device: NewDevice, now: int) -> None:
        try:
            found = register(self.state, device, now)
        except Refused as refused:
            self._record_refusal(refused.code, f"{device.serial_number} is not registered: {refused}", now)
            return
        self.world.cloud_changed(f"{WHO[device.source]} registers {device.serial_number}", "REG-SOURCES", now)
        self._assign_later(found, now)

    def _record_refusal(self, code: str, text: str, now: int, rule: str = "F-90") -> None:
        self.state.import_errors.append(code or text)
        self.world.cloud_changed(text, rule, now)
        number = code.partition(" ")[0]
        known = rulebook.codes().get(number) if number in ("806", "808") else None
        if known is not None:
            self.world.cloud_changed(f"the service answers {number}: {known.meaning}", "REG-IMPORT-CODES", now)

    # Profiles reach a registration after a while.

    def set_group_tag(self, tag: str, now: int) -> None:
        """Another group tag: other groups, and some minutes later perhaps another profile."""
        found = self.registration()
        self._hold(found)
        found.identity = structs.replace(found.identity, group_tag=tag or None)
        self.world.cloud_changed(f"group tag {tag!r}" if tag else "the group tag is removed", "REG-ORDERID", now)
        self._assign_later(found, now)

    def assign_user(self, name: str, now: int) -> None:
        """Assign a user; only the domain is checked, so a slip of the pen can lock people out."""
        found = self.registration()
        if name:
            self._check_user(name)
        found.identity = structs.replace(found.identity, user_principal_name=name or None)
        self.world.cloud_changed(f"assigned user: {name}" if name else "no user is assigned any more", "REG-ASSIGNED-USER", now)

    def _check_user(self, name: str) -> None:
        try:
            check_user(self.state, name)
        except Refused as refused:
            raise self.refuse(f"{refused}; the portal refuses it.") from None

    def assign_profile(self, name: str, now: int) -> None:
        """A profile for this device alone, by a group of its own; "" takes it away again."""
        found = self.registration()
        profile = self._profile(name) if name else None
        if profile is None and not found.profile_id:
            raise self.refuse("no profile was assigned to this device by itself; change its groups instead.")
        text = f"the profile {name!r} is assigned" if name else "the profile's assignment is removed"
        self.world.cloud_changed(text, "REG-STATES", now)
        self._assign_later(found, now, profile.id if profile is not None else "")

    def _profile(self, name: str) -> WindowsAutopilotDeploymentProfile:
        for one in self.state.data.windows_autopilot_deployment_profiles:
            if one.display_name == name:
                return one
        raise self.refuse(f"there is no profile {name!r} in the tenant.")

    def _hold(self, found: Registration) -> None:
        if found.groups is None:
            found.groups = groups_of(self.state, found.identity)

    def _assign_later(self, found: Registration, now: int, profile_id: str | None = None) -> None:
        """First the groups are worked out, then the profile is pushed to the service (flows.md 7.2)."""
        takes = self.world.duration("profile-assignment", self.world.count("profile-assignment"))
        found.assigned_at = now + takes
        new = found.identity.deployment_profile_assignment_status == "notAssigned"
        if not new:
            set_status(found, "assignedOutOfSync")

        def grouped(due: int) -> None:
            profile, _ = profile_of(self.state, found.identity, groups_of(self.state, found.identity))
            if profile is not None or profile_id:
                set_status(found, "pending")
                self._say_status(found, due)

        def assigned(due: int) -> None:
            found.groups = None
            if profile_id is not None:
                found.profile_id = profile_id
            profile, _ = profile_of(self.state, found.identity, groups_of(self.state, found.identity))
            set_status(found, "assignedInSync" if profile is not None else "notAssigned")
            self._say_status(found, due, profile.display_name or "" if profile is not None else "")

        if new:
            self.plan.agenda.add(now + takes // 2, grouped)
        self.plan.agenda.add(now + takes, assigned)

    def _say_status(self, found: Registration, now: int, profile: str = "") -> None:
        identity = found.identity
        text = f"{identity.serial_number}: profile status {identity.deployment_profile_assignment_status}"
        self.world.cloud_changed(f"{text}, {profile}" if profile else text, "REG-STATES", now)

    # Convert all targeted devices.

    def convert_targeted(self, name: str, now: int) -> None:
        """A managed corporate device that the profile reaches is registered at a check-in within 48 hours."""
        profile = self._profile(name)
        serial = self.hardware.serial_number
        device = managed(self.state, serial)
        if device is None:
            raise self.refuse("only managed devices are converted, and Intune has no record of this one.")
        self.world.cloud_changed(f"{name!r} converts all targeted devices", "SET-CONVERT", now)
        groups = {line.group for line in profile.assignments}
        facts = device.facts_for_filters
        if facts is None or facts.device_ownership != "Corporate":
            self.world.cloud_changed(f"{serial} counts as personal and is not converted", "SET-CONVERT", now)
        elif not self._reaches(profile, device.device_groups, groups):
            self.world.cloud_changed(f"{serial} is in no group of {name!r} and is not converted", "SET-CONVERT", now)
        elif self.state.find_identity(serial) is None:
            hardware = self.hardware
            new = NewDevice(serial, hardware.product_key, hardware.manufacturer, hardware.model, hardware.hash, "conversion")
            takes = self.world.duration("convert-targeted")
            self.plan.agenda.add(now + takes, lambda due: self._enter(new, due))

    def _reaches(
        self, profile: WindowsAutopilotDeploymentProfile, groups: frozenset[str], named: set[str | None]
    ) -> bool:
        everybody = any(line.target.kind == "allDevices" for line in profile.assignments)
        return everybody or not groups.isdisjoint(one for one in named if one)


def _devices(found: HashFile) -> str:
    return f"{len(found.rows)} device{'s are' if len(found.rows) > 1 else ' is'}"
