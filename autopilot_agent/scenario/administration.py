"""What an administrator does in the tenant, at once or when its virtual time comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from autopilot_agent import rulebook
from autopilot_agent.clock import MINUTE
from autopilot_agent.errors import InputError
from autopilot_agent.scenario.act_specs import NOTHING, Admin, items_of
from autopilot_agent.scenario.durations import format_duration, parse_duration
from autopilot_agent.scenario.enrolling import Registrar
from autopilot_agent.scenario.on_premises import active_directory_of
from autopilot_agent.tenant import registration

if TYPE_CHECKING:
    from autopilot_agent.scenario.plan import Plan
    from autopilot_agent.tenant.state import EnrolledDevice

def administer(plan: Plan, index: int, act: Admin) -> None:
    """Carry out one act of an administrator, or put it on the agenda; raises ``InputError`` for what cannot be done."""
    work = _Work(plan, index, act)
    if not work.items:
        raise work.refuse(NOTHING)
    if act.at is None:
        work.do(plan.world.now)
        return
    due = parse_duration(act.at)
    if due < plan.world.now:
        now = format_duration(plan.world.now)
        raise work.refuse(f"{act.at} after power-on is over, it is {now} by then; write it before the act that it falls into.")
    plan.agenda.add(due, work.do, wanted=True)


ON_PREMISES = {"active_directory", "odj_connector", "entra_connect"}
"""What of the scenario's cloud stands on the organisation's own ground."""


class _Work:
    """One act, item by item, in the order in which an administrator would do them."""

    def __init__(self, plan: Plan, index: int, act: Admin) -> None:
        self.plan, self.index, self.act = plan, index, act
        self.state, self.world = plan.state, plan.world
        self.registrar = Registrar(plan, self.refuse)
        self.items = items_of(act)

    def refuse(self, why: str) -> InputError:
        """The act cannot be done."""
        from autopilot_agent.scenario.playing import _place

        return InputError(f"the act admin is impossible here: {why}", _place(self.plan, self.index))

    def do(self, now: int) -> None:
        """Do everything at the moment ``now``, which is not before the last event."""
        for name in self.items:
            getattr(self, name)(now)

    def changed(self, text: str, rule: str, now: int) -> None:
        self.world.cloud_changed(text, rule, now)

    @property
    def serial(self) -> str:
        return self.plan.device.hardware.serial_number

    # One method an item of the act.

    def tenant(self, now: int) -> None:
        from autopilot_agent.scenario.plan import targeting_of

        data = self.plan.changes[self.index]
        self.state.replace_data(data, targeting_of(data))
        self.changed(f"changed: {', '.join(self.act.tenant)}", "SET-LATE-CHANGE", now)

    def cloud(self, now: int) -> None:
        from autopilot_agent.scenario.plan import changed_cloud, conditions_of

        self.plan.cloud = changed_cloud(self.plan.cloud, self.act.cloud)
        self.state.conditions = conditions_of(self.plan.cloud, self.plan.scenario.device.registered_by)
        if ON_PREMISES & self.act.cloud.keys():
            before, after = self.state.active_directory, active_directory_of(self.plan.cloud, self.plan.world)
            after.computers, after.log, after.computers_made = before.computers, before.log, before.computers_made
            self.state.active_directory = after
        said = ", ".join(f"{name} {str(value).lower()}" for name, value in self.act.cloud.items())
        self.changed(f"the cloud is different now: {said}", "E-CLOUD", now)

    def register(self, now: int) -> None:
        source = self.act.register if isinstance(self.act.register, str) else "administrator"
        self.registrar.register(source, self.act, now)

    def import_csv(self, now: int) -> None:
        self.registrar.import_csv(self.act, now)

    def group_tag(self, now: int) -> None:
        if not self.act.register:
            self.registrar.set_group_tag(self.act.group_tag or "", now)

    def assigned_user(self, now: int) -> None:
        if not self.act.register:
            self.registrar.assign_user(self.act.assigned_user or "", now)

    def assign_profile(self, now: int) -> None:
        self.registrar.assign_profile(self.act.assign_profile or "", now)

    def unassign_profile(self, now: int) -> None:
        self.registrar.assign_profile("", now)

    def convert_targeted(self, now: int) -> None:
        self.registrar.convert_targeted(self.act.convert_targeted or "", now)

    def owner_type(self, now: int) -> None:
        device = self.managed_device()
        owned = "Corporate" if self.act.owner_type == "company" else "Personal"
        if device.facts_for_filters is not None:
            device.facts_for_filters = structs.replace(device.facts_for_filters, device_ownership=owned)
        self.changed(f"the device counts as {owned.casefold()} now", "SET-CONVERT", now)

    def managed_device(self) -> EnrolledDevice:
        device = registration.managed(self.state, self.serial)
        if device is None:
            raise self.refuse("Intune has no record of this device.")
        return device

    def deregister(self, now: int) -> None:
        registration.deregister(self.state, self.registrar.registration())
        self.changed(f"the Autopilot registration of {self.serial} is deleted", "REG-DEREGISTER", now)

    def delete_managed_device(self, now: int) -> None:
        registration.delete_managed_device(self.state, self.managed_device())
        self.changed(f"the Intune record of {self.serial} is deleted", "REG-DEREGISTER", now)

    def delete_entra_device(self, now: int) -> None:
        identity = self.state.find_identity(self.serial)
        join = self.plan.device.disk.join
        found = (identity.azure_active_directory_device_id if identity is not None else None) or (join and join.device_id)
        if not found or found in self.state.deleted_objects:
            raise self.refuse("Entra has no object of this device.")
        self.state.deleted_objects.add(found)
        self.state.joined.pop(found, None)
        self.changed(f"the Entra object {found} is deleted", "REG-OBJECT", now)

    def unblock(self, now: int) -> None:
        identity = self.registrar.registration().identity
        if identity.id not in self.state.used_registrations and identity.userless_enrollment_status != "blocked":
            raise self.refuse("nothing blocks this device: it has not enrolled without a user.")
        self.state.used_registrations.discard(identity.id)
        self.registrar.registration().identity = structs.replace(identity, userless_enrollment_status="allowed")
        self.changed(f"{self.serial} is unblocked: it may enrol once more without a user", "REG-ONE-TIME", now)

    def sync(self, now: int) -> None:
        runs = self.world.duration("sync-run", len(self.state.sync_answers))
        pause = int((rulebook.durations()["portal-sync"].minimum or 0) * 1000)
        if self.state.assumptions.get("Q-12") == "15 minutes":
            pause = 15 * MINUTE
        answer = registration.synchronize(self.state, now, runs, pause)
        self.state.sync_answers.append(answer)
        meaning = {204: "accepted", 409: "one is running", 429: "too soon after the last one"}[answer]
        self.changed(f"Sync is pressed: {answer}, {meaning}", "REG-SYNC", now)
